"""Every opening compares the log with its heads file, and serves nothing that they disagree on.

A log behind its heads file lost what was durable once. A log ahead of it lost the last lines to a
crash between commit and line: those are written again, but no more than a crash can take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from torghut.adapters.sqlite.ends import Ends
from torghut.adapters.sqlite.heads.anchor import LAG_COMMITS_MAX
from torghut.adapters.sqlite.heads.lines import (
    EVENTS_CHAIN,
    HeadLine,
    Heads,
    create_heads,
    heads_path,
    read_heads,
    repair_heads,
)
from torghut.adapters.sqlite.reader import Reader
from torghut.eventlog.block import GENESIS, Head
from torghut.eventlog.errors import HeadsFileMissingError, LogIntegrityError, TruncatedLogError
from torghut.eventlog.verification import block_place, check_block
from torghut.kernel.errors import TorghutError


class Standing(Enum):
    """How one chain of the log stands to its heads file."""

    AGREES = auto()
    AHEAD = auto()
    BEHIND = auto()
    REWRITTEN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One chain in the log and in the heads file.

    Attributes:
        line: The heads file's last word on it.
        end: Number of the log's last block, or position of its last event.
        digest: Of the log's block or event at the line's number; None if there is none.
    """

    line: HeadLine
    end: int
    digest: str | None

    @property
    def standing(self) -> Standing:
        """Judge the log by the line."""
        if self.end < self.line.number:
            return Standing.BEHIND
        if self.digest != self.line.digest:
            return Standing.REWRITTEN
        return Standing.AHEAD if self.end > self.line.number else Standing.AGREES

    def fault(self, path: Path) -> TorghutError | None:
        """Return why the log must not be served, if so."""
        place = f"{path.name}, chain {self.line.chain}"
        if self.standing is Standing.BEHIND:
            return TruncatedLogError(
                place=place, expected=f"number {self.line.number}", found=f"number {self.end}"
            )
        if self.standing is Standing.REWRITTEN:
            return LogIntegrityError(
                place=f"{place}, number {self.line.number}",
                expected=self.line.digest,
                found=self.digest or "nothing",
            )
        return None


def compare(reader: Reader, heads: Heads, ends: Ends) -> Sequence[Compared]:
    """Return every chain that the log or its heads file knows, blocks first."""
    chains = {str(partition) for partition in ends.heads} | heads.ends.keys()
    partitions = sorted(chains - {EVENTS_CHAIN}, key=int)
    return [_compare(reader, heads, ends, chain) for chain in (*partitions, EVENTS_CHAIN)]


def check_heads(path: Path, reader: Reader, ends: Ends, heads: Heads | None) -> Sequence[Compared]:
    """Return the chains of which the log knows more than its heads file.

    Args:
        path: Of the log.
        reader: Of the log.
        ends: Where its chains end.
        heads: As read before the log, so that a writer at work cannot seem to have lost blocks.

    Raises:
        TruncatedLogError: The log ends before its heads file does.
        HeadsFileMissingError: The log has content and no heads file.
        LogIntegrityError: They disagree in another way, or a last block is not as written.
    """
    if heads is None:
        raise HeadsFileMissingError(path=str(heads_path(path)))
    if heads.log_id != reader.log_id():
        raise LogIntegrityError(
            place=heads_path(path).name, expected=f"log {reader.log_id()}", found=heads.log_id
        )
    compared = compare(reader, heads, ends)
    for chain in compared:
        if (fault := chain.fault(path)) is not None:
            raise fault
    ahead = [chain for chain in compared if chain.standing is Standing.AHEAD]
    if heads.torn and not ahead:
        raise TruncatedLogError(
            place=path.name, expected="one more commit, its line half written", found="its end"
        )
    for head in ends.heads.values():
        _check_last_block(reader, head)
    return ahead


def repair(path: Path, reader: Reader, ends: Ends, heads: Heads, ahead: Sequence[Compared]) -> int:
    """Append the lines that a crash took to the heads file and return how many there were.

    Raises:
        LogIntegrityError: More are missing than a crash can take.
    """
    first = min((first_missing_commit(reader, chain) for chain in ahead), default=None)
    if first is not None and first < ends.commit_number - LAG_COMMITS_MAX:
        raise LogIntegrityError(
            place=heads_path(path).name,
            expected=f"at most the last {LAG_COMMITS_MAX + 1} commits without a line",
            found=f"none since commit {first} of {ends.commit_number}",
        )
    missing = sorted(_missing(reader, ahead), key=lambda found: found[0])
    if missing or heads.torn:
        lines = [line for _, line in missing]
        repair_heads(heads_path(path), whole_bytes=heads.whole_bytes, lines=lines)
    return len(missing)


def compare_with_heads(path: Path, reader: Reader, *, last_bytes: int | None) -> tuple[Ends, int]:
    """Return where a log that is to be written ends, and how many lines its heads file was short.

    Those are written. One that has nothing yet gets a heads file.

    Raises:
        TruncatedLogError: The log ends before its heads file does.
        HeadsFileMissingError: The log has content and no heads file.
        LogIntegrityError: They disagree in another way.
    """
    ends = reader.ends()
    heads = read_heads(heads_path(path), last_bytes=last_bytes)
    if heads is None and not ends.heads and not ends.position:
        create_heads(heads_path(path), reader.log_id())
        heads = read_heads(heads_path(path))
    ahead = check_heads(path, reader, ends, heads)
    return ends, repair(path, reader, ends, heads, ahead) if heads is not None else 0


def heads_for_new(path: Path, log_id: str) -> str:
    """Make sure that a log without content has a heads file and return the log's id.

    Raises:
        TruncatedLogError: The heads file knows of blocks or events.
    """
    heads = read_heads(heads_path(path))
    if heads is None:
        create_heads(heads_path(path), log_id)
        return log_id
    for line in heads.ends.values():
        if line.number > (0 if line.chain == EVENTS_CHAIN else -1):
            raise TruncatedLogError(
                place=f"{path.name}, chain {line.chain}",
                expected=f"number {line.number}",
                found="an empty database",
            )
    return heads.log_id


def _compare(reader: Reader, heads: Heads, ends: Ends, chain: str) -> Compared:
    """Return one chain in both."""
    if chain == EVENTS_CHAIN:
        line = heads.ends.get(chain) or HeadLine(chain=chain, number=0, digest=GENESIS)
        return Compared(line=line, end=ends.position, digest=reader.event_digest(line.number))
    partition = int(chain)
    line = heads.ends.get(chain) or HeadLine(chain=chain, number=-1, digest=GENESIS)
    return Compared(
        line=line,
        end=ends.head(partition).number,
        digest=reader.block_digest(partition, line.number),
    )


def first_missing_commit(reader: Reader, chain: Compared) -> int:
    """Return the oldest commit of which the heads file lacks a line for this chain."""
    number = chain.line.number + 1
    if chain.line.chain == EVENTS_CHAIN:
        return reader.event_commit(number)
    return reader.block_commit(int(chain.line.chain), number)


def _missing(reader: Reader, ahead: Sequence[Compared]) -> Iterator[tuple[int, HeadLine]]:
    """Yield the lines that the heads file lacks, each with its commit."""
    for chain in ahead:
        if chain.line.chain == EVENTS_CHAIN:
            yield from _missing_events(reader, chain)
            continue
        partition = int(chain.line.chain)
        for number in range(chain.line.number + 1, chain.end + 1):
            digest = reader.block_digest(partition, number) or ""
            line = HeadLine(chain=chain.line.chain, number=number, digest=digest)
            yield reader.block_commit(partition, number), line


def _missing_events(reader: Reader, chain: Compared) -> Iterator[tuple[int, HeadLine]]:
    """Yield the line of the last event of each commit."""
    for position in range(chain.line.number + 1, chain.end + 1):
        commit = reader.event_commit(position)
        if position == chain.end or reader.event_commit(position + 1) != commit:
            digest = reader.event_digest(position) or ""
            yield commit, HeadLine(chain=EVENTS_CHAIN, number=position, digest=digest)


def _check_last_block(reader: Reader, head: Head) -> None:
    """Check the last block of a partition, bytes and rows, against its digests."""
    stored = reader.next_block(head.partition, head.number - 1)
    if stored is None:
        place = block_place(head.partition, head.number)
        raise LogIntegrityError(place=place, expected="a block", found="none")
    before = reader.head_at(head.partition, head.number - 1)
    check_block(stored.block, stored_digest=stored.digest, before=before)
