"""An event loop of its own in a thread of its own: sessions belong to it, whoever asks.

A session of the driver belongs to the loop that opened it. Those who use a log come from several
loops, or from none, and one that decides has no time for the driver's work.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

import uvloop

from torghut.eventlog.errors import CommitTimeoutError, LogWriteError, Obstacle

T = TypeVar("T")


class OwnLoop:
    """A loop that runs until it is closed.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._loop = uvloop.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def ask(self, work: Coroutine[object, object, T]) -> T:
        """Return what ``work`` comes to in this loop; called in another one."""
        self._check_open(work)
        asking = asyncio.get_running_loop()
        answer: asyncio.Future[T] = asking.create_future()
        asked = _Asked(work, answer, asking)
        self._loop.call_soon_threadsafe(asked.begin, self._loop)
        try:
            return await answer
        except asyncio.CancelledError:
            self._loop.call_soon_threadsafe(asked.give_up)
            raise

    def wait(self, work: Coroutine[object, object, T], *, budget_ms: int) -> T:
        """Return what ``work`` comes to in this loop; called outside of any.

        Raises:
            CommitTimeoutError: It did not end within the budget; it was given up.
        """
        future = self._hand_over(work)
        try:
            return future.result(budget_ms / 1000)
        except TimeoutError as error:
            if not future.cancel():
                raise  # its own, not ours
            raise CommitTimeoutError(what=self._thread.name, budget_ms=budget_ms) from error

    def start(self, work: Coroutine[object, object, None]) -> None:
        """Let ``work`` go on by itself; called in this loop, which knows it until it ends."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Give up whatever is still under way, and end the thread."""
        if not self._closed:
            self._closed = True
            asyncio.run_coroutine_threadsafe(self._give_up(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _hand_over(self, work: Coroutine[object, object, T]) -> Future[T]:
        self._check_open(work)
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _check_open(self, work: Coroutine[object, object, object]) -> None:
        if self._closed:
            work.close()
            raise LogWriteError(obstacle=Obstacle.CLOSED, detail=f"{self._thread.name} was closed")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _give_up(self) -> None:
        own = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() if task is not own]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@dataclass(slots=True)
class _Asked(Generic[T]):
    """Work that another loop waits for: a hand-over by way of a thread's future costs twice.

    Attributes:
        work: What is to be done.
        answer: Where it is waited for.
        asking: The loop of that.
        task: Does it.
    """

    work: Coroutine[object, object, T]
    answer: asyncio.Future[T]
    asking: asyncio.AbstractEventLoop
    task: asyncio.Task[T] | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin the work; called in the loop that does it."""
        self.task = loop.create_task(self.work)
        self.task.add_done_callback(self._done)

    def give_up(self) -> None:
        """Stop what nobody waits for any more; called in the same loop."""
        if self.task is not None:
            self.task.cancel()

    def _done(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # seen, whether or not anybody waits for it
        with suppress(RuntimeError):  # the loop that asked has ended
            self.asking.call_soon_threadsafe(self._tell, task)

    def _tell(self, task: asyncio.Task[T]) -> None:
        """Tell what it came to; called in the loop that asked."""
        if self.answer.done():
            return  # nobody waits for it
        if task.cancelled():
            self.answer.cancel()
        elif (error := task.exception()) is not None:
            self.answer.set_exception(error)
        else:
            self.answer.set_result(task.result())
