"""Who waits for which transaction: a lane takes what waits, in its order, and commits it at once.

What concerns one partition, and all events, are lanes of their own. Within a lane there is one
transaction at a time, and whoever came meanwhile shares the next one: throughput does not hang on
one write to the disk for each. Lanes never wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from torghut.eventlog.block import Block
from torghut.kernel.errors import TorghutError

T = TypeVar("T")
X = TypeVar("X")


@dataclass(slots=True, kw_only=True)
class Meanwhile:
    """What the caller's loop may do while only the disk is waited for.

    Attributes:
        told: Whether it was let begin; a transaction that is tried again does not do so again.
    """

    loop: asyncio.AbstractEventLoop
    call: Callable[[], None]
    told: bool = False

    def tell(self) -> None:
        """Let it begin."""
        if self.told:
            return
        self.told = True
        with suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(self.call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Generic[X]):
    """What somebody waits for.

    Attributes:
        do: Its part of a transaction, which checks everything before it writes anything: refused,
            it leaves its neighbours unharmed.
        streams: That it is about, if it is about events.
        block: That it appends, if it does only that.
    """

    do: Callable[[X], Awaitable[object]]
    answer: asyncio.Future[object]
    streams: tuple[str, ...] = ()
    block: Block | None = None
    meanwhile: Meanwhile | None = None


Outcome = object | TorghutError


class Lane(Generic[X]):
    """One transaction at a time.

    Args:
        start: Lets a task go on by itself.
        commit: Does the jobs' parts in one transaction and returns what each came to.
        at_once: Most jobs in one transaction.

    Attributes:
        idle: Set while nothing is under way.
    """

    def __init__(
        self,
        start: Callable[[Coroutine[object, object, None]], None],
        commit: Callable[[Sequence[Job[X]]], Awaitable[Sequence[Outcome]]],
        *,
        at_once: int,
    ) -> None:
        self._start = start
        self._commit = commit
        self._at_once = at_once
        self._waiting: deque[Job[X]] = deque()
        self.idle = asyncio.Event()
        self.idle.set()

    async def submit(
        self,
        do: Callable[[X], Awaitable[T]],
        *,
        streams: tuple[str, ...] = (),
        block: Block | None = None,
        meanwhile: Meanwhile | None = None,
    ) -> T:
        """Return what ``do`` comes to once it is durable.

        Whoever stops waiting stops nothing that has begun.
        """
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        job = Job(do=do, answer=answer, streams=streams, block=block, meanwhile=meanwhile)
        self._waiting.append(job)
        if self.idle.is_set():
            self.idle.clear()
            self._start(self._run())
        return cast("T", await answer)

    async def _run(self) -> None:
        """Work off what waits."""
        try:
            while jobs := self._next():
                await self._do(jobs)
        finally:
            self.idle.set()
            for job in self._waiting:
                job.answer.cancel()

    def _next(self) -> Sequence[Job[X]]:
        """Take what is committed next; whoever does not wait any more is passed over."""
        jobs: list[Job[X]] = []
        while self._waiting and len(jobs) < self._at_once:
            job = self._waiting.popleft()
            if not job.answer.cancelled():
                jobs.append(job)
        return jobs

    async def _do(self, jobs: Sequence[Job[X]]) -> None:
        """Commit ``jobs`` and tell each what it came to."""
        outcomes: Sequence[Outcome]
        try:
            outcomes = await self._commit(jobs)
        except asyncio.CancelledError:
            for job in jobs:
                job.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 -- whoever waits is told, and the lane goes on
            outcomes = [error] * len(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            if job.answer.done():
                continue
            if isinstance(outcome, Exception):
                job.answer.set_exception(outcome)
            else:
                job.answer.set_result(outcome)


async def done_together(jobs: Sequence[Job[X]], transaction: X) -> Sequence[Outcome]:
    """Do the parts of ``jobs`` in ``transaction``; a part that is refused comes to its refusal."""
    outcomes: list[Outcome] = []
    for job in jobs:
        try:
            outcomes.append(await job.do(transaction))
        except TorghutError as error:
            outcomes.append(error)
    return outcomes


def tell_meanwhile(jobs: Sequence[Job[X]], outcomes: Sequence[Outcome]) -> None:
    """Let those whose part is written begin what they may do while the disk is waited for."""
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.meanwhile is not None and not isinstance(outcome, TorghutError):
            job.meanwhile.tell()
