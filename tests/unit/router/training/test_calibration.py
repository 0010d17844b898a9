"""Confidence recovers planted odds, is judged apart, and claims nothing it has not measured."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

from torghut.router.training.calibration import calibrate
from torghut.router.training.confidence import Coefficients
from torghut.router.training.labels import Labels
from torghut.router.training.plan import CalibrationPlan

UNMEASURED: Final = Coefficients(bias=-2.0, score=0.0, cost=1.0)
PLAN: Final = CalibrationPlan()
SPLIT_NS: Final = 7_500


def planted(edge: float, *, count: int = 10_000, seed: int = 0) -> Labels:
    """Return decisions whose gain in sigmas is normal around ``edge`` times the score."""
    draw = np.random.Generator(np.random.PCG64(seed))
    score = draw.uniform(0.0, 1.0, count)
    return Labels(
        decided_ns=np.arange(count),
        ended_ns=np.arange(count) + 1,
        score=score,
        cost=draw.uniform(0.01, 0.05, count),
        gain=edge * score + draw.standard_normal(count),
    )


def test_without_an_edge_only_costs_count_as_normal_returns_have_it() -> None:
    found = calibrate(planted(0.0), split_ns=SPLIT_NS, unmeasured=UNMEASURED, plan=PLAN)

    # The density of a standard normal at 0, times 4: the slope of the log-odds in the cost.
    assert found.coefficients.cost == pytest.approx(4.0 / np.sqrt(2.0 * np.pi), abs=0.1)
    assert found.coefficients.bias == pytest.approx(0.0, abs=0.1)
    assert abs(found.coefficients.score) < 0.15


def test_an_edge_is_found_and_calibrated() -> None:
    found = calibrate(planted(0.6), split_ns=SPLIT_NS, unmeasured=UNMEASURED, plan=PLAN)

    assert found.origin == "fitted"
    assert found.coefficients.score == pytest.approx(0.6 * 4.0 / np.sqrt(2.0 * np.pi), abs=0.2)
    assert found.reliability is not None
    assert found.reliability.brier < found.reliability.brier_constant
    assert abs(found.reliability.spiegelhalter_z) < 3.0
    for one in found.reliability.bins:
        assert one.promised == pytest.approx(one.observed, abs=0.06)


def test_a_score_that_misleads_is_given_no_weight() -> None:
    found = calibrate(planted(-0.6), split_ns=SPLIT_NS, unmeasured=UNMEASURED, plan=PLAN)

    assert found.origin == "fitted-without-score"
    assert found.coefficients.score == 0.0


def test_too_few_labels_measure_nothing() -> None:
    few = planted(0.6, count=PLAN.labels_min)

    found = calibrate(few, split_ns=PLAN.labels_min, unmeasured=UNMEASURED, plan=PLAN)

    assert found.labels == PLAN.labels_min - 1
    assert (found.origin, found.coefficients) == ("unmeasured", UNMEASURED)
    assert found.reliability is None


def test_a_label_across_the_split_is_in_neither_part() -> None:
    found = calibrate(planted(0.0), split_ns=SPLIT_NS, unmeasured=UNMEASURED, plan=PLAN)

    # Decided at 7499 and ended at 7500: its outcome is in the part that judges.
    assert found.reliability is not None
    assert (found.labels, found.reliability.labels) == (7_499, 2_500)


def test_held_out_labels_change_no_coefficient() -> None:
    labels = planted(0.6)
    other = planted(-3.0)
    late = labels.decided_ns >= SPLIT_NS
    mixed = Labels(
        decided_ns=labels.decided_ns,
        ended_ns=labels.ended_ns,
        score=labels.score,
        cost=labels.cost,
        gain=np.where(late, other.gain, labels.gain),
    )

    one = calibrate(labels, split_ns=SPLIT_NS, unmeasured=UNMEASURED, plan=PLAN)
    two = calibrate(mixed, split_ns=SPLIT_NS, unmeasured=UNMEASURED, plan=PLAN)

    assert one.coefficients == two.coefficients
    assert one.reliability != two.reliability


def test_nothing_at_all_is_unmeasured() -> None:
    none = planted(0.0, count=0)

    found = calibrate(none, split_ns=SPLIT_NS, unmeasured=UNMEASURED, plan=PLAN)

    assert (found.origin, found.labels, found.reliability) == ("unmeasured", 0, None)
