"""Where control records go: before which context of each symbol, whatever the batches.

A record is placed before its symbol's first context, in log order and after the record itself,
whose receive time is not earlier than ``effective_at_ns``. The place is kept as the number of
contexts that the symbol had taken by then; replay uses that number and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from torghut.market.admission import LATEST_NS
from torghut.schemas.codes import ControlKind, Stream
from torghut.schemas.control import (
    ControlRecord,
    FundamentalsArrived,
    NewsArrived,
    PackageChanged,
    SwitchThrown,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A control record that waits, with what orders it among others at one place.

    Attributes:
        in_force_ns: Its effective time, but not before the clock at its arrival.
        order: Its number in the log if that time had passed when it arrived, else 0: records
            made in advance are ordered by time and id, the others as they came.
    """

    in_force_ns: int
    order: int
    record: ControlRecord

    @property
    def rank(self) -> tuple[int, int, str]:
        """What orders records that fall on one place."""
        return self.in_force_ns, self.order, self.record.control_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A control record before one context of one symbol.

    Attributes:
        row: Index of that context in its batch.
        symbol: Index of the symbol in the run.
        held: What applies there.
    """

    row: int
    symbol: int
    held: Held


@dataclass(slots=True, kw_only=True)
class Waiting:
    """Records that are in the log but whose place has not come.

    Attributes:
        by_symbol: Records waiting for one symbol's next contexts.
        standing: Records for all symbols, for symbols yet unseen; superseded ones are dropped.
        arrived: Number of records taken.
        clock_ns: Latest receive time seen.
    """

    by_symbol: dict[int, list[Held]] = field(default_factory=dict)
    standing: list[Held] = field(default_factory=list)
    arrived: int = 0
    clock_ns: int = 0

    def take(self, record: ControlRecord, clocks: Mapping[int, int]) -> None:
        """Let ``record`` wait for the symbols that it names.

        Args:
            record: New to the log.
            clocks: Latest receive time of each of those symbols: for ``*`` of all those known.
        """
        self.arrived += 1
        for symbol, clock_ns in clocks.items():
            held = self._hold(record, clock_ns)
            self.by_symbol.setdefault(symbol, []).append(held)
        if record.symbol == "*":
            self.standing.append(self._hold(record, self.clock_ns))
            self._forget_superseded()

    def _hold(self, record: ControlRecord, clock_ns: int) -> Held:
        """Return ``record`` with its rank, by the clock of who waits for it."""
        effective_ns = record.effective_at_ns
        late = effective_ns is None or effective_ns <= clock_ns
        return Held(
            in_force_ns=max(effective_ns or 0, clock_ns),
            order=self.arrived if late else 0,
            record=record,
        )

    def greet(self, symbol: int) -> None:
        """Let a symbol seen for the first time inherit what is in force for all."""
        if self.standing:
            self.by_symbol[symbol] = list(self.standing)

    def advance(self, receive_ns: npt.NDArray[np.int64]) -> None:
        """Move the clock on to the latest of the receive times, shape (n,), just taken."""
        if len(receive_ns):
            self.clock_ns = max(self.clock_ns, int(receive_ns.max()))

    def settle(self, symbol: int, control_id: str) -> Held | None:
        """Take out and return a waiting record whose place is known from the log."""
        waiting = self.by_symbol.get(symbol, [])
        for index, held in enumerate(waiting):
            if held.record.control_id == control_id:
                del waiting[index]
                if not waiting:
                    del self.by_symbol[symbol]
                return held
        return None

    def place(
        self, symbols: npt.NDArray[np.uint32], receive_ns: npt.NDArray[np.int64], first: int
    ) -> list[Placed]:
        """Take out and return every record whose place is in the rows from ``first`` on.

        Args:
            symbols: Shape (n,), the batch's symbols by run index.
            receive_ns: Shape (n,), as ``believed_ns`` returns it; a row that is not believed is
                no place.
            first: Row from which on the records waiting now may be placed.
        """
        placed: list[Placed] = []
        for symbol in list(self.by_symbol):
            own = (symbols[first:] == symbol) & (receive_ns[first:] > 0)
            rows = np.flatnonzero(own) + first
            if len(rows):
                placed.extend(self._place_symbol(symbol, rows, receive_ns[rows]))
        return placed

    def _place_symbol(
        self,
        symbol: int,
        rows: npt.NDArray[np.int64],
        receive_ns: npt.NDArray[np.int64],
    ) -> list[Placed]:
        """Take out the records of one symbol that have a place among its ``rows``."""
        placed: list[Placed] = []
        kept: list[Held] = []
        for held in self.by_symbol[symbol]:
            due = np.flatnonzero(receive_ns >= (held.record.effective_at_ns or 0))
            if len(due):
                placed.append(Placed(row=int(rows[due[0]]), symbol=symbol, held=held))
            else:
                kept.append(held)
        if kept:
            self.by_symbol[symbol] = kept
        else:
            del self.by_symbol[symbol]
        return placed

    def _forget_superseded(self) -> None:
        """Drop a standing record once one that replaces it is in force too."""
        passed = [held for held in self.standing if held.in_force_ns <= self.clock_ns]
        self.standing = [
            held
            for held in self.standing
            if held.in_force_ns > self.clock_ns
            or not any(_replaces(later, held) for later in passed)
        ]


def believed_ns(contexts: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    """Return each context's receive time, shape (n,); 0 where admission will not believe it."""
    latest = np.int64(LATEST_NS)
    receive_ns: npt.NDArray[np.int64] = contexts["receive_ns"]
    event_ns: npt.NDArray[np.int64] = contexts["event_ns"]
    known = (receive_ns > 0) & (receive_ns < latest) & (event_ns > 0) & (event_ns < latest)
    known &= contexts["stream"] < len(Stream)
    return np.where(known, receive_ns, np.int64(0))


def clock_ns(
    symbol: int, before_ns: int, symbols: npt.NDArray[np.uint32], times: npt.NDArray[np.int64]
) -> int:
    """Return the latest receive time of ``symbol``: that before a batch, or in its rows so far.

    Args:
        symbol: By run index.
        before_ns: Its latest receive time before the batch.
        symbols: Shape (n,), of the rows so far.
        times: Shape (n,), as ``believed_ns`` returns them.
    """
    own = times[symbols == symbol]
    return max(before_ns, int(own.max())) if len(own) else before_ns


def _replaces(later: Held, held: Held) -> bool:
    """Return whether a newborn that hears ``later`` need not hear ``held``."""
    if held.rank >= later.rank or standing_key(later.record) != standing_key(held.record):
        return False
    new, old = later.record, held.record
    # A dated record holds for a symbol that is behind in time, whatever the others have seen.
    if new.effective_at_ns is not None or old.effective_at_ns is not None:
        return False
    if isinstance(new, NewsArrived) and isinstance(old, NewsArrived):
        return new.published_at_ns >= old.published_at_ns and new.relevant >= old.relevant
    if isinstance(new, FundamentalsArrived) and isinstance(old, FundamentalsArrived):
        return new.published_at_ns >= old.published_at_ns
    return True


def standing_key(record: ControlRecord) -> str:
    """Return what a record for all symbols replaces: its kind, and a switch's name."""
    if isinstance(record, SwitchThrown):
        return f"{record.kind}:{record.name}"
    if isinstance(record, PackageChanged):
        return f"{record.kind}:{record.router}"
    if record.kind in (ControlKind.LAG_BEGIN, ControlKind.LAG_END):
        return "lag"
    return record.kind


def place_order(placed: Placed) -> tuple[int, tuple[int, int, str], int]:
    """Return what orders placed records: row, rank, symbol."""
    return placed.row, placed.held.rank, placed.symbol


def rows_by_position(
    applied: Sequence[tuple[int, int]], symbols: npt.NDArray[np.uint32], taken: Sequence[int]
) -> list[int]:
    """Return the row before which each recorded application stands, for replay.

    Args:
        applied: (symbol, position) pairs as recorded; position counts the symbol's contexts.
        symbols: Shape (n,), the batch's symbols by run index.
        taken: Contexts that each symbol had taken before this batch, by run index.
    """
    rows: list[int] = []
    for symbol, position in applied:
        own = np.flatnonzero(symbols == symbol)
        rows.append(int(own[position - taken[symbol]]))
    return rows
