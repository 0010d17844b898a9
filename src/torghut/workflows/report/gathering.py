"""Small blocks put together, so that summing them up costs no more than summing up large ones.

The room is allocated once: fresh memory for every block would cost more than the summing up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from torghut.schemas.rows import DECISION
from torghut.workflows.report.columns import Numbers, RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Decisions in the order decided.

    Attributes:
        symbols: Shape (n,): the number of each one's symbol.
        rows: Shape (n,), dtype ``DECISION``: the serving arm's.
        trend: The static trend baseline's, of the same contexts; none if it does not run.
    """

    symbols: Numbers
    rows: RowArray
    trend: RowArray | None


@dataclass(slots=True, kw_only=True)
class Gathering:
    """Room for some decisions.

    Attributes:
        room: How many there is room for.
        count: How many there are.
    """

    room: int
    count: int = 0
    _with_trend: bool = False
    _symbols: Numbers = field(default_factory=lambda: np.zeros(0, np.uint32))
    _rows: RowArray = field(default_factory=lambda: np.zeros(0, DECISION))
    _trend: RowArray = field(default_factory=lambda: np.zeros(0, DECISION))

    def add(self, decisions: Decisions) -> None:
        """Copy ``decisions``, for which there must be room."""
        begin, end = self.count, self.count + len(decisions.rows)
        if len(self._rows) == 0:
            self._symbols = np.zeros(self.room, np.uint32)
            self._rows = np.zeros(self.room, DECISION)
        self._symbols[begin:end] = decisions.symbols
        _copy(decisions.rows, self._rows[begin:end])
        self._with_trend = decisions.trend is not None
        if decisions.trend is not None:
            if len(self._trend) == 0:
                self._trend = np.zeros(self.room, DECISION)
            _copy(decisions.trend, self._trend[begin:end])
        self.count = end

    def empty(self) -> Decisions:
        """Return what was gathered, valid until more is added, and make room again."""
        count, self.count = self.count, 0
        return Decisions(
            symbols=self._symbols[:count],
            rows=self._rows[:count],
            trend=self._trend[:count] if self._with_trend else None,
        )


def _copy(rows: RowArray, room: RowArray) -> None:
    """Copy rows as bytes: field by field would take many times as long."""
    room.view(np.uint8)[:] = rows.view(np.uint8)
