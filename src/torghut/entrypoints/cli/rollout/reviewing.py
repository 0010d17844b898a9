"""``torghut rollout export`` and ``review``: a run handed on, as a file that verifies or a page."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from torghut.composition import governing, standby
from torghut.entrypoints.cli.console import (
    json_option,
    print_fields,
    print_json,
    shown,
)
from torghut.entrypoints.cli.rollout.asking import attempt_option
from torghut.entrypoints.review.page import review_page
from torghut.governance.rollouts.manifest import manifest_of
from torghut.kernel.errors import ExitCode
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.settings import artifact_dir
from torghut.workflows.reviewing.exporting import export_bytes, export_run
from torghut.workflows.reviewing.material import gather
from torghut.workflows.reviewing.runs import run_on_record
from torghut.workflows.rollout.places import REVIEW, run_folder

__all__ = ["export", "review"]

run_argument = click.argument("run_id", metavar="RUN_ID")


@click.command()
@run_argument
@attempt_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
@json_option
def export(run_id: str, *, attempt: int | None, out: Path, as_json: bool) -> ExitCode:
    """Export a run into one file that `torghut rollout verify` reads anywhere.

    It holds the manifest that holds now, its signature, everything that it cites, and the run's
    events. The same run gives the same bytes. Exported as it is found: what is missing or altered
    is refused.
    """
    events, root = governing.governance_events(artifact_dir()), artifact_dir()

    async def work() -> bytes:
        run = await run_on_record(events, run_id, attempt)
        store = standby.artifact_root(root)
        return export_bytes(await export_run(events, store, run_id, run.plan.attempt))

    body = asyncio.run(work())
    _write(out, body)
    if as_json:
        print_json({"out": str(out), "bytes": len(body)})
    else:
        print_fields(
            {
                "export": f"{shown(out)}, {len(body):,} bytes",
                "next": f"torghut rollout verify {shown(out)} --recompute --key KEY",
            }
        )
    return ExitCode.YES


@click.command()
@run_argument
@attempt_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="By default beside the run's manifest.",
)
def review(run_id: str, *, attempt: int | None, out: Path | None) -> ExitCode:
    """Write the page of a run again, as the run stands now: the same run gives the same bytes."""
    store = standby.artifact_root(artifact_dir())
    events = governing.governance_events(artifact_dir())
    run = asyncio.run(run_on_record(events, run_id, attempt))
    body = page_of(manifest_of(run.state))
    place = f"{run_folder(run_id, run.plan.attempt)}/{REVIEW}"
    if out is None:
        store.replace(place, body)
    else:
        _write(out, body)
    print_fields({"page": shown(artifact_dir() / place if out is None else out)})
    return ExitCode.YES


def page_of(manifest: PhaseManifest) -> bytes:
    """Return the page of a run of this artifact root, out of its manifest and its evidence."""
    material = gather(manifest, standby.artifact_root(artifact_dir()))
    return review_page(material, manifest).encode()


def _write(out: Path, body: bytes) -> None:
    """Write a file where somebody asked for it, whole or not at all."""
    standby.artifact_root(out.absolute().parent).replace(out.name, body)
