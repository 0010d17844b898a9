"""What the doors of the live service (HTTP, sockets, in process) ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from torghut.market.ports import Quarantined
from torghut.schemas.control import ControlRecord
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.live.delivery import Answered
from torghut.schemas.live.position import Position
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.offers import OfferedContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Consecutive outcomes, ready to be sent.

    Attributes:
        lines: ``Decided`` and ``Refused`` as JSON, one a line, each ended by a line feed.
        last: Position of the last of them: where to go on after.
        count: How many they are.
    """

    lines: bytes
    last: Position
    count: int


class Desk(Protocol):
    """The live service as its doors see it; everything here is called in its event loop."""

    @property
    def policy(self) -> LivePolicy:
        """What it is bound by."""
        ...

    async def decide(self, offered: Sequence[OfferedContext]) -> Sequence[bytes]:
        """Return what became of each context once it is durable, one JSON line each, in order.

        A context that is known already is not decided again: its first outcome is returned.

        Raises:
            NotTakenError: None of them was taken.
        """
        ...

    def offer(self, offered: Sequence[OfferedContext]) -> Sequence[bytes]:
        """Take contexts in; their outcomes come on the stream.

        Returns the lines of those that were known already: their outcomes do not come again.

        Raises:
            NotTakenError: None of them was taken.
        """
        ...

    async def room(self) -> None:
        """Wait until a context may come: how a source that can wait is held back."""
        ...

    def quarantine(self, feed: str, record: Quarantined) -> None:
        """Keep a record that is no context, from a source that gets no answer.

        Raises:
            NotTakenError: It was not taken.
        """
        ...

    async def submit(self, records: Sequence[ControlRecord]) -> Sequence[Answered]:
        """Return what became of each control record once that is durable, in order.

        Raises:
            NotTakenError: None of them was taken.
        """
        ...

    async def release(
        self, name: str, *, reason: str, who: str, ends: Collection[str] | None = None
    ) -> Answered:
        """Release a switch, on the record, and take its file away once that is durable.

        Args:
            name: Of the switch.
            reason: Why.
            who: Releases it.
            ends: Ids of the throws that are to end; None for whatever stands.

        Raises:
            SwitchReleaseRefusedError: It is not thrown, or another throw of it stands.
            NotTakenError: The service is ending.
        """
        ...

    def follow(self, after: Position | None) -> AsyncIterator[Told]:
        """Yield every outcome after a position, oldest first, then as they become durable.

        Nothing is kept for who does not ask for the next: memory does not grow with slow readers.

        Args:
            after: Where to go on; None for what comes from now on.
        """
        ...

    def follow_controls(self, after: Position | None) -> AsyncIterator[Told]:
        """Yield ``ControlRecorded`` and ``ControlApplied`` lines after a position, and go on."""
        ...

    def newest(self) -> Position | None:
        """Return where the last outcome stands; None before the first."""
        ...

    def newest_control(self) -> Position | None:
        """Return where the last line of ``follow_controls`` stands; None before the first."""
        ...

    async def outcome(self, context_id: str) -> bytes | None:
        """Return what became of a context, as a line; None where the log has nothing of it."""
        ...

    def heartbeat(self) -> bytes:
        """Return a ``Heartbeat`` of now, one line; the same bytes for all who ask at once."""
        ...

    async def beats(self) -> None:
        """Wait until the next heartbeat is due: at the latest after the declared interval."""
        ...

    def status(self) -> WorkerStatus:
        """Return everything about this worker."""
        ...

    def unready(self) -> Sequence[str]:
        """Return what keeps the service from deciding durably, in words; nothing if it is ready."""
        ...
