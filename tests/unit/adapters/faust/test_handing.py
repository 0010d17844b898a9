"""Whatever Faust brings, an owner is handed each record once, and in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from torghut.adapters.faust.handing import Handing
from torghut.carrying.messages import Reading, Received

LENGTH: Final = 40


def record(offset: int) -> Received:
    """Return a record at an offset."""
    return Received(offset, None, b"", (), -1)


def handing(*, limit: int = 100, begin: int | None = 0) -> Handing:
    """Return a partition that hands out from ``begin`` on."""
    made = Handing(limit=limit)
    if begin is not None:
        made.place(begin)
        made.held = False
    return made


def offsets(records: Sequence[Received]) -> list[int]:
    """Return where records stand."""
    return [one.offset for one in records]


def lacks(hand: Handing) -> bool:
    """Return whether what is next has to be read again."""
    return hand.lacking


def brought(hand: Handing, *all_of: int) -> Handing:
    """Return a partition for which Faust brought records."""
    for offset in all_of:
        hand.bring(record(offset))
    return hand


def read_again(hand: Handing, end: int, most: int = LENGTH) -> list[int]:
    """Read from where the owner stands; return what was."""
    assert hand.expected is not None
    then = min(end, hand.expected + most)
    found = [record(one) for one in range(hand.expected, then)]
    return offsets(hand.take_reading(Reading(found, then)))


def test_what_joins_is_handed_on() -> None:
    hand = brought(handing(), 0, 1, 2)
    assert offsets(hand.hand(2)) == [0, 1]
    assert offsets(hand.hand(2)) == [2]
    assert not lacks(hand)


def test_nothing_is_handed_out_of_what_was_not_placed_or_is_held() -> None:
    hand = brought(handing(begin=None), 0)
    assert not hand.hand(9)
    hand.place(0)
    assert not hand.hand(9)
    hand.held = False
    assert offsets(hand.hand(9)) == [0]


def test_offset_beyond_the_expected_one_waits_until_the_range_before_it_was_read() -> None:
    hand = brought(handing(begin=3), 5, 6)
    assert lacks(hand)
    assert not hand.hand(9)
    assert read_again(hand, end=5) == [3, 4]
    assert not lacks(hand)
    assert offsets(hand.hand(9)) == [5, 6]


def test_what_was_read_again_is_not_handed_out_a_second_time() -> None:
    hand = brought(handing(), 2, 3)
    assert read_again(hand, end=4) == [0, 1, 2, 3]
    assert not hand.hand(9)
    assert offsets(brought(hand, 3, 4).hand(9)) == [4]


def test_what_finds_no_room_is_read_again() -> None:
    hand = brought(handing(limit=2), 0, 1, 2, 3)
    assert hand.left_out == 2
    assert offsets(hand.hand(9)) == [0, 1]
    assert lacks(hand)
    assert read_again(hand, end=4) == [2, 3]
    assert not lacks(hand)


def test_offsets_that_are_no_records_are_passed_by_after_a_reading() -> None:
    hand = brought(handing(), 0)
    hand.hand(9)
    brought(hand, 2)
    assert lacks(hand)
    assert offsets(hand.take_reading(Reading([record(2)], 3))) == [2]
    assert not lacks(hand)
    assert hand.expected == 3


def test_placed_before_what_was_handed_out_it_is_read_again_from_there() -> None:
    hand = brought(handing(), 0, 1, 2)
    hand.hand(9)
    hand.place(1)
    assert lacks(hand)
    assert read_again(hand, end=3) == [1, 2]


STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("bring"), st.integers(0, LENGTH - 1)),  # Faust is set somewhere
        st.tuples(st.just("on"), st.integers(1, 5)),  # goes on
        st.tuples(st.just("pass"), st.integers(1, 3)),  # passes some by
        st.tuples(st.just("hand"), st.integers(1, 4)),
    ),
    max_size=60,
)


@given(STEPS, st.integers(0, LENGTH), st.integers(1, 6))
def test_every_record_is_handed_out_once_and_in_order(
    steps: list[tuple[str, int]], begin: int, limit: int
) -> None:
    hand, at, handed = handing(limit=limit, begin=begin), 0, list[int]()

    def take(most: int) -> None:
        handed.extend(read_again(hand, LENGTH, most) if hand.lacking else offsets(hand.hand(most)))

    for what, number in steps:
        if what == "hand":
            take(number)
        elif what == "pass":
            at = min(LENGTH, at + number)
        elif what == "bring":
            at = number
        else:
            brought(hand, *range(at, min(LENGTH, at + number)))
            at = min(LENGTH, at + number)
    hand.missed = True  # as after a while without a record
    for _ in range(2 * LENGTH):
        take(3)
        hand.missed |= hand.expected != LENGTH
    assert handed == list(range(begin, LENGTH))
