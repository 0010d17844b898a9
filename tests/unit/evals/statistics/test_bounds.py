"""Bounds hold what they promise, agree with their probability, or are absent."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.lane.evaluating import generator, persistent
from torghut.evals.statistics.bounds import Bound, Levels, Series, bound, resolves, studentized
from torghut.evals.statistics.resampling import Resampling
from torghut.schemas.rows import Floats

LEVELS = Levels(alpha=0.025, denial_alpha=0.05)


def series(sums: Floats, scale: float = 1.0) -> Series:
    """Return blocks of ten steps."""
    return Series(sums=sums, counts=np.full(len(sums), 10.0), scale=scale)


def bounded(given: Series, levels: Levels = LEVELS, resamples: int = 999) -> Bound | None:
    """Return the bounds of ``given``."""
    plan = Resampling(blocks=len(given.sums), resamples=resamples, run_blocks=2.0, seed=1)
    return bound(given, studentized([given], plan)[0], levels)


def test_bounds_are_near_those_of_the_normal_distribution() -> None:
    sums = generator(1).standard_normal(400)
    found = bounded(series(sums), resamples=9999)

    assert found is not None
    error = sums.std() / np.sqrt(400) / 10.0
    assert found.mean == pytest.approx(sums.mean() / 10.0)
    assert found.mean - found.lower == pytest.approx(1.96 * error, rel=0.12)
    assert found.upper - found.mean == pytest.approx(1.645 * error, rel=0.12)
    assert found.detectable == pytest.approx((1.96 + 0.84) * error, rel=0.12)


def test_few_blocks_are_bounded_by_students_distribution_at_least() -> None:
    sums = generator(2).standard_normal(12)
    found = bounded(series(sums), Levels(alpha=0.025, denial_alpha=0.025))

    assert found is not None
    error = series(sums).error
    assert (found.mean - found.lower) / error >= 2.19  # Student's, 11 degrees: 2.201
    assert (found.upper - found.mean) / error >= 2.19


def test_long_tail_above_moves_the_bounds_up() -> None:
    sums = generator(3).exponential(1.0, 60) ** 2
    found = bounded(series(sums), Levels(alpha=0.025, denial_alpha=0.025))

    assert found is not None
    assert found.upper - found.mean > 1.3 * (found.mean - found.lower)


def test_blocks_that_are_like_their_neighbours_widen_the_bounds() -> None:
    alike = persistent(generator(4), 300, 0.5)
    mixed = generator(5).permutation(alike)

    assert series(alike).error > 1.2 * series(mixed).error


@pytest.mark.parametrize("edge", [-0.5, 0.0, 0.1, 0.2, 0.3, 0.5])
def test_lower_bound_above_nothing_is_the_same_as_an_improbable_mean(edge: float) -> None:
    found = bounded(series(generator(6).standard_normal(80) + edge))

    assert found is not None
    assert (found.lower > 0.0) == (found.p_better <= LEVELS.alpha)


def test_blocks_that_do_not_vary_have_no_bounds() -> None:
    assert bounded(series(np.full(50, 3.0))) is None
    assert bounded(series(np.zeros(50))) is None


def test_rounding_is_not_chance() -> None:
    noise = 1e-15 * generator(7).standard_normal(50)

    assert bounded(series(3.0 + noise, scale=3.0)) is None


def test_draws_too_few_for_the_level_give_no_bounds() -> None:
    given = series(generator(8).standard_normal(50))

    assert bounded(given, Levels(alpha=0.0005, denial_alpha=0.05)) is None
    assert not resolves(999, 0.0005)
    assert resolves(1999, 0.0005)


def test_two_blocks_have_no_bounds() -> None:
    assert bounded(series(np.array([1.0, 2.0]))) is None
