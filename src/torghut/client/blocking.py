"""The same client for a loop that does not await: its connections live in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from torghut.client.bookmark import Bookmark
from torghut.client.calling import BUDGET_MS, READY_MS, Client, connect
from torghut.client.delivery import Delivery, State
from torghut.client.errors import ClosedError
from torghut.client.lanes.places import After
from torghut.client.limits import Limits
from torghut.client.stream.controls import ReceivedControl
from torghut.client.wire.messages import Answered
from torghut.client.wire.offers import Context, Report
from torghut.kernel.canonical import JsonObject

T = TypeVar("T")

_END: Final = object()
_LEAVE_S: Final = 1.0


class SyncClient:
    """A client whose methods wait; made by ``connect_sync``. Its state is looked after meanwhile.

    It may be used from several threads; the stream has one reader.
    """

    def __init__(self, client: Client) -> None:
        """Prepare; entering connects."""
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._entering = threading.Lock()

    def __enter__(self) -> Self:
        """Begin to connect; ``ready`` waits until that has happened."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="torghut-client", daemon=True
        )
        self._thread.start()
        self._wait(self._client.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take leave."""
        try:
            self._wait(self._client.__aexit__(kind, error, traceback))
        finally:
            self._end()

    @property
    def state(self) -> State:
        """Whether anything may be opened, and if not, why."""
        return self._client.state

    def states(self) -> Iterator[State]:
        """Yield the state, and every other one as it comes, until the client is closed."""
        return self._iterated(self._client.states())

    def ready(self, budget_ms: int = READY_MS) -> State:
        """Wait until the service was heard, and return the state; see ``Client.ready``."""
        return self._wait(self._client.ready(budget_ms))

    def decisions(self, after: After = None, *, follow: bool = True) -> Iterator[Delivery]:
        """Yield every outcome after a position; see ``Client.decisions``."""
        return self._iterated(self._client.decisions(after, follow=follow))

    def controls(self, after: After = None, *, follow: bool = True) -> Iterator[ReceivedControl]:
        """Yield what happens to control records; see ``Client.controls``."""
        return self._iterated(self._client.controls(after, follow=follow))

    def decide(self, context: Context, *, budget_ms: int = BUDGET_MS) -> Delivery:
        """Return what became of a context; see ``Client.decide``."""
        return self._wait(self._client.decide(context, budget_ms=budget_ms))

    def report(self, record: Report | JsonObject, *, budget_ms: int = BUDGET_MS) -> Answered:
        """Return what became of a report; see ``Client.report``."""
        return self._wait(self._client.report(record, budget_ms=budget_ms))

    def control(
        self, records: Sequence[Report | JsonObject], *, budget_ms: int = BUDGET_MS
    ) -> Sequence[Answered]:
        """Return what became of control records; see ``Client.control``."""
        return self._wait(self._client.control(records, budget_ms=budget_ms))

    def _wait(self, work: Coroutine[None, None, T]) -> T:
        """Return what ``work`` returns over there."""
        with self._entering:  # so that nothing is begun on a loop that has ended
            if self._loop is None:
                work.close()
                raise ClosedError
            future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError as error:
            raise ClosedError from error
        except BaseException:
            future.cancel()
            raise

    def _iterated(self, source: AsyncIterator[T]) -> Iterator[T]:
        """Yield what ``source`` yields over there."""

        async def following() -> T | object:
            return await anext(source, _END)

        async def left() -> None:
            with suppress(AttributeError):
                await source.aclose()  # type: ignore[attr-defined]  # of generators

        try:
            while (item := self._wait(following())) is not _END:
                yield item  # type: ignore[misc]  # all but the mark of the end is T
        finally:
            with suppress(ClosedError):
                self._wait(left())

    def _end(self) -> None:
        """End the thread and its loop."""
        with self._entering:
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(_leave(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _leave() -> None:
    """Let all who wait on this loop end with the client; cancel who takes too long for that."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, pending = await asyncio.wait(others, timeout=_LEAVE_S)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def connect_sync(
    url: str | None = None,
    *,
    token: str | None = None,
    token_file: Path | str | None = None,
    after: After = None,
    bookmark: Bookmark | None = None,
    limits: Limits | None = None,
) -> SyncClient:
    """Return a client whose methods wait, to be entered with ``with``; see ``connect``."""
    return SyncClient(
        connect(
            url, token=token, token_file=token_file, after=after, bookmark=bookmark, limits=limits
        )
    )
