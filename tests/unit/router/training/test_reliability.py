"""Reliability on known promises."""

from __future__ import annotations

import numpy as np
import pytest

from torghut.router.training.reliability import reliability


def test_known_values() -> None:
    promised = np.array([0.25, 0.25, 0.75, 0.75])
    came = np.array([False, True, True, True])

    found = reliability(promised, came, constant=0.5, bins=2)

    assert found.brier == pytest.approx((0.0625 * 3 + 0.5625) / 4)
    assert found.brier_constant == pytest.approx(0.25)
    assert [(one.labels, one.promised, one.observed) for one in found.bins] == [
        (2, 0.25, 0.5),
        (2, 0.75, 1.0),
    ]
    # Spiegelhalter: sum (o - p)(1 - 2p) over the root of sum (1 - 2p)^2 p (1 - p).
    expected = (-0.125 + 0.375 - 0.125 - 0.125) / np.sqrt(4 * 0.25 * 0.1875)
    assert found.spiegelhalter_z == pytest.approx(expected)


def test_promises_of_one_half_say_nothing_about_calibration() -> None:
    found = reliability(np.full(4, 0.5), np.ones(4, np.bool_), constant=0.5, bins=1)

    assert found.spiegelhalter_z == 0.0


def test_overconfident_promises_are_far_beyond_two() -> None:
    draw = np.random.Generator(np.random.PCG64(0))
    came = draw.uniform(size=2000) < 0.6

    honest = reliability(np.full(2000, 0.6), came, constant=0.6, bins=5)
    bold = reliability(np.full(2000, 0.9), came, constant=0.6, bins=5)

    assert abs(honest.spiegelhalter_z) < 3.0
    assert bold.spiegelhalter_z > 10.0


def test_fewer_outcomes_than_bins_make_fewer_bins() -> None:
    found = reliability(np.array([0.5]), np.array([True]), constant=0.5, bins=5)

    assert [one.labels for one in found.bins] == [1]
