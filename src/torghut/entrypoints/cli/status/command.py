"""The command itself: look once, or go on looking."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Final

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from torghut.composition import standby
from torghut.entrypoints.cli.console import json_option, print_json
from torghut.entrypoints.cli.status.advice import next_command
from torghut.entrypoints.cli.status.governance import governance_json
from torghut.entrypoints.cli.status.judging import Judged, Look, Looking, look
from torghut.entrypoints.cli.status.lines import lines_of, summary_of
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant

_AGAIN_S: Final = 0.5


@click.command()
@click.option("--watch", is_flag=True, help="Go on looking until Ctrl-C.")
@click.option("--worker", metavar="NAME", help="This worker alone, whole.")
@json_option
def status(*, watch: bool, worker: str | None, as_json: bool) -> ExitCode:
    """Say how every worker and governance stand, and what to type next.

    Reads the workers' pages, the switch files and the page of governance's scheduler, never a log,
    and changes nothing: it works with the databases, the API and the loop itself down. Ends with 0
    if the loop is told to act, with 1 if it is stopped or stale, with 7 if nobody answers; of
    several workers, with the worst.
    """
    looking = Looking(
        pages=standby.worker_pages,
        thrown=standby.switch_folder().thrown,
        wall=standby.wall_clock(),
        pause=time.sleep,
        worker=worker,
        governance=standby.governance_seen,
    )
    if not watch:
        seen = look(looking)
        if as_json:
            print_json(_as_json(seen))
        else:
            click.echo("\n".join(lines_of(seen)))
        return seen.exit_code
    console = Console()
    if console.is_terminal and not as_json:
        return _redraw(looking, console)
    return _tell_changes(looking, _json_line if as_json else _line)


def _redraw(looking: Looking, console: Console) -> ExitCode:
    """Draw everything anew twice a second."""
    seen = look(looking)
    with Live(console=console, auto_refresh=False) as drawn:
        try:
            while True:
                drawn.update(Text("\n".join(lines_of(seen))), refresh=True)
                looking.pause(_AGAIN_S)
                seen = look(looking)
        except KeyboardInterrupt:
            return seen.exit_code


def _tell_changes(looking: Looking, line: Callable[[Look], str]) -> ExitCode:
    """Print a line whenever something changes."""
    told = ""
    seen = look(looking)
    try:
        while True:
            if (summary := summary_of(seen)) != told:
                click.echo(line(seen))
                told = summary
            looking.pause(_AGAIN_S)
            seen = look(looking)
    except KeyboardInterrupt:
        return seen.exit_code


def _line(seen: Look) -> str:
    """Return a look on one line."""
    return f"{instant(seen.now_ns)} {summary_of(seen)}"


def _json_line(seen: Look) -> str:
    """Return a look as JSON on one line."""
    return json.dumps(_as_json(seen), ensure_ascii=False)


def _as_json(seen: Look) -> JsonObject:
    """Return a look for machines."""
    return {
        "now_wall_ns": str(seen.now_ns),
        "exit": int(seen.exit_code),
        "workers": [_worker(one) for one in (*seen.workers, *seen.left_out)],
        "switch_files": [
            {
                "name": one.name,
                "throw_id": one.throw_id,
                "who": one.who,
                "reason": one.reason,
                "thrown_wall_ns": None if one.thrown_wall_ns is None else str(one.thrown_wall_ns),
            }
            for one in seen.thrown
        ],
        "governance": governance_json(seen.governance, seen.now_ns),
        "next": next_command(seen),
    }


def _worker(judged: Judged) -> JsonObject:
    """Return a worker for machines; its status is what it last said, whenever that was."""
    seen, said = judged.seen, judged.seen.status
    return {
        "worker": seen.worker,
        "condition": judged.condition,
        "alive": seen.alive,
        "pid": seen.pid,
        "since_wall_ns": str(said.written_wall_ns) if judged.gone and said is not None else None,
        "fault": seen.fault or None,
        "status": None if said is None else said.model_dump(mode="json"),
    }
