"""Other futures: contexts after a cut replaced by valid ones that never happened.

Symbol, stream, source, sequence and flags stay, so the same messages arrive in the same order;
what they say, and when, does not.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.schemas.rows import Floats, RowArray

Places = npt.NDArray[np.intp]

_PRICES: Final = ("bid", "ask", "last")
_SIZES: Final = ("bid_size", "ask_size", "last_size")
_STRETCH: Final = 8


class Future(StrEnum):
    """How the contexts after a cut are replaced."""

    MIRRORED = "mirrored"  # every move goes the other way, around the last price before the cut
    SHUFFLED = "shuffled"  # what messages say is dealt out again among those of their kind


def other_future(
    contexts: RowArray, cut: int, future: Future, generator: np.random.Generator
) -> RowArray:
    """Return a copy of ``contexts`` that is the same before ``cut`` and another after it.

    Times after the cut run slower by an eighth. Bid stays below ask where it was, positive prices
    stay positive, and what was no number stays none.
    """
    changed = contexts.copy()
    tail = changed[cut:]
    for symbol in np.unique(tail["symbol"]).tolist():
        own = np.flatnonzero(tail["symbol"] == symbol)
        if future is Future.MIRRORED:
            _mirror(tail, own, _last_price(contexts, cut, symbol))
        for stream in np.unique(tail["stream"][own]).tolist():
            kind = own[tail["stream"][own] == stream]
            dealt = kind[generator.permutation(len(kind))]
            names = _SIZES if future is Future.MIRRORED else (*_PRICES, *_SIZES)
            for name in names:
                tail[name][kind] = tail[name][dealt]
    later = (tail["receive_ns"] - tail["receive_ns"].min()) // _STRETCH
    tail["receive_ns"] += later
    tail["event_ns"] += later
    return changed


def _last_price(contexts: RowArray, cut: int, symbol: int) -> float:
    """Return a price of ``symbol`` just before ``cut``, or its first one after; 1 without any."""
    own = np.flatnonzero(contexts["symbol"] == symbol)
    prices = np.where(
        np.isfinite(contexts["bid"][own]), contexts["bid"][own], contexts["last"][own]
    )
    good = own[np.isfinite(prices) & (prices > 0.0)]
    if len(good) == 0:
        return 1.0
    place = max(0, int(np.searchsorted(good, cut)) - 1)
    row = contexts[good[place]]
    return float(row["bid"] if np.isfinite(row["bid"]) else row["last"])


def _mirror(tail: RowArray, own: Places, anchor: float) -> None:
    """Turn every positive price p into anchor^2 / p; bid and ask change places."""
    bid, ask, last = (_turned(tail[name][own], anchor) for name in _PRICES)
    tail["bid"][own] = ask
    tail["ask"][own] = bid
    tail["last"][own] = last


def _turned(prices: Floats, anchor: float) -> Floats:
    """Return ``prices`` turned around ``anchor``; those that are no price stay."""
    good = np.isfinite(prices) & (prices > 0.0)
    turned = prices.copy()
    turned[good] = anchor * (anchor / prices[good])
    return turned
