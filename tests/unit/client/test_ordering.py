"""The order of a stream: what comes next, what came before, what is asked for again."""

from __future__ import annotations

import pytest

from torghut.client.stream.ordering import DisorderedError, Ordering
from torghut.schemas.live.position import START, Position


def at(block: int, place: int = 0) -> Position:
    return Position(0, block, place)


def ordering(cursor: Position | None = START, remembered: int = 100) -> Ordering:
    return Ordering(cursor, attempts=2, remembered=remembered)


def test_what_comes_next_is_new_and_moves_the_cursor() -> None:
    order = ordering()

    assert order.take(at(0), "a", 1)
    assert order.take(at(4, 7), "a", 2)
    assert order.cursor == at(4, 7)


def test_repetition_is_told_and_moves_nothing_back() -> None:
    order = ordering()
    order.take(at(0), "a", 1)
    order.take(at(1), "a", 2)

    assert not order.take(at(0), "a", 1)
    assert order.cursor == at(1)


def test_gap_in_a_symbol_is_asked_for_after_the_last_good_position() -> None:
    order = ordering()
    order.take(at(0), "a", 1)

    with pytest.raises(DisorderedError, match="sequence 3, expected 2"):
        order.take(at(2), "a", 3)
    assert order.cursor == at(0)
    assert not order.in_order


def test_gap_is_asked_for_after_the_last_of_its_symbol_whatever_came_since() -> None:
    order = ordering()
    order.take(at(0), "a", 1)
    order.take(at(2), "b", 1)
    with pytest.raises(DisorderedError):
        order.take(at(3), "a", 3)

    assert order.cursor == at(0)
    assert order.take(at(1), "a", 2)
    assert not order.take(at(2), "b", 1)
    assert order.take(at(3), "a", 3)


def test_stream_from_the_start_begins_with_the_first_of_each_symbol() -> None:
    with pytest.raises(DisorderedError, match="sequence 2, expected 1"):
        ordering().take(at(1), "a", 2)


def test_stream_from_elsewhere_may_begin_with_any() -> None:
    assert ordering(at(5)).take(at(6), "a", 900)
    assert ordering(None).take(at(6), "a", 900)


def test_what_is_sent_too_late_is_asked_for_after_the_one_before_it() -> None:
    order = ordering()
    order.take(at(0), "a", 1)
    order.take(at(2), "b", 1)

    with pytest.raises(DisorderedError):
        order.take(at(1), "a", 2)
    assert order.cursor == at(0)
    assert order.take(at(1), "a", 2)
    assert not order.take(at(2), "b", 1)
    assert order.in_order


def test_what_cannot_be_healed_is_let_through_and_said() -> None:
    order = ordering()
    order.take(at(0), "a", 1)
    for _ in range(2):
        with pytest.raises(DisorderedError):
            order.take(at(2), "a", 3)

    assert order.take(at(2), "a", 3)
    assert "sequence 3" in order.accepted
    assert order.cursor == at(2)


def test_what_was_not_asked_for_counts_as_seen() -> None:
    assert not ordering(at(5)).take(at(4), "a", 1)

    order = ordering(None)
    order.take(at(5), "a", 7)
    assert not order.take(at(4), "b", 7)


def test_another_partition_is_out_of_order() -> None:
    order = ordering(at(5))

    with pytest.raises(DisorderedError, match="partition"):
        order.take(Position(1, 6, 0), "a", 1)
    assert order.cursor == at(5)


def test_memory_is_bounded_and_what_was_forgotten_counts_as_seen() -> None:
    order = ordering(remembered=4)
    for number in range(100):
        order.take(at(number), "a", number + 1)

    assert len(order._seen._sorted) <= 8  # noqa: SLF001 - memory is what is tested
    assert not order.take(at(3), "a", 4)
