"""Everything that governance writes, in the hands of one who holds the lease, and of nobody else.

A process may be halted between any two of its instructions, lose the lease meanwhile, and go on as
if nothing had been. So each write looks at the lease under its lock, and nobody can take it until
the write is over: events, files, what the loop is told, and the beat that says governance is there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from typing import Final, TypeVar

from typing_extensions import override

from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.ports import EventStore
from torghut.governance.leasing.errors import LeaseTakenError
from torghut.governance.ports import Lease, WriterLease
from torghut.schemas.control import ControlRecord
from torghut.schemas.types import Message
from torghut.workflows.scheduling.ports import Answer, LoopControls, WorkerStands

T = TypeVar("T")

_PAUSE_S: Final = 0.01
_TRIES: Final = 300
"""Times that somebody else is let at the lease first: they look whether it is free, or write."""


@dataclass(slots=True, kw_only=True)
class Fence:
    """The lease as one holder has it.

    Attributes:
        keeper: Of the lease.
        lease: As last renewed.
    """

    keeper: WriterLease
    lease: Lease
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Give a time in which nobody can take the lease: for one write.

        Raises:
            LeaseLostError: The lease has expired, was released, or another epoch has begun.
            LeaseTakenError: Somebody else was at it all the time.
        """
        async with self._one:
            with ExitStack() as stack:
                for left in range(_TRIES, -1, -1):
                    if self._entered(stack, last=not left):
                        break
                    await asyncio.sleep(_PAUSE_S)
                yield

    @contextmanager
    def held_now(self) -> Iterator[None]:
        """Give a time in which nobody can take the lease, to one who does not wait for others.

        Raises:
            LeaseLostError: The lease has expired, was released, or another epoch has begun.
            LeaseTakenError: Somebody else was at it all the time.
        """
        with ExitStack() as stack:
            for left in range(_TRIES, -1, -1):
                if self._entered(stack, last=not left):
                    break
                time.sleep(_PAUSE_S)
            yield

    def _entered(self, stack: ExitStack, *, last: bool) -> bool:
        """Return whether nobody can take the lease until ``stack`` is closed."""
        try:
            stack.enter_context(self.keeper.guard(self.lease))
        except LeaseTakenError:
            if last:
                raise
            return False
        return True

    async def renew(self) -> None:
        """Hold the lease for its whole time again.

        Raises:
            LeaseLostError: It has expired, was released, or another epoch has begun.
            LeaseTakenError: Somebody else was at it all the time.
        """
        async with self._one:
            for left in range(_TRIES, -1, -1):
                try:
                    self.lease = self.keeper.renew(self.lease)
                except LeaseTakenError:
                    if not left:
                        raise
                    await asyncio.sleep(_PAUSE_S)
                else:
                    return

    async def release(self) -> None:
        """Let the next one in at once, unless others are at it all the time: then it expires."""
        async with self._one:
            for _ in range(_TRIES):
                with suppress(LeaseTakenError):
                    self.keeper.release(self.lease)
                    return
                await asyncio.sleep(_PAUSE_S)

    async def beat(self, beating: Callable[[], None]) -> None:
        """Run ``beating`` in a thread, while nobody can take the lease.

        Raises:
            LeaseLostError: The lease has expired, was released, or another epoch has begun.
        """

        def work() -> None:
            with self.held_now():
                beating()

        async with self._one:
            await asyncio.to_thread(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class FencedEvents(EventStore):
    """Streams to which is appended only while the lease holds, and nobody can take it meanwhile.

    Attributes:
        store: That is written.
        fence: Around it.
        turn: Gives the turn to append; it is waited for before the lease is held, because whoever
            has it may take long, and nobody could renew the lease meanwhile.
    """

    store: EventStore
    fence: Fence
    turn: Callable[[], AbstractAsyncContextManager[None]] = nullcontext

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        """Append as the store does.

        Raises:
            LeaseLostError: The lease has expired, was released, or another epoch has begun.
        """
        async with self.turn(), self.fence.held():
            # Broken off in between, it would go on in its thread after the lease is let go.
            return await _to_its_end(
                self.store.append_events(
                    stream, events, expected_version=expected_version, causes=causes
                )
            )

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        return await self.store.read_events(stream, after=after)

    @override
    async def streams(self, prefix: str, /) -> Sequence[str]:
        return await self.store.streams(prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class FencedArtifacts(ArtifactStore):
    """Files that are written only while the lease holds.

    Attributes:
        store: That is written.
        fence: Around it.
    """

    store: ArtifactStore
    fence: Fence

    @override
    def read(self, path: str, /) -> bytes:
        return self.store.read(path)

    @override
    def names(self, folder: str, /) -> Sequence[str]:
        return self.store.names(folder)

    @override
    def replace(self, path: str, body: bytes, /) -> None:
        """Put ``body`` there as the store does.

        Raises:
            LeaseLostError: The lease has expired, was released, or another epoch has begun.
        """
        with self.fence.held_now():
            self.store.replace(path, body)

    @override
    def create(self, path: str, body: bytes, /) -> None:
        """Put ``body`` there as the store does.

        Raises:
            LeaseLostError: The lease has expired, was released, or another epoch has begun.
        """
        with self.fence.held_now():
            self.store.create(path, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class FencedLoop(LoopControls):
    """A loop that is told something only while the lease holds.

    Attributes:
        loop: That is told.
        fence: Around it.
    """

    loop: LoopControls
    fence: Fence

    @override
    def workers(self) -> Sequence[WorkerStands]:
        return self.loop.workers()

    @override
    async def offer(self, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        async with self.fence.held():
            return await _to_its_end(self.loop.offer(records))

    @override
    def throw_stop(self, *, throw_id: str, reason: str) -> None:
        with self.fence.held_now():
            self.loop.throw_stop(throw_id=throw_id, reason=reason)

    @override
    async def release_stop(self, *, throw_id: str, reason: str) -> Answer:
        async with self.fence.held():
            return await _to_its_end(self.loop.release_stop(throw_id=throw_id, reason=reason))


async def _to_its_end(work: Awaitable[T]) -> T:
    """Return what ``work`` comes to; who is broken off meanwhile goes on when it is over."""
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise
