"""A member of a group that Faust shares a topic in; its owner says what it is handed, not Faust.

Faust moves nowhere by itself that its owner says, and passes some records by when it rebalances, is
paused or is killed. So its stream is one of two sources: what joins the offset that the owner
expects is handed on, and whatever is missing before it, or behind the last of it, is read again.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from faust.app import App
from faust.exceptions import FaustError
from faust.types import TP, Message, StreamT
from typing_extensions import override

from torghut.adapters.faust.application import Terms, new_app
from torghut.adapters.faust.handing import Handing
from torghut.adapters.faust.rereading import ExactReader
from torghut.adapters.faust.view import show_partitions
from torghut.adapters.kafka.connection import Connection
from torghut.adapters.kafka.refusing import refused
from torghut.carrying.messages import Reading, Received
from torghut.carrying.ports import Membership, Owner
from torghut.kernel.units import MS_PER_S

_LOG: Final = logging.getLogger(__name__)
_STEP_S: Final = 0.005


@dataclass(slots=True, kw_only=True)
class FaustMembership(Membership):
    """One member of the group.

    Attributes:
        connection: To the broker.
        topic: Whose partitions are shared.
        terms: Of the membership.
        limit: Most records of a partition that wait to be handed out.
        patience_ms: How long Faust's stream waits for room, before it goes on without a record.
        gather_ms: Longest wait for more records where Faust has them: it brings them one by one.
        quiet_ms: After so long without a record it is looked whether Faust left out the last.
    """

    connection: Connection
    topic: str
    terms: Terms
    limit: int = 4000
    patience_ms: int = 100
    gather_ms: int = 200
    quiet_ms: int = 1000
    _hands: dict[int, Handing] = field(default_factory=dict)
    _quiet_s: dict[int, float] = field(default_factory=dict)
    _app: App | None = None
    _reader: ExactReader = field(init=False)
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._reader = ExactReader(self.connection)

    @override
    async def join(self, owner: Owner, /) -> None:
        await self._reader.partitions(self.topic)  # Faust itself tries for ever
        self._folder = tempfile.TemporaryDirectory(prefix="torghut-faust-")
        app = self._app = new_app(self.terms, Path(self._folder.name))
        topic = app.topic(self.topic, key_type=bytes, value_type=bytes, value_serializer="raw")
        app.agent(topic, name="decide")(self._decide)
        if self.terms.web is not None:
            show_partitions(app, self._hands)

        async def assigned(_: object, places: set[TP], **__: object) -> None:
            if self._hands:  # nobody said that they were lost
                await owner.lost(sorted(self._hands))
            await owner.gained(self._own(places))

        async def revoked(_: object, places: set[TP], **__: object) -> None:
            await owner.lost(self._let_go(places))

        app.on_partitions_assigned.connect(assigned, weak=False)  # type: ignore[arg-type]
        app.on_partitions_revoked.connect(revoked, weak=False)  # type: ignore[arg-type]
        await self.connection.answered(f"joining {self.topic} with Faust", app.start())

    @override
    async def take(self, *, most: int, wait_ms: int) -> Mapping[int, Sequence[Received]]:
        self._look()
        self._came.clear()
        found = await self._next(most)
        if not found:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_ms / MS_PER_S):
                    await self._came.wait()
            await self._gather(most)
            found = await self._next(most)
        if found:
            self._room.set()
        return found

    @override
    def place(self, partition: int, offset: int, /) -> None:
        self._hands[partition].place(offset)
        self._stir(partition)

    @override
    def hold(self, partition: int, /) -> None:
        self._hands[partition].held = True

    @override
    def go_on(self, partition: int, /) -> None:
        self._hands[partition].held = False
        self._stir(partition)

    @override
    async def hint(self, offsets: Mapping[int, int], /) -> None:
        """Do nothing: Faust itself commits what it brought, each second."""

    @override
    async def behind(self) -> Mapping[int, int]:
        found: dict[int, int] = {}
        for partition, hand in self._hands.items():
            end = self._end(partition)
            if end is not None and hand.expected is not None:
                found[partition] = max(0, end - hand.expected)
        return found

    @override
    async def leave(self) -> None:
        app, self._app = self._app, None
        if app is not None:
            stopping = asyncio.ensure_future(app.stop())
            done, _ = await asyncio.wait([stopping], timeout=self.connection.budget_ms / MS_PER_S)
            if not done:
                _LOG.warning("Faust did not end within %d ms", self.connection.budget_ms)
                stopping.cancel()
        if self._folder is not None:
            self._folder.cleanup()
        await self._reader.close()

    async def _decide(self, stream: StreamT[bytes]) -> None:
        """Be Faust's agent: take what it brings; raise nothing, or it would be lost."""
        async for event in stream.events():
            await self._bring(event.message)

    async def _bring(self, message: Message) -> None:
        """Take one record, or leave it out where there is no room for it for too long."""
        hand = self._hands.get(message.partition)
        if hand is None:
            return
        if hand.full and not hand.missed:
            self._room.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.patience_ms / MS_PER_S):
                    await self._room.wait()
        hand.bring(_received(message))
        self._stir(message.partition)

    async def _gather(self, most: int) -> None:
        """Wait while Faust has more to bring of what it began to bring, for a moment."""
        until_s = _now_s() + self.gather_ms / MS_PER_S
        while _now_s() < until_s and sum(map(len, self._hands.values())) < most:
            begun = [(one, hand) for one, hand in self._hands.items() if len(hand)]
            if all((self._end(one) or 0) <= hand.seen for one, hand in begun):
                return
            await asyncio.sleep(_STEP_S)

    async def _next(self, most: int) -> dict[int, Sequence[Received]]:
        """Return what can be handed out now; where something is missing, that first.

        Reading takes a while, in which partitions may be placed anew or go to others. So nothing
        is taken out of any before everything was read.
        """
        lacking = {one: hand.expected for one, hand in self._hands.items() if hand.lacking}
        read = {
            one: (since, await self._reread(one, since))
            for one, since in lacking.items()
            if since is not None
        }
        found: dict[int, Sequence[Received]] = {}
        for partition, hand in self._hands.items():
            if partition in read:
                records = self._take_reading(partition, *read[partition])
            else:
                records = hand.hand(most)
            if records:
                found[partition] = records
                self._quiet_s[partition] = _now_s()
        return found

    async def _reread(self, partition: int, since: int) -> Reading:
        """Read again from where the owner stands, whatever Faust says."""
        place = (self.topic, partition)
        found = await self._reader.read({place: since}, wait_ms=self.patience_ms)
        return found[place]

    def _take_reading(self, partition: int, since: int, reading: Reading) -> Sequence[Received]:
        """Return what was read again, unless its owner stands elsewhere by now."""
        hand = self._hands[partition]
        if hand.expected != since or not hand.placed:
            return ()
        _LOG.info("%s/%d is read again from offset %d", self.topic, partition, since)
        records = hand.take_reading(reading)
        end = self._end(partition)
        hand.missed |= not len(hand) and end is not None and end > reading.then
        return records

    def _look(self) -> None:
        """See whether Faust still runs, and whether it left out the last of a partition.

        Raises:
            BrokerUnreachableError: It ended.
            BrokerRefusedError: It ended because the broker refuses to be read from.
        """
        app, asked = self._app, f"reading {self.topic} with Faust"
        if app is None or app.crashed or app.should_stop:
            reason = app.crash_reason if app is not None else None
            errors = [] if reason is None else [reason]
            raise refused(asked, errors) or self.connection.unreachable(
                asked, f"that it ended: {reason!r}"
            )
        late_s = _now_s() - self.quiet_ms / MS_PER_S
        for partition, hand in self._hands.items():
            if hand.placed and not len(hand) and self._quiet_s[partition] < late_s:
                self._quiet_s[partition] = _now_s()
                hand.missed |= self._end(partition) != hand.expected

    def _own(self, places: Iterable[TP]) -> list[int]:
        """Own exactly these partitions, none of them placed."""
        owned = sorted(one.partition for one in places if one.topic == self.topic)
        self._hands.clear()
        for partition in owned:
            self._hands[partition] = Handing(limit=self.limit)
            self._quiet_s[partition] = _now_s()
        return owned

    def _let_go(self, places: Iterable[TP]) -> list[int]:
        """Own these partitions no more."""
        lost = sorted(one.partition for one in places if one.topic == self.topic)
        for partition in lost:
            self._hands.pop(partition, None)
        return lost

    def _end(self, partition: int) -> int | None:
        """Return behind which offset a partition ended when Faust last asked; None if unknown."""
        app = self._app
        if app is None or app.consumer is None:
            return None
        try:
            end: int | None = app.consumer.highwater(TP(self.topic, partition))
        except (FaustError, AssertionError, AttributeError, LookupError):
            return None  # in the middle of a rebalance
        return end

    def _stir(self, partition: int) -> None:
        """Let whoever takes look again."""
        self._quiet_s[partition] = _now_s()
        self._came.set()


def _received(message: Message) -> Received:
    """Return a record as the core takes it."""
    stamp = -1 if message.timestamp is None else round(message.timestamp * MS_PER_S)
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return Received(
        message.offset,
        message.key,
        message.value,
        [(name, value or b"") for name, value in pairs],
        stamp,
    )


def _now_s() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()
