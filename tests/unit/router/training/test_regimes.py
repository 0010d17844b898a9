"""Fitting finds the regimes that made the data, in order, and refuses what cannot be fitted."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from pydantic import ValidationError

from tests.support.decisions.regime_data import PLANTED, drawn
from torghut.router.training.likelihood import mean_log_likelihood
from torghut.router.training.plan import FitPlan
from torghut.router.training.regimes import RegimeFit, TrainingDataError, fit_regimes
from torghut.router.training.sequences import FeatureSequence

PLAN = FitPlan(states=(2, 3), seeds=(1,), iterations_max=100)


@functools.cache
def fitted() -> RegimeFit:
    """Return the fit of three planted regimes; made once."""
    return fit_regimes(drawn((800, 800, 800)), PLAN)


def test_planted_regimes_are_found_again() -> None:
    model = fitted().chosen.model

    assert model.labels == PLANTED.labels
    assert np.abs(np.array(model.mean) - np.array(PLANTED.mean)).max() < 0.03
    assert np.abs(np.array(model.transition) - np.array(PLANTED.transition)).max() < 0.03
    assert np.abs(np.log(np.array(model.variance) / np.array(PLANTED.variance))).max() < 0.4


def test_regimes_beat_one_gaussian_on_held_out_data() -> None:
    assert fitted().chosen.held_out > fitted().one_gaussian_held_out + 0.5


def test_number_of_states_is_the_one_most_likely_on_held_out_data() -> None:
    fit = fitted()

    assert [one.states for one in fit.candidates] == [2, 3]
    assert fit.chosen == max(fit.candidates, key=lambda one: one.held_out)


def test_states_are_ordered_by_rising_volatility_ratio() -> None:
    for candidate in fitted().candidates:
        volatility = [row[0] for row in candidate.model.mean]
        assert volatility == sorted(volatility)


def test_no_transition_and_no_start_is_impossible_and_rows_are_distributions() -> None:
    for candidate in fitted().candidates:
        rows = np.array([candidate.model.start, *candidate.model.transition])
        assert (rows > 0.0).all()
        assert np.abs(rows.sum(axis=1) - 1.0).max() < 1e-12


def test_held_out_part_is_the_end_of_the_window() -> None:
    sequences = drawn((800, 800, 800))
    fit = fitted()

    later = [one.receive_ns >= fit.split_ns for one in sequences]
    assert fit.observations == (
        sum(int((~one).sum()) for one in later),
        sum(int(one.sum()) for one in later),
    )
    assert fit.observations[1] == pytest.approx(600, abs=60)


def test_the_same_fit_gives_the_same_bits() -> None:
    assert fit_regimes(drawn((800, 800, 800)), PLAN).chosen.model == fitted().chosen.model


def test_likelihood_is_in_raw_units_whatever_the_scale_of_the_features() -> None:
    scaled = [
        FeatureSequence(receive_ns=one.receive_ns, features=one.features * 1000.0 + 7.0)
        for one in drawn((800, 800, 800))
    ]

    fit = fit_regimes(scaled, PLAN)

    assert fit.chosen.held_out == pytest.approx(
        fitted().chosen.held_out - 3 * np.log(1000.0), abs=1e-6
    )
    means = (np.array(fit.chosen.model.mean) - 7.0) / 1000.0
    assert means == pytest.approx(np.array(fitted().chosen.model.mean), abs=1e-6)


def test_progress_is_told_after_every_fit() -> None:
    told: list[tuple[int, int]] = []
    plan = FitPlan(states=(2,), seeds=(1, 2), iterations_max=5)

    fit_regimes(drawn((700, 700)), plan, progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 2), (2, 2)]


def test_likelihood_of_nothing_is_no_number() -> None:
    assert np.isnan(mean_log_likelihood(PLANTED, []))


@pytest.mark.parametrize(
    "sequences",
    [
        [],
        drawn((100,)),
        [FeatureSequence(receive_ns=np.arange(2000), features=np.full((2000, 3), np.nan))],
        [FeatureSequence(receive_ns=np.arange(2000), features=np.ones((2000, 3)))],
    ],
    ids=["none", "few", "not-finite", "constant"],
)
def test_what_cannot_be_fitted_is_refused(sequences: list[FeatureSequence]) -> None:
    with pytest.raises(TrainingDataError):
        fit_regimes(sequences, PLAN)


def test_a_state_that_hardly_occurs_is_no_regime() -> None:
    plan = FitPlan(states=(3,), seeds=(1,), iterations_max=30, occupancy_min=0.9)

    with pytest.raises(TrainingDataError, match="hold"):
        fit_regimes(drawn((800, 800)), plan)


@pytest.mark.parametrize(
    "plan", [{"states": (1,)}, {"states": (5,)}, {"states": ()}, {"seeds": ()}, {"tolerance": 0}]
)
def test_plan_that_the_kernel_could_not_serve_is_refused(plan: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FitPlan.model_validate(plan)
