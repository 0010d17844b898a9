"""A log's events on their way to a topic: in the order of the log, each once.

The log is the outbox and the topic its own bookmark: a relay goes on after the topic's last record.
The voice on the topic's one partition makes it the only one; whoever raises it later takes over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import (
    CAUSATION_ID,
    CORRELATION_ID,
    EVENT_DIGEST,
    EVENT_POSITION,
    RECORDED_AT_NS,
    SCHEMA,
    STREAM_VERSION,
    Outgoing,
    Received,
)
from torghut.carrying.ports import Voice
from torghut.eventlog.envelopes import Envelope
from torghut.eventlog.errors import LogReadError
from torghut.eventlog.ports import EventFeed
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S
from torghut.workflows.carrying.errors import BookmarkUnreadableError, EventsBehindTopicError

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
        patience_ms: Longest time that it tries again without getting on; None for ever.
        told: Told up to which position everything is published.
        troubled: Told why nothing is for now; nothing is lost, and it tries again.
    """

    feed: EventFeed
    voice: Voice
    pause_ms: int
    until_end: bool = False
    patience_ms: int | None = None
    told: Callable[[int], None] = lambda _: None
    troubled: Callable[[TorghutError], None] = lambda _: None
    _moved_s: float | None = None

    async def relay(self) -> None:
        """Publish what there is; then end, or go on with what comes.

        Raises:
            BrokerUnreachableError: No broker answered when it began, or for as long as it tries.
            LogReadError: Likewise, the log.
            VoiceSilencedError: Another relay took over.
            EventsBehindTopicError: The topic holds what the log does not have.
            BookmarkUnreadableError: The topic holds what no relay sent.
            LogIntegrityError: An event is not as it was written.
            BrokerRefusedError: The broker takes no events, now or later.
        """
        said: int | None = None
        while True:
            try:
                if said is None:
                    said = await self._begin()
                while (then := await self._pass_on(said)) > said:
                    said = then
                await self.voice.settle()
                if self.until_end:
                    return
            except BrokerUnreachableError as error:
                said = None  # nobody knows whether the last of it was heard
                self._bear(error)
            except LogReadError as error:
                self._bear(error)
            await asyncio.sleep(self.pause_ms / MS_PER_S)

    async def _pass_on(self, said: int) -> int:
        """Publish what comes next; return the position of its last."""
        events = await self.feed.events_after(said, _AT_ONCE)
        if events:
            await self.voice.say([_outgoing(event) for event in events])
            said = events[-1].position
            self.told(said)
        self._moved_s = _now_s()
        return said

    def _bear(self, error: TorghutError) -> None:
        """Tell of an error, unless nobody ever answered, or it did not get on for too long.

        Raises:
            TorghutError: That.
        """
        patience_s = inf if self.patience_ms is None else self.patience_ms / MS_PER_S
        if self._moved_s is None or _now_s() - self._moved_s >= patience_s:
            raise error
        self.troubled(error)

    async def _begin(self) -> int:
        """Raise the voice; return the position of the topic's last record, 0 before the first.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
            EventsBehindTopicError: The log does not have it, or another one in its place.
            BookmarkUnreadableError: It does not say where it stands.
        """
        last = await self.voice.raise_()
        position = 0 if last is None else await self._checked(last)
        if self._moved_s is None:
            self._moved_s = _now_s()
        self.told(position)
        return position

    async def _checked(self, last: Received) -> int:
        """Return the position of the topic's last record, which the log has too."""
        position, digest = _position(last), dict(last.headers).get(EVENT_DIGEST, b"")
        found = "it ending before"
        for event in await self.feed.events_after(position - 1, 1):
            found = "" if event.digest.encode() == digest else f"another one, {event.digest}"
        if found:
            raise EventsBehindTopicError(published=position, found=found)
        return position


def _position(last: Received) -> int:
    """Return where the event of a record stands in its log.

    Raises:
        BookmarkUnreadableError: It does not say.
    """
    said = dict(last.headers).get(EVENT_POSITION, b"")
    if not said.isdigit() or len(said) > _DIGITS_MAX:
        found = said.decode("ascii", "replace")
        raise BookmarkUnreadableError(offset=last.offset, found=found)
    return int(said)


def _now_s() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()


def _outgoing(event: Envelope) -> Outgoing:
    """Return an event as a record: its own bytes, its place and its causes beside them."""
    headers: Sequence[tuple[str, bytes]] = (
        (SCHEMA, event.type.encode()),
        (EVENT_POSITION, b"%d" % event.position),
        (EVENT_DIGEST, event.digest.encode()),
        (CORRELATION_ID, event.causes.correlation_id.encode()),
        (CAUSATION_ID, event.causes.causation_id.encode()),
        (STREAM_VERSION, b"%d" % event.version),
        (RECORDED_AT_NS, b"%d" % event.recorded_at_ns),
    )
    return Outgoing(event.stream.encode(), event.body, headers)
