"""``torghut scheduler run`` and ``cycle``: govern a loop, or look once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from torghut import bootstrap
from torghut.artifacts.signatures import parse_private_key
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, stamp
from torghut.entrypoints.cli.lookup.reading import log_option
from torghut.entrypoints.cli.lookup.times import TimeType
from torghut.entrypoints.cli.scheduler.assembling import Asked, term_of
from torghut.governance.notes.note import note_path
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.schemas.scheduling.note import IterationNote
from torghut.settings import artifact_dir
from torghut.workflows.scheduling.running import Rest, govern, run_one

__all__ = ["cycle", "run"]

_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)

_key_option: Final = click.option(
    "--key", type=_FILE, help="Ed25519 private key in PEM; final manifests are signed with it."
)
_token_option: Final = click.option(
    "--token-file", type=_FILE, help="File with a token that may operate; else the service's own."
)


class _Stoppable(Rest):
    """Rests until asked to stop.

    Args:
        stopping: Set by a signal.
    """

    def __init__(self, stopping: bootstrap.Stopping) -> None:
        self._stopping = stopping

    @override
    async def rest(self, seconds: float, /) -> bool:
        await self._stopping.pause(seconds)
        return not self._stopping.asked.is_set()


@click.command()
@log_option
@_key_option
@_token_option
@click.option("--beside", is_flag=True, hidden=True, help="End with standard input, too.")
@json_option
def run(
    *, log_path: Path, key: Path | None, token_file: Path | None, beside: bool, as_json: bool
) -> ExitCode:
    """Govern the loop that writes a decision log, in cycles, until asked to stop.

    One process governs at a time: it holds a lease, and ends with an error if it loses it. Each
    cycle leaves a note below the artifact root.
    """
    asked = Asked(log=log_path, key=_key(key), token_file=token_file, recorded=False)
    told: Callable[[IterationNote], None] = _print_json if as_json else _print_line

    async def work() -> None:
        term = term_of(asked, told)
        with bootstrap.stop_on_signals(at_end_of_input=beside) as stopping:
            await govern(term, _Stoppable(stopping))

    asyncio.run(work())
    return ExitCode.YES


@click.command()
@log_option
@_key_option
@_token_option
@click.option(
    "--simulate-clock",
    "simulated",
    type=TimeType(),
    metavar="TIME",
    help="The cycle's time: for a log of recorded data, of which nothing later is seen.",
)
@json_option
def cycle(
    *,
    log_path: Path,
    key: Path | None,
    token_file: Path | None,
    simulated: int | None,
    as_json: bool,
) -> ExitCode:
    """Run one cycle of governance, and print its note.

    Ends with 0 if the cycle is whole, whatever it found; with 1 if its lane broke off.
    """
    recorded = simulated is not None
    asked = Asked(log=log_path, key=_key(key), token_file=token_file, recorded=recorded, once=True)

    async def work() -> IterationNote:
        return await run_one(term_of(asked, lambda _: None), now_ns=simulated)

    note = asyncio.run(work())
    (_print_json if as_json else _print_note)(note)
    return ExitCode.NO if note.outcome == "lane_execution_failed" else ExitCode.YES


def _key(path: Path | None) -> Ed25519PrivateKey | None:
    """Return the key in a file."""
    return None if path is None else parse_private_key(path.read_bytes())


def _print_json(note: IterationNote) -> None:
    """Print a note for machines, on one line."""
    said: JsonObject = note.model_dump(mode="json")
    print_json(said)


def _print_line(note: IterationNote) -> None:
    """Print a note on one line."""
    stop = "  STOPPED" if note.emergency_stop_evidence is not None else ""
    click.echo(
        f"{stamp(note.began_at_ns)}  cycle {note.cycle}  {note.outcome}: {note.reason}  "
        f"{note.throughput.decisions:,} decisions  drift {note.drift_status}{stop}"
    )


def _print_note(note: IterationNote) -> None:
    """Print a note for people."""
    stop, rollback = note.emergency_stop_evidence, note.rollback_evidence
    manifest = note.phase_manifest
    fields = {
        "cycle": f"{note.cycle} at {stamp(note.began_at_ns)}: {note.outcome}, {note.reason}",
        "signals": f"{note.throughput.signals:,}, {note.throughput.decisions:,} decisions",
        "drift": note.drift_status or "not judged",
        "stopped by": "nothing" if stop is None else stop.path,
        "rollback": "none" if rollback is None else rollback.path,
        "manifest": "none" if manifest is None else f"{manifest.path}: {note.manifest_status}",
        "missing for live": ", ".join(note.missing_for_live) or "nothing was asked for",
        "note": str(artifact_dir() / note_path(note.iteration)),
    }
    print_fields(fields)
    for remark in note.remarks:
        click.echo(f"  {remark}")
