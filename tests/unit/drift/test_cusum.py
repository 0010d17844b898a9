"""Cumulative sums climb on a shift, stay down without one, and their limits are resampled."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decisions.series import autoregressive
from torghut.drift.cusum import SIDES, Limits, calibrate, go_on, resampled
from torghut.schemas.rows import Floats

PLAIN = Limits(
    mean=np.array([0.0, 1.0]),
    deviation=np.ones(2),
    slack=np.full(4, 0.5),
    limit=np.array([3.0, 3.0, 1e9, 1e9]),
)
"""Values as they are; squares never alarm."""


def calibrated(reference: Floats, rate: float = 1e-4) -> Limits:
    """Return limits of a reference."""
    places = resampled(len(reference), 40_000, 50, 7)
    limits = calibrate(reference, places, shift=1.0, block=50, rate=rate)
    assert limits is not None
    return limits


def test_sums_by_hand() -> None:
    # Up: 0.5, 1.5, 0 (1.5 - 2.0 - 0.5 < 0), 1.0. Down: 0, 0, 1.5, 0.
    values = np.array([1.0, 1.5, -2.0, 1.5])

    sums, first = go_on(values, PLAIN, np.zeros(4))

    assert sums[:2].tolist() == [1.0, 0.0]
    assert first.tolist() == [-1, -1, -1, -1]


def test_alarm_is_at_the_first_value_beyond_the_limit() -> None:
    sums, first = go_on(np.array([2.0, 2.0, 2.0, -9.0]), PLAIN, np.zeros(4))

    assert first[0] == 2
    assert sums[0] == 0.0


def test_at_the_limit_is_not_beyond_it() -> None:
    _, first = go_on(np.array([2.0, 2.0]), PLAIN, np.zeros(4))

    assert first[0] == -1


def test_pieces_give_what_the_whole_does() -> None:
    values = np.random.Generator(np.random.PCG64(1)).standard_normal(500)
    whole, _ = go_on(values, PLAIN, np.zeros(4))
    sums: Floats = np.zeros(4)

    for piece in np.array_split(values, 13):
        sums, _ = go_on(piece, PLAIN, sums)

    assert sums == pytest.approx(whole, abs=1e-9)


def test_nothing_changes_nothing() -> None:
    sums, first = go_on(np.zeros(0), PLAIN, np.array([1.0, 2.0, 3.0, 4.0]))

    assert sums.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert first.tolist() == [-1] * 4


def test_resampled_pieces_have_the_mean_length_asked_for_and_are_the_same_again() -> None:
    places = resampled(1000, 50_000, 50, 7)

    breaks = int(np.count_nonzero(np.diff(places) % 1000 != 1))

    assert 50_000 / breaks == pytest.approx(50, rel=0.15)
    assert np.array_equal(places, resampled(1000, 50_000, 50, 7))
    assert not np.array_equal(places, resampled(1000, 50_000, 50, 8))
    assert (places.min(), places.max()) == (0, 999)


def test_rarer_false_alarms_want_higher_limits_and_so_does_dependence() -> None:
    generator = np.random.Generator(np.random.PCG64(4))
    noise, tied = generator.standard_normal(3000), autoregressive(generator, 3000, 0.6)

    often, rarely, dependent = calibrated(noise), calibrated(noise, 1e-6), calibrated(tied)

    assert (rarely.limit > often.limit).all()
    assert (dependent.limit[:2] > often.limit[:2]).all()


def test_reference_that_stands_still_has_no_limits() -> None:
    places = resampled(100, 1000, 10, 1)

    assert calibrate(np.ones(100), places, shift=1.0, block=10, rate=1e-4) is None


def test_limit_of_a_sum_that_never_climbs_is_never_reached() -> None:
    limits = calibrated(np.tile([0.0, 0.0, 0.0, 9.0], 500))

    assert limits.limit[SIDES.index("spread down")] > 0.0
    _, first = go_on(np.tile([0.0, 0.0, 0.0, 9.0], 500), limits, np.zeros(4))
    assert first.tolist() == [-1] * 4
