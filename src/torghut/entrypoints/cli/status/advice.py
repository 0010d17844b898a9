"""The command to type next, by how things stand."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from torghut.entrypoints.cli.latch.wording import SHOW
from torghut.entrypoints.cli.status.governance import next_for_latch, next_for_silence
from torghut.entrypoints.cli.status.judging import Judged, Look
from torghut.schemas.live.worker import SwitchStanding, WorkerStatus
from torghut.workflows.live.switch_ports import ThrownSwitch

_GOVERNANCE: Final = "governance-"
"""Begins the id of a throw by which governance stops a loop that it cannot reach."""

_FINE: Final = "torghut decision tail --follow"


def next_command(look: Look) -> str:
    """Return what to type next."""
    worst = look.worst
    if worst is None:
        return "torghut serve --source api:"
    status = worst.seen.status
    if worst.condition == "not answering" and worst.seen.pid is not None:
        return f"ps -o pid,stat,etime,wchan,cmd -p {worst.seen.pid}"
    if worst.condition == "not answering":
        return "torghut doctor"
    if worst.condition in {"unreachable", "ended"}:
        return "torghut serve --source api:" if status is None else _serve(status)
    if worst.condition == "starting" or status is None:
        return "torghut status --watch"
    return _while_it_answers(worst, status, look)


def _while_it_answers(judged: Judged, status: WorkerStatus, look: Look) -> str:
    """Return what to type where the service can be spoken to."""
    degraded = {one.code for one in status.degraded}
    if "disk-full" in degraded:
        return f"df -h {shlex.quote(str(Path(status.log).parent))}"
    if "log-away" in degraded:
        return "torghut doctor"
    if stopped := _while_stopped(status, look):
        return stopped
    if judged.condition == "live" and look.governance.holding(look.now_ns) == "silent":
        return next_for_silence(look.governance)
    return _FINE if judged.condition == "live" else "torghut status --watch"


def _while_stopped(status: WorkerStatus, look: Look) -> str:
    """Return what lets a loop go on that is stopped; empty where it is not.

    What a person threw and what governance closed are two things, released by two commands.
    """
    found: Sequence[SwitchStanding | ThrownSwitch] = (*status.switches, *look.thrown)
    throws = [one.throw_id for one in found if one.name == "stop"]
    if any(not throw.startswith(_GOVERNANCE) for throw in throws):
        return "torghut switch release stop --reason TEXT"
    page = look.governance.page
    if page is not None and page.latch is not None and (status.latch or throws):
        return next_for_latch(page.latch)
    if throws:
        return SHOW
    if status.latch:
        return 'torghut control send FILE   # a stop record with "state": "released"'
    return ""


def _serve(status: WorkerStatus) -> str:
    """Return how to start a worker again as it was."""
    source = "-" if status.source == "stdin:" else status.source
    words = ["--source", source, "--log", status.log, "--worker", status.worker]
    return f"torghut serve {shlex.join(words)}"
