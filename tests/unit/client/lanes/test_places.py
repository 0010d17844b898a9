"""Where a stream begins in each partition."""

from __future__ import annotations

import pytest

from torghut.client.lanes.places import After, parse_places
from torghut.client.wire.dialing import Lane
from torghut.schemas.live.position import Position, PositionMalformedError, start_of

LANE = Lane(number=3, first=Position(3, 2, 0), end=Position(3, 9, 1))


@pytest.mark.parametrize(
    ("after", "begin"),
    [
        ("now", LANE.end),
        (None, LANE.end),
        ("start", LANE.first),
        (start_of(0), LANE.first),
        ("3:4:5", Position(3, 4, 5)),
        ("0:1:2,3:4:5", Position(3, 4, 5)),
        ([Position(0, 1, 2), Position(3, 4, 5)], Position(3, 4, 5)),
        ("0:1:2", LANE.end),
    ],
)
def test_lane_begins_where_it_is_named_and_else_as_all_do(
    after: After, begin: Position | None
) -> None:
    assert parse_places(after).of(LANE, alone=False) == begin


def test_only_lane_begins_at_the_only_position() -> None:
    assert parse_places("0:1:2").of(Lane(number=0), alone=True) == Position(0, 1, 2)
    assert parse_places("now").of(Lane(number=0), alone=True) is None


def test_what_is_no_position_is_refused() -> None:
    with pytest.raises(PositionMalformedError):
        parse_places("0:1:2,there")
