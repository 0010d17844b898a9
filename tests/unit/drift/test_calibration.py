"""Promised probabilities are judged by what came: Brier's score, and how surprising it is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from torghut.drift.calibration import PromiseTally
from torghut.router.training.reliability import reliability
from torghut.schemas.governing.fields import Reading


def tallied(promised: list[float], came: list[bool]) -> PromiseTally:
    """Return promises counted."""
    tally = PromiseTally()
    tally.take(np.array(promised), np.array(came, np.bool_))
    return tally


def brier(tally: PromiseTally) -> Reading:
    """Return what the check would be told."""
    return tally.readings()["model_calibration_error_exceeded"]


def test_brier_score_is_the_mean_squared_error() -> None:
    # (0.8-1)^2 + (0.3-0)^2 + (0.5-1)^2 = 0.04 + 0.09 + 0.25
    found = brier(tallied([0.8, 0.3, 0.5], [True, False, True]))

    assert found.value == pytest.approx(0.38 / 3)
    assert found.samples == 3


def test_certain_and_always_wrong_is_the_worst_there_is() -> None:
    assert brier(tallied([1.0, 0.0], [False, True])).value == 1.0


def test_z_by_hand() -> None:
    # slopes -0.6, 0.4: (0.2)(-0.6) + (-0.3)(0.4) = -0.24; 0.36*0.16 + 0.16*0.21 = 0.0912
    found = tallied([0.8, 0.3], [True, False]).z()

    assert found.value == pytest.approx(-0.24 / math.sqrt(0.0912))


def test_score_and_z_are_those_that_a_package_is_published_with() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    promised = generator.uniform(0.1, 0.9, 300)
    came = generator.uniform(size=300) < promised
    tally = PromiseTally()
    tally.take(promised, came)

    published = reliability(promised, came, constant=0.5, bins=5)

    assert brier(tally).value == pytest.approx(published.brier, rel=1e-12)
    assert tally.z().value == pytest.approx(published.spiegelhalter_z, rel=1e-9)


def test_z_tells_a_model_that_promises_too_much_from_an_honest_one() -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    honest, boasting = PromiseTally(), PromiseTally()
    true = generator.uniform(0.55, 0.75, 500)
    came = generator.uniform(size=500) < true
    honest.take(true, came)
    boasting.take(true + 0.2, came)

    assert abs(honest.z().value or 9.0) < 3.5
    assert (boasting.z().value or 0.0) > 3.5


def test_expected_error_by_hand() -> None:
    # Bin 2: promised 0.25 twice, came once: 0.5 too few. Bin 9: 0.9, came: 0.1 too few.
    found = tallied([0.25, 0.25, 0.9], [True, False, True]).expected_error()

    assert found.value == pytest.approx((0.5 + 0.1) / 3)


def test_expected_error_of_a_perfect_model_is_not_0_so_nothing_alarms_on_it() -> None:
    generator = np.random.Generator(np.random.PCG64(3))
    errors = []
    for _ in range(200):
        promised = generator.uniform(size=500)
        tally = PromiseTally()
        tally.take(promised, generator.uniform(size=500) < promised)
        errors.append(tally.expected_error().value or 0.0)

    assert 0.03 < float(np.mean(errors)) < 0.08


def test_of_nothing_nothing_is_known() -> None:
    tally = PromiseTally()

    assert {brier(tally).status, tally.z().status, tally.expected_error().status} == {"missing"}


def test_promise_that_is_no_number_makes_the_window_none() -> None:
    tally = tallied([0.5, math.nan], [True, True])

    assert {brier(tally).status, tally.z().status, tally.expected_error().status} == {"not-finite"}


def test_where_nothing_could_have_come_otherwise_there_is_no_z() -> None:
    tally = tallied([1.0, 0.0], [True, False])

    assert (brier(tally).value, tally.z().status) == (0.0, "missing")
