"""Drift of the performance: what was earned, lost from the peak and paid, and what fell back.

Money of several symbols is added up in the quote currency, at par, as the portfolio's cap is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from torghut.schemas.codes import UNADVISED
from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.fields import Reading, reading_of
from torghut.schemas.rows import Floats, Words

FELL_BACK: Final = np.uint64(sum(1 << reason for reason in UNADVISED))
"""Reasons of a decision that asked for advice and was answered by the declared fallback."""

_BPS: Final = 10_000.0


@dataclass(slots=True, kw_only=True)
class PortfolioTally:
    """The course of a portfolio's equity through a window.

    Attributes:
        earned: Since the window began, net of costs, in the quote currency.
        peak: The most that was earned at any time; 0 when it began.
        drawdown: Deepest fall below the peak, as a ratio of the capital at that time.
        decisions: How many it was marked at.
    """

    earned: float = 0.0
    peak: float = 0.0
    drawdown: float = 0.0
    decisions: int = 0

    def take(self, changes: Floats, capital: float) -> None:
        """Go on by what each decision's mark changed, in the order decided.

        Args:
            changes: Shape (n,), n > 0, in the quote currency, net of costs.
            capital: Allotted to all symbols together, now.
        """
        course = self.earned + np.cumsum(changes)
        peaks = np.maximum(self.peak, np.maximum.accumulate(course))
        fall = float((peaks - course).max())
        self.earned, self.peak = float(course[-1]), float(peaks[-1])
        # NaN stays, and no capital is none: neither may look like a portfolio that never fell.
        ratio = fall / capital if capital > 0.0 else np.nan
        self.drawdown = ratio if np.isnan(ratio) else max(self.drawdown, ratio)
        self.decisions += len(changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What executions cost.

    Attributes:
        costs: Fees, spread and slippage, in the quote currency.
        turnover: Traded notional, in the quote currency.
        fills: How many executions.
    """

    costs: float
    turnover: float
    fills: int


def fallbacks(reasons: Words) -> int:
    """Return how many decisions fell back, by their reason bits, shape (n,)."""
    return int(np.count_nonzero(reasons & FELL_BACK))


def performance(
    courses: Mapping[int, PortfolioTally], paid: Paid, fell_back: int
) -> Mapping[DriftCode, Reading]:
    """Return the performance of a window.

    A drawdown is at most all of the capital. Of several partitions, which have no order between
    them, the drawdowns are added up: no order of them falls deeper.

    Args:
        courses: Of the symbols of each partition together.
        paid: By all symbols.
        fell_back: Decisions that did.
    """
    decisions = sum(one.decisions for one in courses.values())
    fallen = float(np.minimum(1.0, np.sum([one.drawdown for one in courses.values()])))
    earned = float(np.sum([one.earned for one in courses.values()]))
    cost = paid.costs / paid.turnover * _BPS if paid.turnover != 0.0 else None
    ratio = fell_back / decisions if decisions else None
    return {
        "performance_net_pnl_below_floor": reading_of(earned, samples=decisions),
        "performance_drawdown_exceeded": reading_of(fallen, samples=decisions),
        "performance_cost_bps_exceeded": reading_of(cost, samples=paid.fills),
        "performance_execution_fallback_ratio_exceeded": reading_of(ratio, samples=decisions),
    }
