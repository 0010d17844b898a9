"""Of whatever is handed out, in whatever portions and how often, each offset is taken once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import HandClock, Stopwatch
from tests.support.carrying.carried import SOURCE, at, carried_control, quote
from tests.support.decisions.loops import stop_record
from torghut.carrying.messages import Outgoing, Received
from torghut.decisions.fold.tables import SOURCES_MAX
from torghut.market.ports import Cursor
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import DepthSnapshot
from torghut.workflows.carrying.intake import Intake
from torghut.workflows.live.intake.stamping import IngressClock
from torghut.workflows.live.intake.waiting import (
    Item,
    WaitingContext,
    WaitingControl,
    WaitingQuarantine,
)

A, B, ELSEWHERE = "fxcm:EURUSD", "fxcm:NZDUSD", "binance-spot:ETHUSDT"
FEED = "fe" * 32


def new_intake(expected: int = 0) -> Intake:
    """Return an intake of partition 3 that has taken nothing."""
    clock = IngressClock(wall=HandClock(), steady=Stopwatch(), pause_ns=1)
    return Intake(
        partition=3,
        source=FEED,
        declared={A, B, ELSEWHERE},
        sources=set(),
        partition_of=lambda symbol: 5 if symbol == ELSEWHERE else 3,
        clock=clock,
        expected=expected,
    )


def bad(offset: int) -> Received:
    """Return a record that is no context."""
    return Received(offset, b"k", b"no context", (), 1)


def snapshot(symbol: str) -> Outgoing:
    """Return a snapshot of a book as it is sent."""
    return carried_control(
        DepthSnapshot(
            control_id="book-1", symbol=symbol, update_id=7, bids=1, asks=1, body_digest="cd" * 32
        )
    )


def test_snapshot_among_the_contexts_keeps_its_place() -> None:
    intake = new_intake()

    items = intake.items([at(0, quote(0, A)), at(1, snapshot(A)), at(2, quote(1, A))])

    assert [type(item) for item in items] == [WaitingContext, WaitingControl, WaitingContext]
    assert offsets(items) == [0, 1, 2]


@pytest.mark.parametrize(
    "message",
    [snapshot(ELSEWHERE), carried_control(stop_record("c", "released"))],
    ids=["snapshot of another partition", "release of a stop"],
)
def test_other_control_records_among_the_contexts_are_quarantined(message: Outgoing) -> None:
    intake = new_intake()

    items = intake.items([at(0, message), at(1, quote(0, A))])

    assert [type(item) for item in items] == [WaitingQuarantine, WaitingContext]


def offsets(items: Sequence[Item]) -> list[int]:
    """Return the offset of each item, as its cursor says."""
    found = []
    for item in items:
        assert item.cursor is not None
        found.append(item.cursor.record - 1)
    return found


@given(
    kinds=st.lists(st.sampled_from("abxm"), max_size=30),
    portions=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12),
)
def test_each_offset_is_taken_once_and_in_order_whatever_is_handed_out_again(
    kinds: list[str], portions: list[tuple[int, int]]
) -> None:
    records = []
    for offset, kind in enumerate(kinds):
        if kind == "m":  # a mark is no record: its offset is never seen
            continue
        symbol = A if kind == "a" else B
        records.append(bad(offset) if kind == "x" else at(offset, quote(offset, symbol)))
    intake = new_intake()
    taken: list[Item] = []
    seen = 0

    for back, length in portions:
        start = max(0, seen - back)  # again what was seen, and on from there: never past a gap
        taken += intake.items(records[start : start + length])
        seen = max(seen, start + length)
    taken += intake.items(records[max(0, seen - 3) :])

    assert offsets(taken) == [record.offset for record in records]
    assert intake.expected == (records[-1].offset + 1 if records else 0)


def test_context_waits_under_the_offset_behind_it_and_the_speed_it_says() -> None:
    intake = new_intake(expected=7)

    (item,) = intake.items([at(6, quote(0, A)), at(9, quote(1, A, speed=2.5))])

    assert isinstance(item, WaitingContext)
    assert item.cursor == Cursor(record=10)
    assert (item.symbol, item.source) == (A, SOURCE)
    assert intake.speed == 2.5


def test_context_of_which_nobody_knows_when_it_came_in_is_as_late_as_can_be() -> None:
    record = at(0, quote(0, A, wall_ns=None))

    (item,) = new_intake().items([Received(0, record.key, record.value, record.headers, -1)])

    assert isinstance(item, WaitingContext)
    assert item.stamp.wall_ns == 0
    assert item.stamp.came_ns < -1_000_000_000 * 86_400


@pytest.mark.parametrize(
    ("record", "refusal"),
    [
        (at(4, quote(0, "fxcm:USDJPY")), RefusalCode.INSTRUMENT_UNDECLARED),
        (at(4, quote(0, ELSEWHERE)), RefusalCode.WRONG_PARTITION),
        (bad(4), RefusalCode.UNDECODABLE),
        (Received(4, None, None, (), -1), RefusalCode.UNDECODABLE),
    ],
)
def test_what_cannot_be_decided_here_is_kept_under_its_offset(
    record: Received, refusal: RefusalCode
) -> None:
    (item,) = new_intake().items([record])

    assert isinstance(item, WaitingQuarantine)
    assert (item.source, item.cursor, item.urgent) == (FEED, Cursor(record=5), False)
    assert (item.record.part, item.record.record, item.record.refusal) == (3, 4, refusal)


def test_one_source_more_than_there_is_room_for_is_kept_and_the_known_ones_go_on() -> None:
    intake = replace(new_intake(), sources={f"{n:064x}" for n in range(SOURCES_MAX - 1)})
    last, new = "cd" * 32, "ef" * 32

    items = intake.items(
        [
            at(0, quote(0, A, source=last)),
            at(1, quote(1, A, source=new)),
            at(2, quote(2, A, source=last)),
        ]
    )

    assert [type(item) for item in items] == [WaitingContext, WaitingQuarantine, WaitingContext]
    kept = items[1]
    assert isinstance(kept, WaitingQuarantine)
    assert kept.record.refusal is RefusalCode.TOO_MANY_SOURCES
