"""Work for a thread that may never come back: waited for within a budget, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

from torghut.kernel.units import MS_PER_S
from torghut.workflows.live.errors import ErrandLateError

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Errand(Generic[T]):
    """One kind of work. While what was begun hangs, no more of it is begun.

    Attributes:
        what: Is done, in words.
        aside: Does it; None for the threads that the loop waits for at its end.
        budget_ms: Longest wait for it.
    """

    what: str
    aside: Executor | None
    budget_ms: int
    _under_way: asyncio.Future[T] | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work`` gives.

        Raises:
            ErrandLateError: It does not come back in time, or what was begun before does not.
        """
        try:
            async with asyncio.timeout(self.budget_ms / MS_PER_S):
                if self._under_way is not None and not self._under_way.done():
                    await asyncio.wait({self._under_way})
                running = asyncio.get_running_loop()
                self._under_way = running.run_in_executor(self.aside, work)
                return await asyncio.shield(self._under_way)
        except TimeoutError as error:
            raise ErrandLateError(what=self.what, budget_ms=self.budget_ms) from error
