"""A worker's life: it serves until it is asked to stop, drains within its budget, and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.units import MS_PER_S
from torghut.workflows.live.assembly import LiveWorker

Feed = Callable[[], Awaitable[None]]
"""Brings contexts until their source ends."""


class DrainLateError(TorghutError):
    """What waited could not all be decided before the service had to end; nothing told is lost."""

    code: ClassVar[str] = "live.drain-late"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, waiting: int, budget_ms: int) -> None:
        super().__init__(
            f"expected everything that waits decided within {budget_ms} ms, found {waiting} "
            "contexts that still wait; their senders were told nothing and may send them again"
        )
        self.waiting = waiting
        self.budget_ms = budget_ms


async def live(
    worker: LiveWorker, feed: Feed, asked: asyncio.Event, *, until_end: bool = False
) -> None:
    """Serve until asked to stop, then decide what waits and end.

    Args:
        worker: Begun.
        feed: Brings its contexts.
        asked: Set by whoever wants it to end.
        until_end: Whether the end of the source is its end too.

    Raises:
        DrainLateError: The budget for draining is over.
        TorghutError: The loop cannot go on.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            deciding = tasks.create_task(worker.loop.run())
            beside = [
                tasks.create_task(worker.watch.switch_files()),
                tasks.create_task(worker.watch.halts()),
                tasks.create_task(_fed(worker, feed, asked, until_end=until_end)),
            ]
            await asked.wait()
            worker.witness.draining(len(worker.loop.line), worker.desk.policy.loop.drain_ms)
            worker.standing.phase = "draining"
            worker.standing.changed()
            for task in beside:
                task.cancel()
            worker.desk.close()
            await _drained(worker, deciding)
    except BaseExceptionGroup as group:
        raise gravest_of(group) from group
    finally:
        worker.standing.phase = "ended"
        worker.standing.changed()
        await worker.watch.keep_page()


async def _fed(worker: LiveWorker, feed: Feed, asked: asyncio.Event, *, until_end: bool) -> None:
    """Bring contexts; say when there are no more."""
    await feed()
    if until_end:
        asked.set()
    else:
        worker.condition.begin("source-ended", "the source has ended; nothing more will come")


async def _drained(worker: LiveWorker, deciding: asyncio.Task[None]) -> None:
    """Wait until what waits is decided, within the budget."""
    budget_ms = worker.desk.policy.loop.drain_ms
    try:
        async with asyncio.timeout(budget_ms / MS_PER_S):
            await asyncio.shield(deciding)
    except TimeoutError as error:
        deciding.cancel()
        raise DrainLateError(waiting=len(worker.loop.line), budget_ms=budget_ms) from error


def gravest_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group that nobody foresaw; where there is none, the first."""
    found = list(_each_of(group))
    return next((error for error in found if not isinstance(error, TorghutError)), found[0])


def _each_of(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the errors of a group, and of the groups in it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _each_of(error)
        else:
            yield error
