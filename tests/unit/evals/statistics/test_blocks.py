"""Blocks hold every step once, span the horizon, and keep together what happened at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.support.lane.evaluating import evaluation_policy
from torghut.evals.statistics.blocks import blocks_of

POLICY = evaluation_policy().blocks


def test_blocks_have_the_declared_length_and_the_last_what_is_left() -> None:
    found = blocks_of(np.arange(100, dtype=np.int64), POLICY, 0)

    assert found.starts.tolist() == [0, 30, 60]
    assert found.counts.tolist() == [30.0, 30.0, 40.0]


def test_longer_windows_have_longer_blocks() -> None:
    found = blocks_of(np.arange(POLICY.blocks_max * 100, dtype=np.int64), POLICY, 0)

    assert len(found) == POLICY.blocks_max


def test_sums_are_of_each_block() -> None:
    found = blocks_of(np.arange(100, dtype=np.int64), POLICY, 0)

    assert found.sums(np.ones(100)).tolist() == [30.0, 30.0, 40.0]


def test_horizon_longer_than_the_window_leaves_one_block() -> None:
    assert len(blocks_of(np.arange(1000, dtype=np.int64), POLICY, 2000)) == 1


@given(gaps=st.lists(st.integers(0, 50), min_size=1, max_size=400), horizon=st.integers(0, 2000))
def test_blocks_cover_all_steps_apart_in_time(gaps: list[int], horizon: int) -> None:
    times = np.cumsum(np.array(gaps, np.int64))
    found = blocks_of(times, POLICY, horizon)

    assert found.starts[0] == 0
    assert found.counts.sum() == len(times)
    if len(found) > 1:
        assert found.counts.min() >= POLICY.contexts_min
        for start in found.starts[1:]:
            assert times[start - 1] < times[start]
        spans = np.diff(times[found.starts])
        assert (spans >= horizon).all()
        assert times[-1] - times[found.starts[-1]] >= horizon
