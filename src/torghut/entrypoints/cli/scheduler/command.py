"""``torghut scheduler run`` and ``cycle``: govern a loop, or look once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import TypedDict, Unpack, override

from torghut.artifacts.signatures import parse_private_key
from torghut.composition import machine, scheduling
from torghut.entrypoints.cli.approval.asking import SPAN
from torghut.entrypoints.cli.console import (
    json_option,
    plural,
    print_fields,
    print_json,
    progress,
    stamp,
)
from torghut.entrypoints.cli.lookup.reading import log_option
from torghut.entrypoints.cli.lookup.times import RangeType, TimeType
from torghut.entrypoints.cli.rollout.reviewing import page_of
from torghut.entrypoints.cli.scheduler.signing import read_signing_key
from torghut.governance.notes.advising import in_force
from torghut.governance.notes.note import note_path
from torghut.kernel.canonical import JsonObject, canonical_text
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.units import NS_PER_S
from torghut.schemas.scheduling.note import IterationNote
from torghut.settings import artifact_dir
from torghut.workflows.scheduling.backfilling import Backfilled, Grid, backfill
from torghut.workflows.scheduling.running import Rest, govern, run_one

__all__ = ["cycle", "run"]

_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)

_key_option: Final = click.option(
    "--key", type=_FILE, help="Ed25519 private key in PEM; final manifests are signed with it."
)
_token_option: Final = click.option(
    "--token-file", type=_FILE, help="File with a token that may operate; else the service's own."
)


class _Run(TypedDict):
    """What ``run`` was asked for."""

    log_path: Path
    key: Path | None
    token_file: Path | None
    simulated: tuple[int, int] | None
    every: int | None
    beside: bool
    as_json: bool


class _Stoppable(Rest):
    """Rests until asked to stop.

    Args:
        stopping: Set by a signal.
    """

    def __init__(self, stopping: machine.Stopping) -> None:
        self._stopping = stopping

    @override
    async def rest(self, seconds: float, /) -> bool:
        await self._stopping.pause(seconds)
        return not self._stopping.asked.is_set()


@click.command()
@log_option
@_key_option
@_token_option
@click.option(
    "--simulate-clock",
    "simulated",
    type=RangeType(),
    metavar="FROM..TO",
    help="Over a log of recorded data: cycles at these times, without waiting.",
)
@click.option(
    "--every", type=SPAN, metavar="SPAN", help="Between simulated cycles; by default as declared."
)
@click.option("--beside", is_flag=True, hidden=True, help="End with standard input, too.")
@json_option
def run(**typed: Unpack[_Run]) -> ExitCode:
    """Govern the loop that writes a decision log, in cycles, until asked to stop.

    One process governs at a time: it holds a lease, and ends with an error if it loses it. Each
    cycle leaves a note below the artifact root.

    With --simulate-clock it is a backfill over recorded data: nothing later than a cycle's time is
    seen in it, and nobody is told anything. Broken off, the same command goes on where it was.
    Ends with 0 once every cycle is done, with 6 if it was asked to stop before.
    """
    simulated, every_ns = typed["simulated"], typed["every"]
    if every_ns is not None and simulated is None:
        message = "--every: expected --simulate-clock beside it"
        raise click.UsageError(message)
    asked = scheduling.Asked(
        log=typed["log_path"],
        key=_signing_key(typed),
        token_file=typed["token_file"],
        page=page_of,
        faulted=_say_fault,
        recorded=simulated is not None,
    )
    told: Callable[[IterationNote], None] = _print_json_line if typed["as_json"] else _print_line
    if simulated is not None:
        return _backfill(asked, simulated, every_ns, told)

    async def work() -> None:
        term = scheduling.term_of(asked, told)
        with machine.stop_on_signals(at_end_of_input=typed["beside"]) as stopping:
            await govern(term, _Stoppable(stopping))

    asyncio.run(work())
    return ExitCode.YES


def _backfill(
    asked: scheduling.Asked,
    simulated: tuple[int, int],
    every_ns: int | None,
    told: Callable[[IterationNote], None],
) -> ExitCode:
    """Run the cycles of a range over recorded data, and show how far it is."""

    async def work() -> Backfilled:
        term = scheduling.term_of(asked, lambda _: None)
        grid = Grid(
            from_ns=simulated[0],
            to_ns=simulated[1],
            every_ns=every_ns or term.policy.cycles.every_s * NS_PER_S,
        )
        with progress() as shown, machine.stop_on_signals() as stopping:
            shown.stage(f"Governing {asked.log.name}", total=grid.count)

            def tell(note: IterationNote, done: int) -> None:
                with shown.hidden():
                    told(note)
                shown.at(done, f"{done:,} of {plural(grid.count, 'cycle')}")

            return await backfill(term, grid, going=lambda: not stopping.asked.is_set(), told=tell)

    found = asyncio.run(work())
    again = f", {found.before:,} were done before" if found.before else ""
    left = f", {found.left:,} left: the same command goes on" if found.left else ""
    click.echo(f"{plural(found.done, 'cycle')}{again}{left}", err=True)
    return ExitCode.NOT_FINAL if found.left else ExitCode.YES


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
    asked = scheduling.Asked(
        log=log_path,
        key=_key(key),
        token_file=token_file,
        recorded=recorded,
        page=page_of,
        faulted=_say_fault,
        once=True,
    )

    async def work() -> IterationNote:
        return await run_one(scheduling.term_of(asked, lambda _: None), now_ns=simulated)

    note = asyncio.run(work())
    (_print_json if as_json else _print_note)(note)
    return ExitCode.NO if note.outcome == "lane_execution_failed" else ExitCode.YES


def _signing_key(typed: _Run) -> Ed25519PrivateKey | None:
    """Return the key that manifests are signed with; a service has spoken of its own."""
    path = typed["key"]
    return _key(path) if path is None or typed["beside"] else read_signing_key(path)


def _key(path: Path | None) -> Ed25519PrivateKey | None:
    """Return the key in a file."""
    return None if path is None else parse_private_key(path.read_bytes())


def _say_fault(error: TorghutError) -> None:
    """Say what went wrong: a cycle that broke off, which the next one ends, a beat or the page."""
    click.echo(f"governance: {error.code}: {error}", err=True)


def _print_json_line(note: IterationNote) -> None:
    """Print a note for machines, on one line."""
    click.echo(canonical_text(note.model_dump(mode="json")))


def _print_json(note: IterationNote) -> None:
    """Print a note for machines."""
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
        "advice": "nobody could look" if note.advice is None else in_force(note.advice),
        "stopped by": "nothing" if stop is None else stop.path,
        "rollback": "none" if rollback is None else rollback.path,
        "manifest": "none" if manifest is None else f"{manifest.path}: {note.manifest_status}",
        "missing for live": ", ".join(note.missing_for_live) or "nothing was asked for",
        "note": str(artifact_dir() / note_path(note.iteration)),
    }
    print_fields(fields)
    for remark in note.remarks:
        click.echo(f"  {remark}")
