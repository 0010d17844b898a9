"""What executions cost that a venue reported, where decisions are live.

A fill is measured against the mid price that the last decision before it saw. One that corrects
another counts beside it: costs and turnover both, so their ratio hardly moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from torghut.drift.performance import Paid
from torghut.schemas.codes import PositionBasis
from torghut.schemas.rows import RowArray
from torghut.workflows.drift.terms import Terms
from torghut.workflows.report.columns import Flags, Floats, Numbers, grown

_REPORTED: Final = int(PositionBasis.REPORTED)
_FILL: Final = "fill"


class Quarantined(msgspec.Struct, frozen=True, gc=False):
    """The part of ``schemas.block.QuarantinedRecord`` that is counted."""

    code: str


class Record(msgspec.Struct, frozen=True, gc=False):
    """The part of a control record that a fill is known by."""

    kind: str
    symbol: str = ""
    quantity: float = 0.0
    price: float = 0.0
    fee: float | None = None


class Received(msgspec.Struct, frozen=True, gc=False):
    """The part of ``schemas.block.ReceivedControl`` that is read."""

    row: int
    record: Record


class Records(msgspec.Struct, frozen=True, gc=False):
    """The part of ``schemas.block.BlockRecords`` that is read."""

    received: tuple[Received, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


RECORDS: Final = msgspec.json.Decoder(Records)
"""Reads what of a block's records is measured."""


@dataclass(slots=True, kw_only=True)
class ReportedFills:
    """Executions as reported, summed up.

    Attributes:
        costs: Fees and what was paid to spread and slippage, in the quote currency.
        turnover: Traded notional, in the quote currency.
        count: How many.
    """

    costs: float = 0.0
    turnover: float = 0.0
    count: int = 0
    _mid: Floats = field(default_factory=lambda: np.zeros(0))
    _live: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))

    def take(
        self, received: Sequence[tuple[int, Record]], rows: RowArray, at: Numbers, terms: Terms
    ) -> None:
        """Count the fills among a block's control records.

        Args:
            received: Those of the block, each with the number of decisions before it.
            rows: Shape (n,), dtype ``DECISION``: the block's decisions.
            at: Shape (n,): the number of each one's symbol.
            terms: Symbols, and what is declared for each.
        """
        for place, record in received:
            if record.kind == _FILL and (number := terms.known(record.symbol)) >= 0:
                before = np.flatnonzero(at[:place] == number)
                row = rows[before[-1]] if len(before) else None
                self._pay(record, number, row, terms)

    def remember(self, rows: RowArray, at: Numbers, symbols: int) -> None:
        """Keep what the last decision of each symbol saw."""
        self._mid = grown(self._mid, symbols)
        if len(self._live) < symbols:
            self._live = np.concatenate([self._live, np.zeros(symbols, np.bool_)])
        self._mid[at] = rows["reference_price"]
        self._live[at] = rows["basis"] == _REPORTED

    def _pay(self, fill: Record, number: int, row: np.void | None, terms: Terms) -> None:
        """Add what one execution cost, if the symbol trades live."""
        if row is not None:
            mid, live = float(row["reference_price"]), int(row["basis"]) == _REPORTED
        elif number < len(self._live):
            mid, live = float(self._mid[number]), bool(self._live[number])
        else:
            return
        if not live:
            return
        parameters = terms.parameters[number]
        unit = abs(fill.quantity) * float(parameters["multiplier"])
        notional = unit * fill.price
        declared = notional * float(parameters["fee_ratio"])
        self.costs += unit * abs(fill.price - mid) + (declared if fill.fee is None else fill.fee)
        self.turnover += notional
        self.count += 1

    def paid(self, other: Paid) -> Paid:
        """Return ``other`` and this together."""
        return Paid(
            costs=other.costs + self.costs,
            turnover=other.turnover + self.turnover,
            fills=other.fills + self.count,
        )
