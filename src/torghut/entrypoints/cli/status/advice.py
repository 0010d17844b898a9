"""The command to type next, by how things stand."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from torghut.entrypoints.cli.status.judging import Judged, Look
from torghut.schemas.live.worker import WorkerStatus

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
    thrown = {one.name for one in status.switches} | {one.name for one in look.thrown}
    if "disk-full" in degraded:
        return f"df -h {shlex.quote(str(Path(status.log).parent))}"
    if "log-away" in degraded:
        return "torghut doctor"
    if "stop" in thrown:
        return "torghut switch release stop --reason TEXT"
    if status.latch:
        return 'torghut control send FILE   # a stop record with "state": "released"'
    return _FINE if judged.condition == "live" else "torghut status --watch"


def _serve(status: WorkerStatus) -> str:
    """Return how to start a worker again as it was."""
    source = "-" if status.source == "stdin:" else status.source
    words = ["--source", source, "--log", status.log, "--worker", status.worker]
    return f"torghut serve {shlex.join(words)}"
