"""Whether bars say what the quotes inside them said, and not what came later.

A bar that is dated by its beginning, but holds its end, shows the future to whoever decides then.
No test of the decider can see that, because the future came in through the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from torghut.schemas.rows import RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BarAgreement:
    """How bars compare with quotes of the same symbol.

    Attributes:
        bars: Bars that had a quote inside them to compare with.
        agree: Of them, with the last quote before the bar's own event time.
        ahead: Of those that do not agree, with a quote up to one bar's length after it.
    """

    bars: int
    agree: int
    ahead: int


def compare_bars(bars: RowArray, quotes: RowArray, length_ns: int) -> BarAgreement:
    """Return how the closes of ``bars`` compare with the last quotes before their event times.

    Args:
        bars: Dtype ``CONTEXT``, of one symbol.
        quotes: Dtype ``CONTEXT``, of the same symbol, by rising event time.
        length_ns: How long a bar lasts.
    """
    ends = bars["event_ns"]
    last = np.searchsorted(quotes["event_ns"], ends, side="left") - 1
    inside = (last >= 0) & (quotes["event_ns"][np.maximum(last, 0)] >= ends - length_ns)
    agree = _same(bars, quotes, last) & inside
    later = np.searchsorted(quotes["event_ns"], ends + length_ns, side="left") - 1
    ahead = inside & ~agree & (later > last) & _same(bars, quotes, later)
    return BarAgreement(bars=int(inside.sum()), agree=int(agree.sum()), ahead=int(ahead.sum()))


def _same(bars: RowArray, quotes: RowArray, places: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Return which bars close at the bid and ask of the quote at the place given for each."""
    found = np.maximum(places, 0)
    bid, ask = (np.equal(bars[name], quotes[name][found]) for name in ("bid", "ask"))
    return np.asarray(np.logical_and(bid, ask))
