"""Where a stream begins in each lane, as people say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from torghut.client.wire.dialing import Lane
from torghut.schemas.live.position import START, Position, parse_position, start_of

After: TypeAlias = Position | Sequence[Position] | str | None
"""A position or several, one for each partition, or their text separated by commas; ``start``,
``now``; None where something else decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """After which position a stream begins.

    Attributes:
        positions: By partition.
        otherwise: Where it begins in a lane without a position.
    """

    positions: Mapping[int, Position] = field(default_factory=dict)
    otherwise: Literal["start", "now"] = "now"

    def of(self, lane: Lane, *, alone: bool) -> Position | None:
        """Return after which position a lane begins; None: now, and only the service knows where.

        Args:
            lane: Of the service.
            alone: Whether it has no other.
        """
        if (named := self.positions.get(lane.number)) is not None:
            return named
        if alone and len(self.positions) == 1:
            return next(iter(self.positions.values()))
        if self.otherwise == "now":
            return lane.end
        return lane.first or start_of(lane.number)


NOW = Places()


def parse_places(after: After) -> Places:
    """Return where a stream begins.

    Raises:
        PositionMalformedError: It is said by what is no position.
    """
    if after is None or after == "now":
        return NOW
    if after in ("start", START):
        return Places(otherwise="start")
    if isinstance(after, Position):
        return places_at([after])
    if isinstance(after, str):
        return places_at(map(parse_position, after.split(",")))
    return places_at(after)


def places_at(positions: Iterable[Position]) -> Places:
    """Return a place in each partition; lanes of others begin now."""
    return Places(positions={one.partition: one for one in positions})
