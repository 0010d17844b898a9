"""A venue made of plain arithmetic, and a trading loop that acts on decisions as it should."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from tests.support.decisions.reporting import report_fill, report_order, report_position
from torghut.schemas.codes import Gate, GateStatus, Intent
from torghut.schemas.control import ControlRecord, FillReported


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What was executed, and when."""

    quantity: Fraction
    at_ns: int


@dataclass(slots=True, kw_only=True)
class Venue:
    """One account that trades one instrument.

    Attributes:
        position: What it holds.
        executions: Everything executed, by fill id, as it really was.
        order: The decision behind the open order; None without one.
        rest: What is left of it.
        pending: Reports made and not delivered yet.
        asked: The largest |position| that a decision asked for so far.
        told: Number of reports so far; names them.
    """

    position: Fraction = Fraction(0)
    executions: dict[str, Execution] = field(default_factory=dict)
    order: np.void | None = None
    rest: Fraction = Fraction(0)
    pending: list[ControlRecord] = field(default_factory=list)
    asked: Fraction = Fraction(0)
    told: int = 0

    def follow(self, row: np.void) -> None:
        """Act on a decision as a trading loop does: the target binds, and a stop opens nothing."""
        if row["intent"] == Intent.ABSTAIN:
            if abs(self.position + self.rest) > abs(self.position):
                self.end("cancelled")
            return
        target = decimal_of(float(row["target"]))
        self.asked = max(self.asked, abs(target))
        if row["gate_status"][Gate.KILL_SWITCH] == GateStatus.FAIL:
            target = _no_further(target, self.position)
        if target == self.position + self.rest:
            return
        self.end("cancelled")
        if target != self.position:
            self.order, self.rest = row.copy(), target - self.position
            self._report_order("accepted")

    def execute(self, share: Fraction, at_ns: int) -> str:
        """Execute a share of the open order; return the id of the fill, empty without one."""
        if self.order is None:
            return ""
        quantity = self.rest * share
        quantity = Fraction(round(quantity * 10), 10) if share < 1 else quantity
        fill_id = f"f{len(self.executions)}"
        self.executions[fill_id] = Execution(quantity=quantity, at_ns=at_ns)
        self.position += quantity
        self.rest -= quantity
        if self.rest == 0:
            self.order = None
        return fill_id

    def end(self, status: str) -> None:
        """Let the open order end, if there is one."""
        if self.order is not None:
            self._report_order(status)
            self.order, self.rest = None, Fraction(0)

    def report(self, fill_id: str, *, wrong_by: Fraction = Fraction(0)) -> FillReported:
        """Return the first report of a fill, which may be wrong."""
        done = self.executions[fill_id]
        return report_fill(fill_id, float(done.quantity + wrong_by), at_ns=done.at_ns)

    def correct(self, wrong: FillReported) -> FillReported:
        """Return what corrects a wrong report."""
        quantity = float(self.executions[wrong.fill_id].quantity)
        return report_fill(f"{wrong.fill_id}-corrected", quantity, replaces=wrong.fill_id)

    def snapshot(self, as_of_ns: int) -> None:
        """Report the position."""
        self.told += 1
        self.pending.append(report_position(f"p{self.told}", float(self.position), as_of_ns))

    def _report_order(self, status: str) -> None:
        """Report what became of the open order."""
        assert self.order is not None
        self.told += 1
        self.pending.append(report_order(f"o{self.told}", self.order, status))


def decimal_of(number: float) -> Fraction:
    """Return the decimal that a number stands for."""
    return Fraction(repr(number))


def _no_further(target: Fraction, position: Fraction) -> Fraction:
    """Return ``target`` cut so that from ``position`` nothing grows and nothing turns round."""
    if target * position < 0:
        return Fraction(0)
    return target if abs(target) <= abs(position) else position
