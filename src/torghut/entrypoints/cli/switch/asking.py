"""Waiting until every worker that lives has acknowledged a throw, and telling why one has not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torghut.kernel.clock import SteadyClock, SteadyNs
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.live.delivery import SwitchName
from torghut.workflows.live.switch_ports import ThrownSwitch, WorkerSeen

_LOOK_S: Final = 0.03
"""Between two looks at the pages."""

_AGAIN_MAX: Final = 3

Became = Literal["acknowledged", "ended", "hangs", "silent"]
"""ended: its process is gone. hangs: it says nothing. silent: it says nothing of this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of asking one worker.

    Attributes:
        worker: Its name.
        pid: Of its process.
        became: How it ended.
        after_ms: From the throw until it was seen; None where it was not.
    """

    worker: str
    pid: int | None
    became: Became
    after_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A throw that is to be acknowledged.

    Attributes:
        name: Of the switch.
        drill: Whether nothing is put in force.
        since_ns: When it was thrown, on ``steady``.
        budget_ms: How long to wait.
        steady: Measures it.
        thrown: Tells what the files throw now.
        pages: Tells how the workers stand now.
        again: Throws once more, where the file was taken away meanwhile.
        pause: Waits for so many seconds.
    """

    name: SwitchName
    drill: bool
    since_ns: SteadyNs
    budget_ms: int
    steady: SteadyClock
    thrown: Callable[[], Sequence[ThrownSwitch]]
    pages: Callable[[], Sequence[WorkerSeen]]
    again: Callable[[], None]
    pause: Callable[[float], None]


def ask(asking: Asking, workers: Sequence[WorkerSeen]) -> Sequence[Answer]:
    """Return what became of each of ``workers``, as they stood before the throw."""
    if not workers:
        return []
    waiting = {one.worker: one for one in workers}
    answers: dict[str, Answer] = {}
    thrown_again = 0
    while True:
        throw_ids = throw_ids_of(asking.thrown(), asking.name, drill=asking.drill)
        if not throw_ids and thrown_again < _AGAIN_MAX:
            # A release that was under way took away what stood there: this throw came after it.
            asking.again()
            thrown_again += 1
            continue
        seen = {one.worker: one for one in asking.pages()}
        elapsed_ms = (asking.steady.now_ns() - asking.since_ns) / NS_PER_MS
        for name, before in list(waiting.items()):
            became = _became(before, seen.get(name), throw_ids, drill=asking.drill)
            if became is not None:
                pid = waiting.pop(name).pid
                after_ms = elapsed_ms if became == "acknowledged" else None
                answers[name] = Answer(worker=name, pid=pid, became=became, after_ms=after_ms)
        if not waiting or elapsed_ms >= asking.budget_ms:
            break
        asking.pause(_LOOK_S)
    for name, before in waiting.items():
        hangs = name in seen and seen[name].rewritten == before.rewritten
        became = "hangs" if hangs else "silent"
        answers[name] = Answer(worker=name, pid=before.pid, became=became)
    return [answers[one.worker] for one in workers]


def throw_ids_of(
    thrown: Sequence[ThrownSwitch], name: SwitchName, *, drill: bool = False
) -> Collection[str]:
    """Return the ids of what throws a switch."""
    return {one.throw_id for one in thrown if one.name == name and one.drill == drill}


def stands(seen: WorkerSeen, throw_ids: Collection[str]) -> bool:
    """Return whether a living worker has one of these throws in force."""
    status = seen.status
    if not seen.alive or status is None or status.pid != seen.pid:
        return False
    return any(one.throw_id in throw_ids for one in status.switches)


def _became(
    before: WorkerSeen, now: WorkerSeen | None, throw_ids: Collection[str], *, drill: bool
) -> Became | None:
    """Return what became of one worker by now; None where it is still to be waited for.

    What counts is a page written since: an older one may be of before a release. A throw that was
    acknowledged once and is no longer in force was released; it says nothing about this one.
    """
    if now is None or not now.alive or now.pid != before.pid:
        return "ended"
    if now.status is None or now.status.pid != now.pid or now.rewritten == before.rewritten:
        return None
    acknowledged = {one.throw_id for one in now.status.acknowledged} & set(throw_ids)
    if drill:
        return "acknowledged" if acknowledged else None
    return "acknowledged" if stands(now, acknowledged) else None
