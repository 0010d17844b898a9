"""A decision log opened for a while, whatever its disk does: what takes too long is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S


@asynccontextmanager
async def opened(opening: Callable[[], DecisionLog], budget_ms: int) -> AsyncIterator[DecisionLog]:
    """Give a log, opened in a thread, for as long as opening and reading it may take together.

    Raises:
        TimeoutError: The budget is spent.
        TorghutError: It cannot be opened.
    """
    async with asyncio.timeout(budget_ms / MS_PER_S):
        under_way = asyncio.ensure_future(asyncio.to_thread(opening))
        try:
            log = await asyncio.shield(under_way)
        except asyncio.CancelledError:
            with suppress(TorghutError):  # too late, but it is open all the same
                await (await under_way).close()
            raise
        try:
            yield log
        finally:
            await log.close()


class ReadingOn(Protocol):
    """Reads a log, and goes on from where it was broken off."""

    @property
    def place(self) -> object:
        """How far it is: what gets further changes it."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether it has all that it set out for, though the log may have more by now."""
        ...

    async def read(self, log: DecisionLog, /) -> None:
        """Read on."""
        ...


@dataclass(slots=True, kw_only=True)
class CatchingUp(ReadingOn):
    """Takes in all that a partition has, together no more than it had when this began.

    Attributes:
        last: Returns the number of the last block that was taken in; -1 before any.
        reading: Reads on from there.
        goal: Number of the block that was the last one then; None before the log was open.
    """

    partition: int
    last: Callable[[], int]
    reading: Callable[[DecisionLog], Awaitable[None]]
    goal: int | None = None

    @property
    @override
    def place(self) -> int:
        return self.last()

    @property
    @override
    def is_over(self) -> bool:
        return self.goal is not None and self.last() >= self.goal

    @override
    async def read(self, log: DecisionLog, /) -> None:
        if self.goal is None:
            self.goal = (await log.head(self.partition)).number
        await self.reading(log)


async def read_on(opening: Callable[[], DecisionLog], budget_ms: int, reading: ReadingOn) -> None:
    """Read all that there is, in as many budgets as that takes.

    A first look at a long log is not one at a log that nobody can reach: each budget must get
    further.

    Raises:
        TimeoutError: One of them got nowhere.
        TorghutError: The log cannot be opened, or is not as it was written.
    """
    while True:
        before = reading.place
        try:
            async with opened(opening, budget_ms) as log:
                await reading.read(log)
        except TimeoutError:
            if reading.is_over:
                return
            if reading.place == before:
                raise
        else:
            return
