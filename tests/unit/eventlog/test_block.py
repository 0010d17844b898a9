"""A block's digest covers everything that was stored, in one way only."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from tests.fakes.eventlog import make_arm, make_block
from torghut.eventlog.block import GENESIS, Arm, Block, Head, head_of

BLOCK = make_block(Head(partition=0))


def length_prefixed(content: bytes) -> bytes:
    """Return ``content`` after its length, 8 bytes big-endian."""
    return len(content).to_bytes(8, "big") + content


def test_digest_is_flat_over_the_stored_bytes() -> None:
    block = replace(BLOCK, arms={"shadow": make_arm(9, 1), "serving": make_arm(0, 2)})
    place = block.partition.to_bytes(8, "big") + block.number.to_bytes(8, "big")
    cites = "".join(block.cites).encode()
    covered = [place, cites, block.header, block.cursor.encode(), block.inputs, block.records]
    for name in ("serving", "shadow"):
        covered += [name.encode(), block.arms[name].leaves]

    by_hand = hashlib.sha256(
        b"torghut.block.v1\0" + bytes.fromhex(GENESIS) + b"".join(map(length_prefixed, covered))
    )

    assert block.digest == by_hand.hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        replace(BLOCK, previous="12" * 32),
        replace(BLOCK, partition=1),
        replace(BLOCK, number=1),
        replace(BLOCK, cites=("34" * 32,)),
        replace(BLOCK, header=BLOCK.header + b" "),
        replace(BLOCK, cursor=BLOCK.cursor + " "),
        replace(BLOCK, inputs=BLOCK.inputs + b"\0"),
        replace(BLOCK, records=b"[]"),
        replace(BLOCK, arms={"serving": make_arm(1, 3)}),
        replace(BLOCK, arms={**BLOCK.arms, "shadow": make_arm(0, 3)}),
        replace(BLOCK, header=BLOCK.header + BLOCK.cursor.encode(), cursor=""),
    ],
    ids=[
        "previous",
        "partition",
        "number",
        "cites",
        "header",
        "cursor",
        "inputs",
        "records",
        "leaves",
        "arm",
        "boundary",
    ],
)
def test_digest_changes_with_every_stored_byte(other: Block) -> None:
    assert other.digest != BLOCK.digest


def test_the_order_of_arms_does_not_matter() -> None:
    arms = {"shadow": make_arm(0, 3), **BLOCK.arms}

    assert (
        replace(BLOCK, arms=arms).digest == replace(BLOCK, arms=dict(sorted(arms.items()))).digest
    )


def test_head_of_a_block_is_its_place_digest_and_cursor() -> None:
    assert head_of(BLOCK) == Head(partition=0, number=0, digest=BLOCK.digest, cursor=BLOCK.cursor)


@pytest.mark.parametrize(
    "wrong",
    [
        {"partition": -1},
        {"partition": 2**20},
        {"number": -1},
        {"number": 2**40},
        {"previous": "12"},
        {"previous": "G" * 64},
        {"cites": ("00",)},
        {"arms": {}},
        {"arms": {"shadow": make_arm(0, 1)}},
    ],
    ids=str,
)
def test_what_cannot_be_a_block_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"partition|serving|digests"):
        replace(BLOCK, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "leaves"), [(b"", bytes(32)), (bytes(3), b""), (bytes(5), bytes(64)), (b"", b"x")]
)
def test_rows_and_leaves_that_do_not_belong_together_are_refused(
    rows: bytes, leaves: bytes
) -> None:
    with pytest.raises(ValueError, match="bytes of leaves"):
        Arm(rows=rows, leaves=leaves)
