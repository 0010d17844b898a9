"""What a worker's page amounts to: whether it lives, answers, and what its loop is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torghut.kernel.clock import WallClock
from torghut.kernel.errors import ExitCode
from torghut.workflows.live.observing.governed import NOTHING_SEEN, GovernanceSeen
from torghut.workflows.live.switch_ports import ThrownSwitch, WorkerSeen

OLD_NS: Final = 2_000_000_000
"""A living worker's page that is older, or as far in the future, is looked at twice."""

_LOOK_S: Final = 0.05
_LOOKS: Final = 7

Condition = Literal["live", "stale", "stopped", "starting", "ended", "not answering", "unreachable"]
"""starting: a process that has not said anything yet. ended: in good order."""

_EXIT: Final[dict[Condition, ExitCode]] = {
    "live": ExitCode.YES,
    "stale": ExitCode.NO,
    "stopped": ExitCode.NO,
    "starting": ExitCode.NO,
    "ended": ExitCode.UNREACHABLE,
    "not answering": ExitCode.UNREACHABLE,
    "unreachable": ExitCode.UNREACHABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A worker and what its page amounts to.

    Attributes:
        seen: The page.
        condition: In a word or two.
    """

    seen: WorkerSeen
    condition: Condition

    @property
    def exit_code(self) -> ExitCode:
        """What a command about this worker alone ends with."""
        return _EXIT[self.condition]

    @property
    def gone(self) -> bool:
        """Whether nobody speaks for this worker any more; what it last said is all there is."""
        return self.exit_code is ExitCode.UNREACHABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything that can be seen without a log.

    Attributes:
        now_ns: When it was seen.
        workers: By name.
        thrown: What switch files throw, drills left out.
        left_out: Workers that ended in good order while others live: not judged.
        governance: What is to be seen of it.
    """

    now_ns: int
    workers: Sequence[Judged]
    thrown: Sequence[ThrownSwitch]
    left_out: Sequence[Judged] = ()
    governance: GovernanceSeen = NOTHING_SEEN

    @property
    def worst(self) -> Judged | None:
        """The worker that is furthest from live; None where there is none."""
        return max(self.workers, key=lambda one: one.exit_code, default=None)

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with: that of the worst worker."""
        worst = self.worst
        return ExitCode.UNREACHABLE if worst is None else worst.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """How to look.

    Attributes:
        pages: Tells how the workers stand.
        thrown: Tells what switch files throw.
        wall: Tells how old a page is.
        pause: Waits for so many seconds.
        worker: The only one that is wanted; None for all.
        governance: Tells what is to be seen of governance.
    """

    pages: Callable[[], Sequence[WorkerSeen]]
    thrown: Callable[[], Sequence[ThrownSwitch]]
    wall: WallClock
    pause: Callable[[float], None]
    worker: str | None = None
    governance: Callable[[], GovernanceSeen] = lambda: NOTHING_SEEN


def look(looking: Looking) -> Look:
    """Return how everything stands."""
    pages = [one for one in looking.pages() if looking.worker in {None, one.worker}]
    silent = _silent(pages, looking)
    pages = [one for one in looking.pages() if looking.worker in {None, one.worker}]
    judged = [Judged(seen=one, condition=_condition(one, one.worker in silent)) for one in pages]
    ended = [one for one in judged if one.condition == "ended"]
    left_out = ended if len(ended) < len(judged) else []
    return Look(
        now_ns=looking.wall.now_ns(),
        workers=[one for one in judged if one not in left_out],
        thrown=[one for one in looking.thrown() if not one.drill],
        left_out=left_out,
        governance=looking.governance(),
    )


def _silent(pages: Sequence[WorkerSeen], looking: Looking) -> set[str]:
    """Return the living workers that do not write any more.

    Age alone does not tell: the clock may have been set. So an old page is looked at for a while.
    """
    now_ns = looking.wall.now_ns()
    doubtful = {
        one.worker: one.rewritten
        for one in pages
        if one.alive
        and one.status is not None
        and one.status.pid == one.pid
        and abs(now_ns - one.status.written_wall_ns) > OLD_NS
    }
    for _ in range(_LOOKS):
        if not doubtful:
            break
        looking.pause(_LOOK_S)
        written = {one.worker: one.rewritten for one in looking.pages()}
        doubtful = {name: count for name, count in doubtful.items() if written.get(name) == count}
    return set(doubtful)


def _condition(seen: WorkerSeen, silent: bool) -> Condition:  # noqa: FBT001 - one of two facts
    """Return what a page amounts to."""
    status = seen.status
    if not seen.alive:
        ended = status is not None and status.pid == seen.pid and status.phase == "ended"
        return "ended" if ended else "unreachable"
    if silent or seen.fault:
        return "not answering"
    if status is None or status.pid != seen.pid:
        return "starting"
    return status.state
