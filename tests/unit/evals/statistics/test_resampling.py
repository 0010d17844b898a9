"""Draws are runs of neighbours around a circle, the same again from the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from torghut.evals.statistics.blocks import Places
from torghut.evals.statistics.resampling import Resampling

PLAN = Resampling(blocks=50, resamples=3000, run_blocks=4.0, seed=5)


def drawn(plan: Resampling) -> Places:
    """Return all draws."""
    return np.concatenate(list(plan.draws()))


def test_as_many_draws_as_asked_of_as_many_blocks() -> None:
    found = drawn(PLAN)

    assert found.shape == (3000, 50)
    assert (found.min(), found.max()) == (0, 49)


def test_same_seed_draws_the_same() -> None:
    assert np.array_equal(drawn(PLAN), drawn(PLAN))
    assert not np.array_equal(drawn(PLAN), drawn(replace(PLAN, seed=6)))


def test_every_block_is_drawn_alike() -> None:
    share = np.bincount(drawn(PLAN).ravel(), minlength=50) / (3000 * 50)

    assert share == pytest.approx(np.full(50, 0.02), abs=0.002)


@pytest.mark.parametrize(("run", "share"), [(1.0, 1 / 50), (4.0, 0.75 + 0.25 / 50)])
def test_neighbours_follow_each_other_as_long_as_declared(run: float, share: float) -> None:
    found = drawn(replace(PLAN, run_blocks=run))
    follows = (found[:, 1:] - found[:, :-1]) % 50 == 1

    assert follows.mean() == pytest.approx(share, abs=0.01)


def test_single_block_is_drawn_again_and_again() -> None:
    assert drawn(replace(PLAN, blocks=1)).max() == 0
