"""What reading a whole log against its digests found, and the judgement of a single block."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from torghut.eventlog.block import Arm, Block, Head
from torghut.eventlog.errors import LogIntegrityError
from torghut.kernel.digests import DIGEST_BYTES

FINDINGS_KEPT: Final = 100
"""Findings that a report spells out; beyond that it only counts."""


class FindingKind(StrEnum):
    """Ways in which a log is not what it was."""

    ALTERED = "altered"
    MISSING = "missing"
    UNCHAINED = "unchained"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    HEADS_MISSING = "heads-missing"


class Tail(StrEnum):
    """Whether the chain was seen to contain a head known from elsewhere."""

    ANCHORED = "tail anchored"
    NOT_ANCHORED = "tail not anchored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One way in which the log is not what it was.

    Attributes:
        place: Which block, event, object or file.
    """

    kind: FindingKind
    place: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyProgress:
    """How far verification is: blocks read of those there are."""

    blocks: int
    blocks_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What verification read and what it found.

    Attributes:
        heads: End of each partition's chain as found.
        blocks: Blocks read.
        decisions: Rows whose digest was compared, all arms together.
        events: Events read.
        objects: Objects read.
        tail: Whether the expected head was found in its chain.
        findings: The first ``FINDINGS_KEPT`` things wrong; none in a genuine log.
        findings_total: How many there were.
    """

    heads: tuple[Head, ...]
    blocks: int
    decisions: int
    events: int
    objects: int
    tail: Tail
    findings: tuple[Finding, ...]
    findings_total: int

    @property
    def intact(self) -> bool:
        """Say whether nothing wrong was found."""
        return self.findings_total == 0


@dataclass(slots=True, kw_only=True)
class Tally:
    """A report in the making.

    Attributes:
        expect: The head known from elsewhere, if any.
        expected_found: Digest of the block in its place, once read.
    """

    expect: Head | None = None
    heads: dict[int, Head] = field(default_factory=dict)
    blocks: int = 0
    decisions: int = 0
    events: int = 0
    objects: int = 0
    findings: list[Finding] = field(default_factory=list)
    findings_total: int = 0
    expected_found: str = ""

    def add(self, kind: FindingKind, *, place: str, expected: str, found: str) -> None:
        """Note one thing wrong."""
        self.findings_total += 1
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append(Finding(kind=kind, place=place, expected=expected, found=found))

    def end(self, partition: int) -> Head:
        """Return the last block taken of ``partition``."""
        return self.heads.get(partition, Head(partition=partition))

    def take(self, block: Block, *, stored_digest: str) -> None:
        """Judge the next block of a partition and go on behind it, right or wrong."""
        before = self.end(block.partition)
        place = block_place(block.partition, block.number)
        if block.number != before.number + 1:
            self.add(
                FindingKind.MISSING,
                place=block_place(block.partition, before.number + 1),
                expected="a block",
                found=f"number {block.number} next",
            )
        elif before.digest and block.previous != before.digest:
            self.add(
                FindingKind.UNCHAINED, place=place, expected=before.digest, found=block.previous
            )
        if block.digest != stored_digest:
            self.add(FindingKind.ALTERED, place=place, expected=stored_digest, found=block.digest)
        for name, arm in block.arms.items():
            self._take_arm(arm, place=f"{place}, arm {name}")
        self.blocks += 1
        self._compare_expected(block, stored_digest)
        # The stored digest is what the next block was chained to: one fault is found once.
        self.heads[block.partition] = Head(
            partition=block.partition,
            number=block.number,
            digest=stored_digest,
            cursor=block.cursor,
        )

    def pass_over(self, partition: int, number: int) -> None:
        """Go on behind a block that cannot be read, so that its loss is found once."""
        self.heads[partition] = Head(partition=partition, number=number, digest="")

    def report(self) -> VerifyReport:
        """Return what was found, the comparison with the expected head included."""
        expect = self.expect
        if expect is not None and expect.number >= 0 and not self.expected_found:
            self.add(
                FindingKind.TRUNCATED,
                place=block_place(expect.partition, expect.number),
                expected=expect.digest,
                found=f"an end at {self.end(expect.partition).number}",
            )
        return VerifyReport(
            heads=tuple(head for _, head in sorted(self.heads.items())),
            blocks=self.blocks,
            decisions=self.decisions,
            events=self.events,
            objects=self.objects,
            tail=Tail.ANCHORED
            if expect is not None and self.expected_found == expect.digest
            else Tail.NOT_ANCHORED,
            findings=tuple(self.findings),
            findings_total=self.findings_total,
        )

    def _take_arm(self, arm: Arm, *, place: str) -> None:
        self.decisions += arm.count
        row = first_altered_row(arm)
        if row is not None:
            self.add(
                FindingKind.ALTERED,
                place=f"{place}, row {row}",
                expected=arm.leaves[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES].hex(),
                found="another digest of the row",
            )

    def _compare_expected(self, block: Block, stored_digest: str) -> None:
        expect = self.expect
        if expect is None or (block.partition, block.number) != (expect.partition, expect.number):
            return
        self.expected_found = stored_digest
        if stored_digest != expect.digest:
            self.add(
                FindingKind.REWRITTEN,
                place=block_place(block.partition, block.number),
                expected=expect.digest,
                found=stored_digest,
            )


def block_place(partition: int, number: int) -> str:
    """Return how a block is named to people."""
    return f"partition {partition}, block {number}"


def first_altered_row(arm: Arm) -> int | None:
    """Return the index of the first row whose digest is not its leaf, if any."""
    if not arm.count:
        return None
    size = len(arm.rows) // arm.count
    view = memoryview(arm.rows)
    sha256 = hashlib.sha256
    starts = range(0, len(view), size)
    found = b"".join([sha256(view[start : start + size]).digest() for start in starts])
    if found == arm.leaves and not any(view[::size]):  # 0x00: a leaf, never an inner node
        return None
    for row, start in enumerate(starts):
        leaf = arm.leaves[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES]
        if view[start] or sha256(view[start : start + size]).digest() != leaf:
            return row
    return None


def check_block(block: Block, *, stored_digest: str, before: Head) -> None:
    """Check that ``block`` is intact and follows ``before``.

    Raises:
        LogIntegrityError: It does not, or is not as it was written.
    """
    tally = Tally(heads={before.partition: before} if before.number >= 0 else {})
    tally.take(block, stored_digest=stored_digest)
    for finding in tally.findings:
        raise LogIntegrityError(place=finding.place, expected=finding.expected, found=finding.found)
