"""Reads a whole log against every digest in it and beside it, one piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torghut.adapters.logs.judging import (
    judge_event,
    judge_later,
    judge_seal,
    judge_unreadable,
    note_seals,
)
from torghut.adapters.sqlite.ends import Ends
from torghut.adapters.sqlite.heads.anchor import LAG_COMMITS_MAX
from torghut.adapters.sqlite.heads.lines import (
    EVENTS_CHAIN,
    HeadLine,
    Heads,
    heads_path,
    read_heads,
    read_lines,
)
from torghut.adapters.sqlite.opening import Compared, Standing, compare, first_missing_commit
from torghut.adapters.sqlite.reader import Reader
from torghut.eventlog.envelopes import Envelope, read_event
from torghut.eventlog.errors import (
    EventUnreadableError,
    LogIntegrityError,
    ObjectMissingError,
)
from torghut.eventlog.events import (
    LOG_EVENT,
    SealedHead,
    log_stream,
)
from torghut.eventlog.verification import FINDINGS_KEPT, FindingKind, Tally, block_place

EVENTS_PER_STEP = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One verification under way.

    Attributes:
        tally: What was found so far.
    """

    path: Path
    reader: Reader
    tally: Tally

    def steps(self) -> Iterator[None]:
        """Verify a little at every step; memory does not grow with the log."""
        heads = self._heads()  # before the log: a writer may be at work
        walks: list[Callable[[], Iterator[None]]] = [
            self._blocks,
            self._objects,
            self._events,
            self._snapshots,
            self._pages,
        ]
        if heads is not None:
            walks.append(partial(self._lines, heads))
        for walk in walks:
            try:
                yield from walk()
            except LogIntegrityError as error:
                self._unreadable(error)
            except EventUnreadableError as error:
                judge_later(self.tally, error)

    def _heads(self) -> Heads | None:
        """Return what the heads file says; None if it says nothing."""
        place = heads_path(self.path).name
        try:
            heads = read_heads(heads_path(self.path))
        except LogIntegrityError as error:
            self._unreadable(error)
            return None
        if heads is None:
            self.tally.add(
                FindingKind.HEADS_MISSING, place=place, expected="a heads file", found="none"
            )
        return heads

    def _blocks(self) -> Iterator[None]:
        for partition in self.reader.partitions():
            last = self.reader.head(partition).number
            number = -1
            while number < last and self.tally.findings_total <= FINDINGS_KEPT:
                number = self._block(partition, after=number)
                yield

    def _block(self, partition: int, *, after: int) -> int:
        """Judge the block after ``after`` and return its number."""
        try:
            stored = self.reader.next_block(partition, after)
        except LogIntegrityError as error:
            self._unreadable(error)
            self.tally.pass_over(partition, after + 1)
            return after + 1
        if stored is None:
            return after + 1
        block = stored.block
        self.tally.take(block, stored_digest=stored.digest)
        for digest in block.cites:
            if not self.reader.has_object(digest):
                self.tally.add(
                    FindingKind.MISSING,
                    place=block_place(partition, block.number),
                    expected=f"object {digest}",
                    found="none",
                )
        return block.number

    def _objects(self) -> Iterator[None]:
        for digest in self.reader.object_digests():
            self.tally.objects += 1
            try:
                self.reader.get_object(digest)
            except (LogIntegrityError, ObjectMissingError) as error:
                self.tally.add(
                    FindingKind.ALTERED,
                    place=f"object {digest}",
                    expected=digest,
                    found=str(error),
                )
            yield

    def _events(self) -> Iterator[None]:
        own = log_stream(self.reader.log_id())
        seals: dict[int, SealedHead] = {}
        position = 0
        while (envelope := self.reader.next_event(position)) is not None:
            intact = self._event(envelope, after=position)
            if intact and envelope.stream == own:
                note_seals(seals, read_event(envelope, LOG_EVENT, {}))
            position = envelope.position
            if position % EVENTS_PER_STEP == 0:
                yield
        for seal in seals.values():
            self._seal(seal)
            yield

    def _event(self, envelope: Envelope, *, after: int) -> bool:
        """Judge the event after position ``after``; say whether it is as it was written."""
        previous = self.reader.stream_digest(envelope.stream, envelope.version - 1)
        return judge_event(self.tally, envelope, after=after, previous=previous)

    def _seal(self, seal: SealedHead) -> None:
        """Compare a head that an event sealed with the block in its place."""
        judge_seal(self.tally, seal, self.reader.block_digest(seal.partition, seal.number))

    def _snapshots(self) -> Iterator[None]:
        for partition, key in self.reader.snapshot_keys():
            try:
                self.reader.load_snapshot(partition, key)
            except LogIntegrityError as error:
                self._unreadable(error, kind=FindingKind.ALTERED)
            yield

    def _pages(self) -> Iterator[None]:
        for fault in self.reader.page_faults():
            self.tally.add(
                FindingKind.UNREADABLE, place=self.path.name, expected="sound pages", found=fault
            )
        yield

    def _lines(self, heads: Heads) -> Iterator[None]:
        """Compare every line of the heads file that still stands with the log."""
        ends = self.reader.ends()
        self._compare_ends(heads, ends)
        last_accepted: dict[str, tuple[int, int]] = {}
        path = heads_path(self.path)
        for end, line in read_lines(path):
            if isinstance(line, HeadLine) and line.accepted and end <= heads.whole_bytes:
                last_accepted[line.chain] = (end, line.number)
        for end, line in read_lines(path):
            if end > heads.whole_bytes:
                return
            if not isinstance(line, HeadLine):
                continue
            accepted_end, accepted_number = last_accepted.get(line.chain, (0, 0))
            if end < accepted_end and line.number > accepted_number:
                continue  # what an accepted loss took
            self._line(line)
            yield

    def _line(self, line: HeadLine) -> None:
        if line.chain == EVENTS_CHAIN:
            digest = self.reader.event_digest(line.number)
        else:
            digest = self.reader.block_digest(int(line.chain), line.number)
        if digest is not None and digest != line.digest:
            self.tally.add(
                FindingKind.REWRITTEN,
                place=f"chain {line.chain}, number {line.number}",
                expected=line.digest,
                found=digest,
            )

    def _compare_ends(self, heads: Heads, ends: Ends) -> None:
        if heads.log_id != self.reader.log_id():
            self.tally.add(
                FindingKind.REWRITTEN,
                place=heads_path(self.path).name,
                expected=f"log {self.reader.log_id()}",
                found=f"log {heads.log_id}",
            )
        for chain in compare(self.reader, heads, ends):
            if chain.standing is Standing.BEHIND:
                self._disagree(chain, FindingKind.TRUNCATED)
            if chain.standing is Standing.AHEAD and not self._catches_up(chain, ends):
                self._disagree(chain, FindingKind.HEADS_MISSING)

    def _catches_up(self, ahead: Compared, ends: Ends) -> bool:
        """Say whether the heads file lacks no more than a crash takes, or has it by now."""
        if first_missing_commit(self.reader, ahead) >= ends.commit_number - LAG_COMMITS_MAX:
            return True
        heads = read_heads(heads_path(self.path))
        line = heads.ends.get(ahead.line.chain) if heads else None
        return line is not None and line.number >= ahead.end

    def _disagree(self, chain: Compared, kind: FindingKind) -> None:
        self.tally.add(
            kind,
            place=f"chain {chain.line.chain}",
            expected=f"number {chain.line.number} last, as its heads file says",
            found=f"number {chain.end}",
        )

    def _unreadable(
        self, error: LogIntegrityError, *, kind: FindingKind = FindingKind.UNREADABLE
    ) -> None:
        judge_unreadable(self.tally, error, kind=kind)
