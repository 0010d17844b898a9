"""Reads a whole log against every digest in it, a little at every step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.adapters.logs.judging import (
    judge_event,
    judge_later,
    judge_seal,
    judge_unreadable,
    note_seals,
)
from torghut.adapters.postgres.reading.blocks import StoredBlock
from torghut.adapters.postgres.reading.reader import Reader
from torghut.adapters.sqlite.heads.lines import EVENTS_CHAIN, HeadLine
from torghut.eventlog.block import Head
from torghut.eventlog.envelopes import read_event
from torghut.eventlog.errors import (
    ArchiveAlteredError,
    ArchiveMissingError,
    EventUnreadableError,
    LogIntegrityError,
    ObjectMissingError,
)
from torghut.eventlog.events import LOG_EVENT, SealedHead, log_stream
from torghut.eventlog.verification import FINDINGS_KEPT, FindingKind, Tally, block_place
from torghut.schemas.block import BlocksArchived

_EVENTS_AT_ONCE: Final = 500
_OBJECTS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One verification under way.

    Attributes:
        tally: What was found so far.
        heads: As the log said when it began; others may be writing meanwhile.
        seen: What was acknowledged by the files beside it, by chain.
        cited: Digests that blocks cite, with the first place of each.
    """

    reader: Reader
    tally: Tally
    heads: Sequence[Head]
    seen: Mapping[str, HeadLine]
    cited: dict[str, str] = field(default_factory=dict)

    async def steps(self) -> AsyncIterator[None]:
        """Verify a little at every step; memory does not grow with the blocks."""
        end = await self.reader.events_end()
        for walk in (self._blocks, self._objects, self._events, self._snapshots):
            try:
                async for _ in walk():
                    yield
            except LogIntegrityError as error:
                judge_unreadable(self.tally, error)
            except EventUnreadableError as error:
                judge_later(self.tally, error)
        self._compare_events_end(*end)
        await self._compare_seen()

    async def _blocks(self) -> AsyncIterator[None]:
        known = {head.partition: head for head in self.heads}
        for partition in sorted({*await self.reader.partitions_stored(), *known}):
            last = await self.reader.last_number(partition)
            number = -1
            while number < last and self.tally.findings_total <= FINDINGS_KEPT:
                number = await self._block(partition, after=number)
                yield
            if partition in known:
                await self._compare_head(known[partition], last)

    async def _block(self, partition: int, *, after: int) -> int:
        """Judge the block after ``after`` and return its number."""
        try:
            found = await self.reader.blocks.after(partition, after, 1)
        except (ArchiveAlteredError, ArchiveMissingError) as error:
            return await self._pass_archive(error)
        if not found:
            return after + 1
        (stored,) = found
        if not isinstance(stored, StoredBlock):
            judge_unreadable(self.tally, stored)
            self.tally.pass_over(partition, after + 1)
            return after + 1
        block = stored.block
        self.tally.take(block, stored_digest=stored.digest)
        for digest in block.cites:
            self.cited.setdefault(digest, block_place(partition, block.number))
        return block.number

    async def _pass_archive(self, error: ArchiveAlteredError | ArchiveMissingError) -> int:
        """Note that a file is lost, go on behind it, and return the number of its last block.

        The digest of that block is in the database: what follows is compared with it.
        """
        partition, last = error.partition, error.last
        if isinstance(error, ArchiveAlteredError):
            judge_unreadable(self.tally, error, kind=FindingKind.ALTERED)
        else:
            self.tally.add(
                FindingKind.MISSING,
                place=f"archive {error.path}",
                expected=f"blocks {error.first} to {last} of partition {partition}",
                found=error.found,
            )
        digest = await self.reader.block_digest(partition, last) or ""
        self.tally.heads[partition] = Head(partition=partition, number=last, digest=digest)
        return last

    async def _compare_head(self, head: Head, last: int) -> None:
        """Compare a head with the block in its place."""
        digest = await self.reader.block_digest(head.partition, head.number)
        if digest != head.digest:
            self.tally.add(
                FindingKind.TRUNCATED if last < head.number else FindingKind.REWRITTEN,
                place=block_place(head.partition, head.number),
                expected=f"{head.digest}, as the head of its partition says",
                found=digest or f"an end at {last}",
            )

    async def _objects(self) -> AsyncIterator[None]:
        missing = dict(self.cited)
        last = ""
        while digests := await self.reader.object_digests(last, _OBJECTS_AT_ONCE):
            for digest in digests:
                last = digest
                missing.pop(digest, None)
                self.tally.objects += 1
                try:
                    await self.reader.get_object(digest)
                except (LogIntegrityError, ObjectMissingError) as error:
                    self.tally.add(
                        FindingKind.ALTERED,
                        place=f"object {digest}",
                        expected=digest,
                        found=str(error),
                    )
                yield
        for digest, place in missing.items():
            self.tally.add(
                FindingKind.MISSING, place=place, expected=f"object {digest}", found="none"
            )

    async def _events(self) -> AsyncIterator[None]:
        own = log_stream(await self.reader.log_id())
        seals: dict[int, SealedHead] = {}
        position = 0
        while found := await self.reader.stored_events(position, _EVENTS_AT_ONCE):
            for stored in found:
                envelope = stored.envelope
                intact = judge_event(self.tally, envelope, after=position, previous=stored.previous)
                if intact and envelope.stream == own:
                    event = read_event(envelope, LOG_EVENT, {})
                    note_seals(seals, event)
                    if isinstance(event, BlocksArchived):
                        await self._compare_archive(event)
                position = envelope.position
            yield
        for seal in seals.values():
            digest = await self.reader.block_digest(seal.partition, seal.number)
            judge_seal(self.tally, seal, digest)
            yield

    async def _compare_archive(self, event: BlocksArchived) -> None:
        """Compare what an event says of archived blocks with what is on record."""
        archive = await self.reader.blocks.archive_at(event.partition, event.first)
        if archive is None or archive.event() != event:
            self.tally.add(
                FindingKind.REWRITTEN,
                place=f"archive of {block_place(event.partition, event.first)}",
                expected=(
                    f"file {event.file_digest} up to block {event.last}, {event.last_digest}, "
                    "as an event says"
                ),
                found="none" if archive is None else f"file {archive.file_digest}",
            )

    def _compare_events_end(self, position: int, digest: str) -> None:
        """Compare where the log said that its events end with how many there are."""
        if self.tally.events < position:
            self.tally.add(
                FindingKind.TRUNCATED,
                place=f"event {position}",
                expected=f"{digest}, as the end of the events says",
                found=f"an end at {self.tally.events}",
            )

    async def _compare_seen(self) -> None:
        """Compare what was acknowledged with what is there."""
        for line in self.seen.values():
            if line.chain == EVENTS_CHAIN:
                found = await self.reader.event_digest(line.number)
            else:
                found = await self.reader.block_digest(int(line.chain), line.number)
            if found != line.digest:
                self.tally.add(
                    FindingKind.TRUNCATED if found is None else FindingKind.REWRITTEN,
                    place=f"chain {line.chain}, number {line.number}",
                    expected=f"{line.digest}, as its heads file says",
                    found=found or "none",
                )

    async def _snapshots(self) -> AsyncIterator[None]:
        for partition, key in await self.reader.snapshot_keys():
            try:
                await self.reader.load_snapshot(partition, key)
            except LogIntegrityError as error:
                judge_unreadable(self.tally, error, kind=FindingKind.ALTERED)
            yield
