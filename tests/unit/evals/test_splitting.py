"""A window is cut by time, with an embargo of a label horizon at least, and the test is unseen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.lane.evaluating import evaluation_policy
from torghut.evals.errors import WindowNotSplitError
from torghut.evals.splitting import Window, embargo_ns, split_window
from torghut.schemas.rollout.evaluation import EvaluationWindows

HOUR_NS = 3_600_000_000_000
SPLIT = evaluation_policy().split
EMBARGO_NS = SPLIT.embargo_ms * 1_000_000


def split(hours: int = 100, horizon_ns: int = 0) -> EvaluationWindows:
    """Return the pieces of so many hours."""
    return split_window(
        Window(first_ns=0, last_ns=hours * HOUR_NS - 1, horizon_ns=horizon_ns), SPLIT
    )


def test_pieces_follow_each_other_with_an_embargo_between() -> None:
    found = split()

    assert found.fit.first_ns == 0
    assert found.select.first_ns - found.fit.last_ns - 1 == EMBARGO_NS
    assert found.test.first_ns - found.select.last_ns - 1 == EMBARGO_NS
    assert found.test.last_ns == 100 * HOUR_NS - 1


def test_pieces_have_the_declared_shares_of_what_is_left() -> None:
    found = split()
    usable = 100 * HOUR_NS - 2 * EMBARGO_NS

    assert found.fit.last_ns + 1 == int(SPLIT.fit_ratio * usable)
    assert found.test.last_ns - found.test.first_ns == pytest.approx(
        SPLIT.test_ratio * usable, rel=1e-9
    )


def test_longer_label_horizon_makes_the_embargo_longer() -> None:
    assert split(horizon_ns=2 * HOUR_NS).embargo_ns == 2 * HOUR_NS
    assert embargo_ns(SPLIT, 0) == EMBARGO_NS


@given(length=st.integers(1, 10**15), horizon=st.integers(0, 10**14), first=st.integers(0, 10**18))
def test_window_is_split_in_order_or_refused(length: int, horizon: int, first: int) -> None:
    window = Window(first_ns=first, last_ns=first + length - 1, horizon_ns=horizon)
    try:
        found = split_window(window, SPLIT)
    except WindowNotSplitError:
        assert length <= 2 * embargo_ns(SPLIT, horizon) + 9
        return

    edges = [(one.first_ns, one.last_ns) for one in (found.fit, found.select, found.test)]
    assert all(begin <= end for begin, end in edges)
    assert edges[0][1] + horizon < edges[1][0]
    assert edges[1][1] + horizon < edges[2][0]
    assert (edges[0][0], edges[2][1]) == (window.first_ns, window.last_ns)


def test_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(WindowNotSplitError, match="found 0 ns"):
        split_window(Window(first_ns=10, last_ns=5, horizon_ns=0), SPLIT)
