"""A log's events on their way to a topic: in the order of the log, each once.

The log is the outbox and the topic its own bookmark: a relay goes on after the topic's last record.
The voice on the topic's one partition makes it the only one; whoever raises it later takes over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import (
    CAUSATION_ID,
    CORRELATION_ID,
    LOG_POSITION,
    SCHEMA,
    Outgoing,
    Received,
)
from torghut.carrying.ports import Voice
from torghut.eventlog.envelopes import Envelope
from torghut.eventlog.errors import LogReadError
from torghut.eventlog.ports import EventFeed
from torghut.workflows.carrying.errors import EventsBehindTopicError

_MS: Final = 1000.0
_AT_ONCE: Final = 500
_DIGITS_MAX: Final = 15


@dataclass(slots=True, kw_only=True)
class EventRelay:
    """Publishes events.

    Attributes:
        feed: Of the log.
        voice: On the topic's partition.
        pause_ms: Between two looks for new events, and between attempts to reach broker or log.
        until_end: End once everything that is there was published.
        told: Told up to which position everything is published.
    """

    feed: EventFeed
    voice: Voice
    pause_ms: int
    until_end: bool = False
    told: Callable[[int], None] = lambda _: None

    async def relay(self) -> None:
        """Publish what there is; then end, or go on with what comes.

        Raises:
            VoiceSilencedError: Another relay took over.
            EventsBehindTopicError: The topic holds what the log does not have.
            LogIntegrityError: An event is not as it was written.
            BrokerRefusedError: The broker takes no events, now or later.
        """
        said: int | None = None
        while True:
            try:
                if said is None:
                    said = await self._begin()
                    self.told(said)
                events = await self.feed.events_after(said, _AT_ONCE)
                if events:
                    await self.voice.say([_outgoing(event) for event in events])
                    said = events[-1].position
                    self.told(said)
                    continue
                if self.until_end:
                    return
            except BrokerUnreachableError:
                said = None  # nobody knows whether the last of it was heard
            except LogReadError:
                pass
            await asyncio.sleep(self.pause_ms / _MS)

    async def _begin(self) -> int:
        """Raise the voice; return the position of the topic's last record, 0 before the first.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
            EventsBehindTopicError: The log does not have it.
        """
        last = await self.voice.raise_()
        if last is None:
            return 0
        position = _position(last)
        if position and not await self.feed.events_after(position - 1, 1):
            raise EventsBehindTopicError(published=position)
        return position


def _position(last: Received) -> int:
    """Return where the event of a record stands in its log; 0 where it does not say."""
    said = dict(last.headers).get(LOG_POSITION, b"")
    return int(said) if said.isdigit() and len(said) <= _DIGITS_MAX else 0


def _outgoing(event: Envelope) -> Outgoing:
    """Return an event as a record: its own bytes, its place and its causes beside them."""
    headers: Sequence[tuple[str, bytes]] = (
        (SCHEMA, event.type.encode()),
        (LOG_POSITION, b"%d" % event.position),
        (CORRELATION_ID, event.causes.correlation_id.encode()),
        (CAUSATION_ID, event.causes.causation_id.encode()),
        ("stream", event.stream.encode()),
        ("version", b"%d" % event.version),
        ("digest", event.digest.encode()),
        ("recorded-at-ns", b"%d" % event.recorded_at_ns),
    )
    return Outgoing(event.stream.encode(), event.body, headers)
