"""Another future is valid, different, and leaves everything before the cut alone."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decisions.rows import RowArray, walk
from torghut.evals.leaks.futures import Future, other_future
from torghut.schemas.codes import Stream
from torghut.schemas.rows import CONTEXT

CUT = 150


def market() -> RowArray:
    """Return two symbols' quotes, trades and depth, some crossed, sizes absent."""
    return walk(400, symbols=2, seed=9)


def after(future: Future) -> RowArray:
    """Return the market with another future."""
    return other_future(market(), CUT, future, np.random.Generator(np.random.PCG64(1)))


@pytest.mark.parametrize("future", Future)
def test_what_was_before_the_cut_stays(future: Future) -> None:
    assert after(future)[:CUT].tobytes() == market()[:CUT].tobytes()


@pytest.mark.parametrize("future", Future)
def test_the_same_messages_come_in_the_same_order(future: Future) -> None:
    old, new = market(), after(future)

    for name in ("symbol", "stream", "source", "sequence", "marks", "refusal"):
        assert np.array_equal(old[name], new[name])
    assert (np.diff(new["receive_ns"]) >= 0).all()


@pytest.mark.parametrize("future", Future)
def test_prices_are_other_ones_and_stay_positive(future: Future) -> None:
    old, new = market()[CUT:], after(future)[CUT:]

    assert (old["bid"] != new["bid"]).mean() > 0.9
    assert (new["bid"] > 0.0).all()
    assert np.isnan(old["bid_size"]).sum() == np.isnan(new["bid_size"]).sum()


def test_mirrored_spreads_keep_their_sign_and_moves_turn() -> None:
    old, new = market(), after(Future.MIRRORED)

    spread, mirrored = old["ask"] - old["bid"], new["ask"] - new["bid"]
    clear = np.abs(spread) > 1e-12
    assert (np.sign(spread[clear]) == np.sign(mirrored[clear])).all()
    own = np.flatnonzero(old["symbol"][CUT:] == 0) + CUT
    moves = np.diff(np.log(old["last"][own]))
    assert np.diff(np.log(new["last"][own])) == pytest.approx(-moves, abs=1e-12)


def test_shuffled_values_are_the_old_ones_of_the_same_kind() -> None:
    old, new = market()[CUT:], after(Future.SHUFFLED)[CUT:]

    for symbol in (0, 1):
        for stream in (Stream.QUOTE, Stream.TRADE, Stream.DEPTH):
            kind = (old["symbol"] == symbol) & (old["stream"] == stream)
            assert sorted(old["last"][kind]) == sorted(new["last"][kind])


def test_what_is_no_price_stays_none() -> None:
    rows = np.zeros(4, CONTEXT)
    rows["bid"] = [1.0, np.nan, 0.0, -1.0]
    rows["ask"], rows["last"] = np.inf, np.nan

    changed = other_future(rows, 1, Future.MIRRORED, np.random.Generator(np.random.PCG64(0)))

    # Bid and ask change places; what is not a positive, finite price is not touched.
    assert changed["ask"][1:].tobytes() == rows["bid"][1:].tobytes()
    assert np.isinf(changed["bid"][1:]).all()
