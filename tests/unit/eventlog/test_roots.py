"""The root of a run depends on the decisions of each symbol and on nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import SYMBOLS, fill, make_arm, make_block, run
from torghut.decisions.recording import header_of
from torghut.eventlog import counts
from torghut.eventlog.block import Arm, Block, Head, head_of
from torghut.eventlog.counts import PartitionCounts
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import (
    add_leaves,
    decode_frontiers,
    encode_frontiers,
    frontiers_of,
    leaves_by_symbol,
    root_of_run,
)
from torghut.kernel.canonical import JsonRefusedError
from torghut.kernel.digests import Frontier, leaf_digest, run_root, tree_root
from torghut.kernel.errors import TorghutError
from torghut.schemas.leaf import LEAF_VERSION, LeafVersionError
from torghut.schemas.rows import DECISION, RowArray
from torghut.schemas.upcasting import MessageContentError, MessageTypeError
from torghut.workflows.lookup.scanning import rows_of


def new_log() -> InMemoryLog:
    return InMemoryLog(clock=HandClock())


def add_serving(block: Block) -> object:
    """Return the trees of one block alone."""
    return add_leaves({}, block, arm="serving")


def add_block(block: Block) -> object:
    """Return the counts of one block alone."""
    return counts.add_block(PartitionCounts(), block)


def log_of(cuts: list[int]) -> InMemoryLog:
    """Return a log of the same decisions, cut into blocks of these sizes."""
    log = new_log()
    head, first = Head(partition=0), 0
    for count in cuts:
        block = make_block(head, decisions=count, first=first)
        run(log.append(block))
        head, first = head_of(block), first + count
    return log


def test_root_is_over_each_symbols_leaves_in_the_order_decided() -> None:
    rows = make_arm(0, 12).rows
    leaves = [
        leaf_digest(rows[i : i + DECISION.itemsize]) for i in range(0, len(rows), DECISION.itemsize)
    ]

    expected = run_root({SYMBOLS[0]: tree_root(leaves[::2]), SYMBOLS[1]: tree_root(leaves[1::2])})

    assert run(root_of_run(log_of([12]))) == expected


@pytest.mark.parametrize("cuts", [[1] * 12, [5, 7], [4, 4, 4], [11, 1], [3, 0, 9]])
def test_root_does_not_depend_on_how_the_run_was_cut(cuts: list[int]) -> None:
    assert run(root_of_run(log_of(cuts))) == run(root_of_run(log_of([12])))


def test_root_goes_on_from_the_frontiers_that_were_kept() -> None:
    log = log_of([5, 4])
    first = run(root_of_run(log))
    run(log.append(make_block(run(log.head(0)), decisions=3, first=9)))

    assert run(root_of_run(log)) == run(root_of_run(log_of([12]))) != first
    kept = run(log.load_snapshot(0, frontiers_of("serving").key))
    assert kept is not None
    assert {s: f.size for s, f in decode_frontiers(kept.body).items()} == dict.fromkeys(SYMBOLS, 6)


def test_arms_have_roots_of_their_own() -> None:
    log = new_log()
    block = make_block(Head(partition=0), decisions=4)
    run(log.append(replace(block, arms={**block.arms, "shadow": make_arm(100, 4)})))

    assert run(root_of_run(log, arm="shadow")) != run(root_of_run(log))
    assert run(root_of_run(log, arm="absent")) == run_root({})


def test_a_symbol_in_two_partitions_has_no_root() -> None:
    log = new_log()
    run(fill(log, 1))
    run(fill(log, 1, partition=1))

    with pytest.raises(LogIntegrityError, match="another partition"):
        run(root_of_run(log))


def test_a_row_of_a_symbol_that_the_header_does_not_name_is_found() -> None:
    rows = np.zeros(1, DECISION)
    rows["symbol_key"], rows["version"] = 77, LEAF_VERSION
    arm = Arm(rows=rows.tobytes(), leaves=leaf_digest(rows.tobytes()))
    block = replace(make_block(Head(partition=0)), arms={"serving": arm})

    with pytest.raises(LogIntegrityError, match="key 77"):
        add_leaves({}, block, arm="serving")


def arm_of(rows: RowArray) -> Arm:
    """Return decisions as an arm."""
    leaves = b"".join(leaf_digest(row.tobytes()) for row in rows)
    return Arm(rows=rows.tobytes(), leaves=leaves)


def test_rows_of_a_layout_that_is_not_known_here_are_told_apart_from_altered_ones() -> None:
    rows = np.zeros(2, DECISION)
    rows["version"] = LEAF_VERSION + 1
    block = replace(make_block(Head(partition=0)), arms={"serving": arm_of(rows)})

    with pytest.raises(LeafVersionError, match=f"found layout {LEAF_VERSION + 1}"):
        add_leaves({}, block, arm="serving")


def test_blocks_of_two_layouts_are_under_one_root(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = np.dtype([*(DECISION.descr[:-1]), ("one_more", "<f8"), DECISION.descr[-1]])
    monkeypatch.setattr("torghut.schemas.leaf.LAYOUTS", {LEAF_VERSION: (), 99: ()})
    monkeypatch.setattr(
        "torghut.schemas.rows.decision.DECISIONS", {LEAF_VERSION: DECISION, 99: newer}
    )
    first = make_block(Head(partition=0), decisions=4)
    rows = np.zeros(4, newer)
    old = np.frombuffer(make_arm(4, 4).rows, DECISION)
    for name in DECISION.names or ():
        rows[name] = old[name]
    rows["version"] = 99
    second = replace(
        make_block(head_of(first), decisions=4),
        header=first.header.replace(b'"leaf_version":1', b'"leaf_version":99'),
        arms={"serving": arm_of(rows)},
    )

    trees = add_leaves(add_leaves({}, first, arm="serving"), second, arm="serving")

    assert {name: tree.size for name, tree in trees.items()} == dict.fromkeys(SYMBOLS, 4)
    leaves = [leaf_digest(row.tobytes()) for row in [*rows_of(first, "serving"), *rows]]
    assert trees[SYMBOLS[0]].root() == tree_root(leaves[::2])


def test_rows_of_two_layouts_are_found() -> None:
    rows = np.zeros(2, DECISION)
    rows["version"] = (LEAF_VERSION, LEAF_VERSION + 1)

    with pytest.raises(LogIntegrityError, match="rows of one layout"):
        leaves_by_symbol(arm_of(rows))


def test_rows_that_are_shorter_than_their_layout_are_found() -> None:
    rows = bytes([0, LEAF_VERSION]) + bytes(38)

    with pytest.raises(LogIntegrityError, match="bytes"):
        leaves_by_symbol(Arm(rows=rows, leaves=bytes(32)))


def test_rows_of_another_layout_than_the_header_says_are_found() -> None:
    block = make_block(Head(partition=0))
    header = block.header.replace(b'"leaf_version":1', b'"leaf_version":2')
    assert header != block.header

    with pytest.raises(LogIntegrityError, match="layout 2, as its header says"):
        add_leaves({}, replace(block, header=header), arm="serving")


@pytest.mark.parametrize("read", [add_block, add_serving, header_of])
@pytest.mark.parametrize(
    ("header", "error"),
    [
        (b"{", JsonRefusedError),
        (b"{}", MessageTypeError),
        (b'{"type":"eventlog.block-header.v9"}', MessageTypeError),
        (b'{"type":"eventlog.block-header.v1"}', MessageContentError),
    ],
)
def test_malformed_header_is_a_typed_error(
    read: Callable[[Block], object], header: bytes, error: type[TorghutError]
) -> None:
    block = replace(make_block(Head(partition=0)), header=header)

    with pytest.raises(error):
        read(block)


def test_frontiers_come_back() -> None:
    frontiers = {symbol: Frontier().extend([bytes(32)] * n) for n, symbol in enumerate(SYMBOLS)}

    assert decode_frontiers(encode_frontiers(frontiers)) == frontiers
    assert decode_frontiers(encode_frontiers({})) == {}


@pytest.mark.parametrize("cut", [1, 4, 9, 30])
def test_a_part_of_frontiers_is_refused(cut: int) -> None:
    data = encode_frontiers({"a:X": Frontier().append(bytes(32))})

    with pytest.raises(ValueError, match=r"frontiers? (end|has)|no tree"):
        decode_frontiers(data[:-cut])
