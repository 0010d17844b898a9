"""``torghut promotion apply`` and ``revert``: put on record who serves."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Final

import click
from typing_extensions import TypedDict, Unpack

from torghut.composition import governing
from torghut.entrypoints.cli.approval.asking import AMOUNT, office, read_checked, reason_option
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.rollout.asking import attempt_option
from torghut.kernel.canonical import canonical_text
from torghut.kernel.errors import ExitCode
from torghut.settings import artifact_dir
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.promoting import Changed, promote
from torghut.workflows.approving.promoting import revert as take_back
from torghut.workflows.reviewing.runs import run_on_record
from torghut.workflows.rollout.places import run_folder

__all__ = ["apply", "revert"]

_MANIFEST: Final = "rollout/phase-manifest.json"

_control_option = click.option(
    "--control",
    "only_control",
    is_flag=True,
    help="Print only the control record, for `torghut control send -`.",
)


class _Apply(TypedDict):
    """What ``apply`` was asked for."""

    run_id: str
    attempt: int | None
    approval: str | None
    notional_cap: Decimal | None
    replaces: str | None
    only_control: bool
    as_json: bool


@click.command()
@click.argument("run_id")
@attempt_option
@click.option("--approval", metavar="ID", help="Used up by this promotion; for live alone.")
@click.option("--notional-cap", type=AMOUNT, help="For live; by default what was approved.")
@click.option(
    "--replaces", metavar="DIGEST", help="Package that serves while nothing was promoted yet."
)
@_control_option
@json_option
def apply(**asked: Unpack[_Apply]) -> ExitCode:
    """Promote the candidate of the run RUN_ID to the target of its final, signed, passing manifest.

    It is put on record here; a running loop is told by the control record that is printed. The same
    again changes nothing. Ends with 5 if somebody else changed who serves meanwhile.
    """
    place = office("torghut promotion apply")
    run = asyncio.run(run_on_record(place.events, asked["run_id"], asked["attempt"])).plan
    folder = artifact_dir() / run_folder(run.run_id, run.attempt)
    manifest = read_checked(place, folder / _MANIFEST, artifact_dir())
    changed = asyncio.run(
        promote(
            place,
            manifest,
            approval=asked["approval"],
            grounds=governing.live_grounds(place.events),
            notional_cap=asked["notional_cap"],
            replaces=asked["replaces"],
        )
    )
    _print(changed, only_control=asked["only_control"], as_json=asked["as_json"])
    return ExitCode.YES


@click.command()
@click.argument("router")
@reason_option
@click.option("--cause", help="Incident that this follows; the same one reverts once.")
@_control_option
@json_option
def revert(
    router: str, *, reason: str, cause: str | None, only_control: bool, as_json: bool
) -> ExitCode:
    """Let serve again what served before the champion of ROUTER.

    It is put on record here; a running loop is told by the control record that is printed. What is
    taken back twice is quarantined.
    """
    place = office("torghut promotion revert")
    changed = asyncio.run(_reverted(place, router, cause=cause, reason=reason))
    _print(changed, only_control=only_control, as_json=as_json)
    return ExitCode.YES


async def _reverted(place: Office, router: str, *, cause: str | None, reason: str) -> Changed:
    """Take the champion back; a command without a cause is one of its own."""
    named = cause or f"command-{place.now_ns}"
    return await take_back(place, router, cause=named, reason=reason)


def _print(changed: Changed, *, only_control: bool, as_json: bool) -> None:
    """Print who serves now, and what a running loop is to be sent."""
    control = None if changed.control is None else changed.control.model_dump(mode="json")
    ledger = changed.ledger
    if only_control:
        if control is not None:
            click.echo(canonical_text(control))
        return
    if as_json:
        print_json(
            {
                "router": changed.router,
                "champion": ledger.digest_of("champion"),
                "previous": ledger.digest_of("previous"),
                "package": ledger.serving,
                "version": ledger.version,
                "again": changed.again,
                "control": control,
            }
        )
        return
    print_fields(
        {
            "router": changed.router,
            "champion": ledger.digest_of("champion") or "none of the ledger's",
            "previous": ledger.digest_of("previous") or "none of the ledger's",
            "on record": "before" if changed.again else f"as change {ledger.version}",
            "to send": "nothing: no package changes"
            if control is None
            else canonical_text(control),
        }
    )
