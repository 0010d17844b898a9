"""What an arm's rows earned, context by context: net of costs, as ratios of the capital allotted.

Gain and cost are computed here, alike for all arms, from the positions and quotes of their rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.evals.lookahead import Answers
from torghut.schemas.rows import RowArray

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

NO_REGIME: Final = 255
"""Stands where an arm decided nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What became of n contexts in one arm; 0 throughout where the arm refused the context.

    Attributes:
        net: Gain since the symbol's step before, costs taken off, of the capital allotted.
        cost: Spread, slippage and fees, likewise; part of ``net``.
        turnover: Notional traded, likewise.
        exposure: Absolute position held after the step, likewise.
        regime: Number of the likeliest regime as of the symbol's step before, if there was one.
    """

    net: Floats
    cost: Floats
    turnover: Floats
    exposure: Floats
    regime: Codes


@dataclass(slots=True, kw_only=True)
class Account:
    """What an arm held of each symbol when it was last seen; every array one element a symbol.

    Attributes:
        position: In units of the base; 0 before the first step.
        mid: Price at which it was last marked; NaN before.
        allotment: Capital in force then.
        regime: The likeliest then.
    """

    position: Floats = field(default_factory=lambda: np.zeros(0))
    mid: Floats = field(default_factory=lambda: np.full(0, np.nan))
    allotment: Floats = field(default_factory=lambda: np.zeros(0))
    regime: Codes = field(default_factory=lambda: np.zeros(0, np.uint8))

    def grow(self, symbols: int) -> None:
        """Make room for that many symbols."""
        more = symbols - len(self.position)
        if more > 0:
            self.position = np.concatenate([self.position, np.zeros(more)])
            self.mid = np.concatenate([self.mid, np.full(more, np.nan)])
            self.allotment = np.concatenate([self.allotment, np.zeros(more)])
            none = np.full(more, NO_REGIME, np.uint8)
            self.regime = np.concatenate([self.regime, none])

    def empty(self) -> None:
        """Hold nothing any more."""
        self.position[:] = 0.0

    def take(self, contexts: RowArray, answers: Answers, terms: RowArray) -> Steps:
        """Return the steps of one batch.

        Args:
            contexts: Shape (n,), dtype ``CONTEXT``.
            answers: The arm's, to these contexts.
            terms: Shape (symbols,), dtype ``PARAMETERS``: what trading costs.
        """
        decided = np.flatnonzero(answers.outcomes == 0)
        symbols = contexts["symbol"][decided]
        order = np.argsort(symbols, kind="stable")
        marks = _Marks.of(answers.rows, order, symbols[order].astype(np.int64))
        before = self._before(marks)
        booked = _booked(marks, before, terms)
        places = decided[order]
        return Steps(
            net=_scattered(booked.net, places, len(contexts)),
            cost=_scattered(booked.cost, places, len(contexts)),
            turnover=_scattered(booked.turnover, places, len(contexts)),
            exposure=_scattered(booked.exposure, places, len(contexts)),
            regime=_scattered_codes(before.regime, places, len(contexts)),
        )

    def _before(self, marks: _Marks) -> _Marks:
        """Return what stood at the step before each, and keep what stands at the last ones."""
        first = np.ones(len(marks.symbol), np.bool_)
        first[1:] = marks.symbol[1:] != marks.symbol[:-1]
        carried = self.regime[marks.symbol]
        carried = np.where(carried == NO_REGIME, marks.regime, carried)
        before = _Marks(
            symbol=marks.symbol,
            position=_shifted(marks.position, first, self.position[marks.symbol]),
            mid=_shifted(marks.mid, first, self.mid[marks.symbol]),
            bid=marks.bid,
            ask=marks.ask,
            allotment=_shifted(marks.allotment, first, self.allotment[marks.symbol]),
            regime=np.where(first, carried, np.roll(marks.regime, 1)),
        )
        last = np.ones(len(marks.symbol), np.bool_)
        last[:-1] = first[1:]
        own = marks.symbol[last]
        self.position[own] = marks.position[last]
        self.mid[own] = marks.mid[last]
        self.allotment[own] = marks.allotment[last]
        self.regime[own] = marks.regime[last]
        return before


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """What an arm's rows show, each symbol's together and in order."""

    symbol: Integers
    position: Floats
    mid: Floats
    bid: Floats
    ask: Floats
    allotment: Floats
    regime: Codes

    @classmethod
    def of(cls, rows: RowArray, order: npt.NDArray[np.intp], symbols: Integers) -> _Marks:
        """Return the marks of ``rows``."""
        return cls(
            symbol=symbols,
            position=np.ascontiguousarray(rows["position"])[order],
            mid=np.ascontiguousarray(rows["reference_price"])[order],
            bid=np.ascontiguousarray(rows["bid"])[order],
            ask=np.ascontiguousarray(rows["ask"])[order],
            allotment=np.ascontiguousarray(rows["allotment"])[order],
            regime=np.ascontiguousarray(rows["regime"])[order],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Booked:
    """What each mark came to, as ratios of the capital allotted."""

    net: Floats
    cost: Floats
    turnover: Floats
    exposure: Floats


def _booked(marks: _Marks, before: _Marks, terms: RowArray) -> _Booked:
    """Return what each mark came to.

    A change of position was executed at the far side of the mark's own quote, as the paper book
    executes it.
    """
    multiplier = terms["multiplier"][marks.symbol]
    slippage = terms["slippage_ratio"][marks.symbol]
    change = marks.position - before.position
    far = np.where(change > 0.0, marks.ask * (1.0 + slippage), marks.bid * (1.0 - slippage))
    turnover = np.abs(change) * far * multiplier
    fees = turnover * terms["fee_ratio"][marks.symbol]
    cost = np.abs(change) * np.abs(far - marks.mid) * multiplier + fees
    moved = np.nan_to_num(marks.mid - before.mid)
    gain = before.position * moved * multiplier
    capital = np.where(before.allotment > 0.0, before.allotment, marks.allotment)
    each = np.divide(1.0, capital, out=np.zeros_like(capital), where=capital > 0.0)
    held = np.abs(marks.position) * marks.mid * multiplier
    return _Booked(
        net=(gain - cost) * each,
        cost=cost * each,
        turnover=turnover * each,
        exposure=held * each,
    )


def _shifted(values: Floats, first: npt.NDArray[np.bool_], carried: Floats) -> Floats:
    """Return the value before each; the carried one where a symbol begins."""
    return np.where(first, carried, np.roll(values, 1))


def _scattered(values: Floats, places: npt.NDArray[np.intp], count: int) -> Floats:
    """Return ``values`` at their places among ``count`` zeros."""
    whole = np.zeros(count)
    whole[places] = values
    return whole


def _scattered_codes(values: Codes, places: npt.NDArray[np.intp], count: int) -> Codes:
    """Return ``values`` at their places among ``count`` contexts of no regime."""
    whole = np.full(count, NO_REGIME, np.uint8)
    whole[places] = values
    return whole
