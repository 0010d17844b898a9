"""The log in memory: for tests and trials, and the specification of every store in code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from torghut.eventlog.block import GENESIS, Block, Head, check_next, head_of
from torghut.eventlog.envelopes import (
    Causes,
    Envelope,
    Place,
    check_follows,
    encode_event,
    seal_events,
    version_conflict,
)
from torghut.eventlog.errors import ObjectMissingError
from torghut.eventlog.events import seal_heads
from torghut.eventlog.ports import (
    Claim,
    DecisionLog,
    EventFeed,
    EventStore,
    PartitionClaims,
    Snapshot,
    check_claim,
    check_snapshot,
)
from torghut.eventlog.verification import Tally, VerifyProgress, VerifyReport, check_block
from torghut.kernel.clock import WallClock
from torghut.kernel.digests import sha256_hex
from torghut.schemas.types import Message


@dataclass(slots=True, kw_only=True)
class Kept:
    """What a log in memory holds, whatever handles there are of it.

    Attributes:
        claims: Epoch and holder of the newest claim of each partition that was ever claimed.
        order: The events of all streams by their position.
    """

    chains: dict[int, list[Block]] = field(default_factory=lambda: defaultdict(list))
    claims: dict[int, tuple[int, str]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    snapshots: dict[tuple[int, str], tuple[Snapshot, str]] = field(default_factory=dict)
    streams: dict[str, list[Envelope]] = field(default_factory=lambda: defaultdict(list))
    order: list[Envelope] = field(default_factory=list)


class InMemoryLog(DecisionLog, EventStore, EventFeed, PartitionClaims):
    """Keeps everything until it is dropped.

    Args:
        clock: Tells when events were recorded.
        kept: What another handle of the same log holds; by default a log of its own.
    """

    def __init__(self, *, clock: WallClock, kept: Kept | None = None) -> None:
        self.kept = kept or Kept()
        self._clock = clock
        self._chains = self.kept.chains
        self._objects = self.kept.objects
        self._snapshots = self.kept.snapshots
        self._streams = self.kept.streams
        self._order = self.kept.order
        self._epochs: dict[int, int] = {}

    @override
    async def claim(self, partition: int, holder: str, /) -> Claim:
        epoch = self.kept.claims.get(partition, (0, ""))[0] + 1
        self.kept.claims[partition] = (epoch, holder)
        self._epochs[partition] = epoch
        return Claim(partition=partition, holder=holder, epoch=epoch, head=self._head(partition))

    @override
    async def check_claimed(self, partition: int, /) -> None:
        self._check_claim(partition)

    @override
    async def append(self, block: Block, /, *, meanwhile: Callable[[], None] | None = None) -> Head:
        self._check_claim(block.partition)
        chain = self._chains[block.partition]
        if block.number < len(chain) and chain[block.number].digest == block.digest:
            return head_of(block)
        check_next(block, self._head(block.partition))
        for digest in block.cites:
            if digest not in self._objects:
                raise ObjectMissingError(digest=digest)
        if meanwhile is not None:
            meanwhile()
        chain.append(block)
        return head_of(block)

    @override
    async def head(self, partition: int, /) -> Head:
        return self._head(partition)

    @override
    async def partitions(self) -> Sequence[int]:
        return sorted(partition for partition, chain in self._chains.items() if chain)

    @override
    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        before = self._head_at(partition, after)
        number = after + 1
        while number < len(self._chains[partition]):
            block = self._chains[partition][number]
            check_block(block, stored_digest=block.digest, before=before)
            yield block
            before = head_of(block)
            number += 1

    @override
    async def put_object(self, body: bytes, /) -> str:
        digest = sha256_hex(body)
        self._objects[digest] = body
        return digest

    @override
    async def get_object(self, digest: str, /) -> bytes:
        if digest not in self._objects:
            raise ObjectMissingError(digest=digest)
        return self._objects[digest]

    @override
    async def save_snapshot(self, snapshot: Snapshot, /) -> None:
        self._check_claim(snapshot.partition)
        check_snapshot(snapshot, self._head(snapshot.partition))
        place = (snapshot.partition, snapshot.key)
        kept = self._snapshots.get(place)
        if kept is None or kept[0].block_number <= snapshot.block_number:
            digest = self._head_at(snapshot.partition, snapshot.block_number).digest
            self._snapshots[place] = (snapshot, digest)

    @override
    async def load_snapshot(self, partition: int, key: str, /) -> Snapshot | None:
        kept = self._snapshots.get((partition, key))
        return None if kept is None else kept[0]

    @override
    async def seal_heads(self, causes: Causes, /) -> None:
        await seal_heads(self, self, log_id="memory", causes=causes)

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        history = self._streams[stream]
        later = history[expected_version : expected_version + len(events)]
        if events and [(e.type, e.body) for e in later] == [encode_event(e) for e in events]:
            return expected_version + len(events)
        if len(history) != expected_version:
            raise version_conflict(stream, expected=expected_version, actual=len(history))
        place = Place(
            version=len(history),
            digest=history[-1].digest if history else GENESIS,
            position=len(self._order),
        )
        sealed = seal_events(
            stream, events, after=place, recorded_at_ns=self._clock.now_ns(), causes=causes
        )
        history.extend(sealed)
        self._order.extend(sealed)
        return len(history)

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        history = self._streams[stream]
        return history[after:]

    @override
    async def events_after(self, position: int, limit: int, /) -> Sequence[Envelope]:
        return self._order[max(0, position) : max(0, position) + limit]

    @override
    async def streams(self, prefix: str, /) -> Sequence[str]:
        begun = {name: history[0].position for name, history in self._streams.items() if history}
        return sorted((name for name in begun if name.startswith(prefix)), key=begun.__getitem__)

    @override
    async def verify(
        self,
        *,
        expect: Head | None = None,
        progress: Callable[[VerifyProgress], None] | None = None,
    ) -> VerifyReport:
        tally = Tally(expect=expect)
        total = sum(len(chain) for chain in self._chains.values())
        for _, chain in sorted(self._chains.items()):
            for block in chain:
                tally.take(block, stored_digest=block.digest)
                if progress is not None:
                    progress(VerifyProgress(blocks=tally.blocks, blocks_total=total))
        for history in self._streams.values():
            for version, envelope in enumerate(history):
                digest = history[version - 1].digest if version else GENESIS
                check_follows(envelope, version=version, digest=digest)
                tally.events += 1
        tally.objects = len(self._objects)
        return tally.report()

    @override
    async def close(self) -> None:
        pass

    def _check_claim(self, partition: int) -> None:
        """Refuse to write to a partition that somebody else claimed since.

        Raises:
            ClaimLostError: Somebody did.
        """
        epoch, holder = self.kept.claims.get(partition, (0, ""))
        check_claim(partition, own=self._epochs.get(partition, 0), epoch=epoch, holder=holder)

    def _head(self, partition: int) -> Head:
        return self._head_at(partition, len(self._chains[partition]) - 1)

    def _head_at(self, partition: int, number: int) -> Head:
        """Return the head that ``partition`` had after block ``number``."""
        chain = self._chains[partition]
        return head_of(chain[number]) if 0 <= number < len(chain) else Head(partition=partition)
