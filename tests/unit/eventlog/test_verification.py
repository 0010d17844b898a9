"""A block is judged by its own bytes and by the block before it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from tests.fakes.eventlog import make_arm, make_block, make_chain
from torghut.eventlog.block import Arm, Block, Head, head_of
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.verification import (
    FINDINGS_KEPT,
    FindingKind,
    Tally,
    check_block,
    first_altered_row,
)

FIRST, SECOND, THIRD = make_chain(3)


def with_row_altered(block: Block, row: int) -> Block:
    """Return ``block`` with one bit of a row flipped."""
    arm = block.arms["serving"]
    size = len(arm.rows) // arm.count
    rows = bytearray(arm.rows)
    rows[row * size + 20] ^= 1
    return replace(block, arms={"serving": Arm(rows=bytes(rows), leaves=arm.leaves)})


def test_a_genuine_block_passes() -> None:
    check_block(SECOND, stored_digest=SECOND.digest, before=head_of(FIRST))
    check_block(FIRST, stored_digest=FIRST.digest, before=Head(partition=0))


@pytest.mark.parametrize(
    ("block", "stored_digest", "place"),
    [
        (replace(SECOND, cursor="{}"), SECOND.digest, "partition 0, block 1"),
        (SECOND, FIRST.digest, "partition 0, block 1"),
        (THIRD, THIRD.digest, "partition 0, block 1"),
        (
            make_block(Head(partition=0, number=0, digest="12" * 32)),
            make_block(Head(partition=0, number=0, digest="12" * 32)).digest,
            "partition 0, block 1",
        ),
        (with_row_altered(SECOND, 2), SECOND.digest, "partition 0, block 1, arm serving, row 2"),
    ],
    ids=["altered", "other digest", "gap", "unchained", "row"],
)
def test_another_block_is_found(block: Block, stored_digest: str, place: str) -> None:
    with pytest.raises(LogIntegrityError) as caught:
        check_block(block, stored_digest=stored_digest, before=head_of(FIRST))
    assert caught.value.place == place


def test_the_first_altered_row_is_named() -> None:
    arm = make_arm(0, 5)
    size = len(arm.rows) // 5
    swapped = arm.rows[:size] + arm.rows[2 * size : 3 * size] + arm.rows[size : 2 * size]

    assert first_altered_row(arm) is None
    assert first_altered_row(make_arm(0, 0)) is None
    assert first_altered_row(Arm(rows=swapped + arm.rows[3 * size :], leaves=arm.leaves)) == 1


def test_a_row_that_could_be_an_inner_node_is_altered() -> None:
    row = b"\x01" + bytes(64)
    leaf = hashlib.sha256(row).digest()

    assert first_altered_row(Arm(rows=row, leaves=leaf)) == 0


def test_one_fault_is_found_once() -> None:
    tally = Tally()
    tally.take(FIRST, stored_digest=FIRST.digest)
    tally.take(replace(SECOND, cursor="{}"), stored_digest=SECOND.digest)
    tally.take(THIRD, stored_digest=THIRD.digest)

    assert [finding.kind for finding in tally.findings] == [FindingKind.ALTERED]


def test_a_block_that_cannot_be_read_is_passed_over() -> None:
    tally = Tally()
    tally.take(FIRST, stored_digest=FIRST.digest)
    tally.pass_over(0, 1)
    tally.take(THIRD, stored_digest=THIRD.digest)

    assert tally.findings == []
    assert tally.end(0) == head_of(THIRD)


def test_a_report_of_many_findings_stays_small() -> None:
    tally = Tally()
    for _ in range(FINDINGS_KEPT + 7):
        tally.add(FindingKind.ALTERED, place="here", expected="this", found="that")

    report = tally.report()

    assert len(report.findings) == FINDINGS_KEPT
    assert report.findings_total == FINDINGS_KEPT + 7
    assert not report.intact
