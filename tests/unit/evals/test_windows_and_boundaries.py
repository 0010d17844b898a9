"""Fit windows against runs, session boundaries, and bars against the quotes inside them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decisions.rows import SECOND_NS, START_NS, RowArray, quotes
from torghut.evals.boundaries import session_boundaries
from torghut.evals.fit_windows import FitWindow, WindowOverlap, overlaps
from torghut.evals.leaks.bar_times import BarAgreement, compare_bars
from torghut.schemas.codes import Stream
from torghut.schemas.rows import CONTEXT

MINUTE_NS = 60 * SECOND_NS


@pytest.mark.parametrize(
    ("first", "last", "shared"),
    [(0, 9, ()), (0, 10, (10, 10)), (15, 16, (15, 16)), (5, 40, (10, 20)), (20, 30, (20, 20))],
)
def test_time_shared_with_a_fit_window_is_reported(
    first: int, last: int, shared: tuple[int, ...]
) -> None:
    found = overlaps(
        [FitWindow(package="fx@1", first_ns=10, last_ns=20)], first_ns=first, last_ns=last
    )

    expected = (
        [WindowOverlap(package="fx@1", first_ns=shared[0], last_ns=shared[1])] if shared else []
    )
    assert list(found) == expected


def test_no_time_is_shared_after_the_window() -> None:
    window = FitWindow(package="fx@1", first_ns=10, last_ns=20)

    assert overlaps([window], first_ns=21, last_ns=30) == ()


def test_the_first_context_in_each_session_is_a_boundary() -> None:
    rows = quotes([1.0] * 6)
    rows["symbol"] = [0, 1, 0, 0, 1, 0]
    opens = np.array([START_NS, START_NS + 4 * SECOND_NS])

    # Symbol 0 is in its second session from context 3 on; symbol 1 never leaves the day of UTC.
    assert session_boundaries(rows, [opens, np.zeros(0, np.int64)]) == [3]


def test_a_symbol_without_sessions_begins_anew_with_each_day() -> None:
    rows = quotes([1.0] * 5, step_ns=12 * 3600 * SECOND_NS)

    boundaries = session_boundaries(rows, [np.zeros(0, np.int64)])

    days = rows["receive_ns"] // (24 * 3600 * SECOND_NS)
    assert boundaries == (np.flatnonzero(np.diff(days)) + 1).tolist()


def ticks() -> RowArray:
    """Return a quote each second of four minutes, each at another price."""
    rows = quotes(1.3 + 1e-4 * np.arange(240))
    rows["event_ns"] = START_NS + SECOND_NS * np.arange(240)
    return rows


def bars(*, dated_by_end: bool) -> RowArray:
    """Return the four minute bars of ``ticks``."""
    rows = np.zeros(4, CONTEXT)
    rows["stream"] = Stream.BAR
    last = ticks()[59::60]
    rows["bid"], rows["ask"] = last["bid"], last["ask"]
    rows["event_ns"] = START_NS + MINUTE_NS * np.arange(dated_by_end, 4 + dated_by_end)
    return rows


def test_bars_dated_by_their_end_agree_with_the_ticks_inside() -> None:
    assert compare_bars(bars(dated_by_end=True), ticks(), MINUTE_NS) == BarAgreement(
        bars=4, agree=4, ahead=0
    )


def test_bars_dated_by_their_label_are_ahead_of_the_ticks() -> None:
    # The first one has no tick before its label to compare with.
    assert compare_bars(bars(dated_by_end=False), ticks(), MINUTE_NS) == BarAgreement(
        bars=3, agree=0, ahead=3
    )


def test_bars_of_another_price_neither_agree_nor_are_ahead() -> None:
    other = bars(dated_by_end=True)
    other["bid"] -= 0.5

    assert compare_bars(other, ticks(), MINUTE_NS) == BarAgreement(bars=4, agree=0, ahead=0)
