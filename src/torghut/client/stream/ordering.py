"""Nothing twice, nothing missed, nothing out of order: where the next outcome must stand.

Positions ascend and a symbol's sequences rise by one. Whatever breaks that is asked for again from
the last place up to which all was well; what stays broken is let through and said.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import MutableSequence
from dataclasses import dataclass, field

from torghut.schemas.live.position import Position


class DisorderedError(ValueError):
    """An outcome is not the one that must come next; it is to be asked for again."""


@dataclass(slots=True)
class _Seen:
    """Positions that were taken, the newest of them one by one.

    Attributes:
        limit: How many are known one by one; whatever is not above the older ones counts as seen.
        floor: The newest of the older ones; None where all of them are known.
    """

    limit: int
    floor: Position | None = None
    _sorted: MutableSequence[Position] = field(default_factory=list)

    def __contains__(self, at: Position) -> bool:
        """Say whether ``at`` was taken."""
        if self.floor is not None and at <= self.floor:
            return True
        place = bisect_left(self._sorted, at)
        return place < len(self._sorted) and self._sorted[place] == at

    def add(self, at: Position) -> None:
        """Note that ``at`` was taken."""
        self._sorted.insert(bisect_left(self._sorted, at), at)
        if len(self._sorted) > 2 * self.limit:
            self.floor = self._sorted[self.limit - 1]
            del self._sorted[: self.limit]

    def below(self, at: Position) -> Position | None:
        """Return the last that was taken before ``at``."""
        place = bisect_left(self._sorted, at)
        return self._sorted[place - 1] if place else self.floor


@dataclass(slots=True)
class Ordering:
    """What was taken of a stream so far, over all its connections.

    Attributes:
        cursor: After which position to ask; None where nothing is known, so from now on.
        attempts: How often the same fault is asked for again.
        remembered: Positions known one by one.
        origin: After which position it was told at first; None where that is not known yet.
        accepted: What was let through although it is out of order, in words; empty if nothing.
    """

    cursor: Position | None
    attempts: int
    remembered: int
    accepted: str = ""
    origin: Position | None = field(init=False, default=None)
    _seen: _Seen = field(init=False)
    _before_first: int | None = field(init=False, default=None)
    _last: dict[str, tuple[int | None, Position | None]] = field(default_factory=dict)
    _fault: Position | None = None
    _tries: int = 0

    def __post_init__(self) -> None:
        """Begin to remember; what is not after the cursor is not asked for."""
        self._seen = _Seen(limit=self.remembered)
        if self.cursor is not None:
            self.begin(self.cursor)

    def begin(self, after: Position) -> None:
        """Learn after which position the stream is told; nothing was taken yet."""
        self.cursor = self.origin = self._seen.floor = after
        self._before_first = 0 if after.block < 0 else None

    def take(self, at: Position, symbol: str, sequence: int | None) -> bool:
        """Take the next outcome in; return whether it is new.

        Args:
            at: Where it stands.
            symbol: Of its context.
            sequence: Of the decision; None for a refusal.

        Raises:
            DisorderedError: It is not to be taken; ask again after ``cursor``.
        """
        if at in self._seen:
            self._advance(at)
            return False
        if self.cursor is not None and at.partition != self.cursor.partition:
            self._object(at, self.cursor, f"{at} is of another partition than {self.cursor}")
        elif self.cursor is not None and at <= self.cursor:
            self._object(at, self._seen.below(at), f"{at} came after {self.cursor}")
        if sequence is not None:
            self._count(at, symbol, sequence)
        if self.cursor is None:
            self.origin = self._seen.floor = at  # what is before the first was not asked for
        self._seen.add(at)
        self._advance(at)
        if self._fault is not None and at >= self._fault:
            self._fault = None
        return True

    @property
    def in_order(self) -> bool:
        """Whether no fault waits to be healed."""
        return self._fault is None

    def _count(self, at: Position, symbol: str, sequence: int) -> None:
        """Hold a decision's sequence against the symbol's last one.

        Raises:
            DisorderedError: One between them is missing, so it stands after the last one.
        """
        last, place = self._last.get(symbol, (self._before_first, self.origin))
        if last is not None and sequence > last + 1:
            detail = f"{symbol} at {at} has sequence {sequence}, expected {last + 1}"
            self._object(at, place, detail)
        self._last[symbol] = (max(sequence, last or 0), at)

    def _advance(self, at: Position) -> None:
        """Move the cursor on; a repetition of something older does not move it back."""
        if self.cursor is None or at > self.cursor:
            self.cursor = at

    def _object(self, at: Position, again_after: Position | None, detail: str) -> None:
        """Have it sent again after a place, unless that was tried often enough.

        Raises:
            DisorderedError: It is to be asked for again.
        """
        same = self._fault == at
        self._tries = self._tries + 1 if same else 1
        self._fault = at
        if self._tries <= self.attempts:
            self.cursor = again_after
            raise DisorderedError(detail)
        self.accepted = detail
