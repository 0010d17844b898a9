"""Cycles over recorded data: one at each declared distance, nothing waits, one note each.

Time comes from the range alone, so the same log and range give the same notes and events, but for
holder and epoch. A candidate that waits is still run by the real clock, and its evidence says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from torghut.governance.cycles.errors import BackfillBehindError
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import CYCLE_RECORD, Governance
from torghut.workflows.scheduling.cycle import run_cycle
from torghut.workflows.scheduling.fencing import Fence
from torghut.workflows.scheduling.running import Term, under_lease

_NOT_YET: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The times of a backfill's cycles: from, and every so long after that, up to.

    Attributes:
        from_ns: Receive clock.
        to_ns: Receive clock; a cycle comes then only if it is on the grid.
        every_ns: 1 or more.
    """

    from_ns: int
    to_ns: int
    every_ns: int

    @property
    def count(self) -> int:
        """Number of cycles.

        Example:
            >>> [Grid(from_ns=0, to_ns=to_ns, every_ns=4).count for to_ns in (3, 4, 10)]
            [1, 2, 3]
        """
        return max(0, (self.to_ns - self.from_ns) // self.every_ns + 1)

    def after(self, time_ns: int) -> int:
        """Return how many of its times are not after ``time_ns``.

        Example:
            >>> grid = Grid(from_ns=10, to_ns=30, every_ns=10)
            >>> [grid.after(time_ns) for time_ns in (9, 10, 19, 20, 99)]
            [0, 1, 1, 2, 3]
        """
        return min(self.count, max(0, (time_ns - self.from_ns) // self.every_ns + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """How far a backfill got.

    Attributes:
        before: Cycles that an earlier one had done.
        done: Cycles of this one.
        left: Cycles that are not done, because it was asked to stop.
    """

    before: int
    done: int
    left: int


async def backfill(
    term: Term, grid: Grid, *, going: Callable[[], bool], told: Callable[[IterationNote, int], None]
) -> Backfilled:
    """Run the cycles of ``grid`` that are not done yet, and say how many.

    One that was broken off goes on where it was. Its lease begins and ends, on record, at the times
    of the range, for no event of it depends on when it is run.

    Args:
        term: Who runs it.
        grid: When.
        going: Asked before each cycle whether to go on.
        told: Told of each note and how many cycles of the grid are done.

    Raises:
        BackfillBehindError: Governance's log has seen later times.
        LeaseTakenError: Somebody else governs.
        TorghutError: Governance's log or the artifact root cannot be read or written.
    """

    async def work(governance: Governance, fence: Fence) -> Backfilled:
        governor = term.governor(governance, fence)
        last = (await governor.governance.state(CYCLE_RECORD)).began
        last_ns = _NOT_YET if last is None else last.at_ns
        if last_ns > grid.to_ns:
            raise BackfillBehindError(to_ns=grid.to_ns, last_ns=last_ns)
        before = grid.after(last_ns)
        done = before
        while done < grid.count and going():
            now_ns = grid.from_ns + done * grid.every_ns
            note = await run_cycle(
                governor, epoch=fence.lease.epoch, holder=term.holder, now_ns=now_ns
            )
            done += 1
            told(note, done)
        return Backfilled(before=before, done=done - before, left=grid.count - done)

    return await under_lease(term, work, span_ns=(grid.from_ns, grid.to_ns))
