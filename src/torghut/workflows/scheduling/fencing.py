"""Governance's log in the hands of one who holds the lease: whoever has lost it writes no more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.ports import EventStore
from torghut.governance.leasing.errors import LeaseTakenError
from torghut.governance.ports import Lease, WriterLease
from torghut.schemas.types import Message

_PAUSE_S = 0.01
_TRIES = 300


@dataclass(slots=True, kw_only=True)
class FencedEvents(EventStore):
    """Streams to which is appended only while the lease holds, and nobody can take it meanwhile.

    Attributes:
        store: That is written.
        keeper: Of the lease.
        lease: As last renewed.
    """

    store: EventStore
    keeper: WriterLease
    lease: Lease
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        """Append as the store does.

        Raises:
            LeaseLostError: The lease has expired, was released, or another epoch has begun.
        """
        async with self._one:
            for left in range(_TRIES, -1, -1):
                try:
                    with self.keeper.guard(self.lease):
                        return await self.store.append_events(
                            stream, events, expected_version=expected_version, causes=causes
                        )
                except LeaseTakenError:  # somebody looks whether it is free; it is not
                    if not left:
                        raise
                await asyncio.sleep(_PAUSE_S)
        raise AssertionError  # the last try returned or raised

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        return await self.store.read_events(stream, after=after)

    @override
    async def streams(self, prefix: str, /) -> Sequence[str]:
        return await self.store.streams(prefix)

    async def renew(self) -> None:
        """Hold the lease for its whole time again.

        Raises:
            LeaseLostError: It has expired, was released, or another epoch has begun.
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
