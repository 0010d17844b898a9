"""The regime filter against hmmlearn: filtered, never smoothed, to the last meaningful digit."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.decisions.kernels import compiled, feature_pass
from tests.support.decisions.rows import RowArray, decide, quotes, state_rows, tables
from torghut.decisions.kernel.engine import Tables
from torghut.router.training.likelihood import as_hmm
from torghut.router.training.regimes import FittedRegimes
from torghut.schemas.codes import REGIME_FEATURES, REGIME_LABELS
from torghut.schemas.rows import Floats

TOLERANCE: Final = 1e-10
SAMPLES: Final = 400

_share = st.floats(0.01, 1.0)
_mean = st.tuples(st.floats(-1.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
_variance = st.tuples(*[st.floats(1e-3, 1.0)] * REGIME_FEATURES)


@st.composite
def regimes(draw: st.DrawFn) -> FittedRegimes:
    """Return any regime model of two to four states."""
    count = draw(st.integers(2, 4))
    rows = st.tuples(*[_share] * count)
    return FittedRegimes(
        labels=REGIME_LABELS[count],
        start=_distribution(draw(rows)),
        transition=tuple(_distribution(draw(rows)) for _ in range(count)),
        mean=tuple(draw(_mean) for _ in range(count)),
        variance=tuple(draw(_variance) for _ in range(count)),
    )


def _distribution(shares: Sequence[float]) -> tuple[float, ...]:
    """Return the shares divided by their sum."""
    return tuple((np.array(shares) / np.sum(shares)).tolist())


def served(model: FittedRegimes) -> Tables:
    """Return the tables of an instrument that ``model`` serves."""
    shared = tables()
    count = len(model.start)
    row = shared.parameters[0]
    transition = np.zeros((4, 4))
    transition[:count, :count] = model.transition
    row["regimes"] = count
    row["start"][:count] = model.start
    row["transition"] = transition.ravel()
    row["regime_mean"][: count * REGIME_FEATURES] = np.ravel(model.mean)
    row["regime_precision"][: count * REGIME_FEATURES] = 1.0 / np.ravel(model.variance)
    row["log_norm"][:count] = -0.5 * np.log(2.0 * np.pi * np.array(model.variance)).sum(axis=1)
    return shared


@functools.cache
def observed() -> tuple[RowArray, Floats]:
    """Return contexts, and the features that the kernel computes of each but the first."""
    draw = np.random.Generator(np.random.PCG64(3))
    turmoil = np.repeat([1e-4, 6e-4, 2e-4, 1e-3], SAMPLES // 4 + 1)[: SAMPLES + 1]
    contexts = quotes(1.3 * np.exp(np.cumsum(turmoil * draw.standard_normal(SAMPLES + 1))))
    features = feature_pass().begin(tables().parameters).take(contexts)["features"]
    return contexts, np.ascontiguousarray(features)


def filtered(model: FittedRegimes) -> tuple[Floats, Floats]:
    """Return the kernel's posterior and entropy after each sample."""
    states = state_rows()
    states["posterior"] = 0.0
    states["posterior"][0, : len(model.start)] = model.start
    decisions, _ = decide(compiled(), observed()[0], states, served(model))
    return decisions["posterior"][1:, : len(model.start)], decisions["entropy"][1:]


@given(regimes())
def test_posterior_is_what_hmmlearn_says_of_the_past_alone(model: FittedRegimes) -> None:
    # The kernel's start is before the first sample; hmmlearn's is at it: one transition apart.
    hmm = as_hmm(replace(model, start=_moved(model)))
    features = observed()[1]

    posterior, _ = filtered(model)

    for end in (1, 2, 3, 50, SAMPLES // 2, SAMPLES):
        past = hmm.predict_proba(features[:end])[-1]
        assert posterior[end - 1] == pytest.approx(past, abs=TOLERANCE)


@given(regimes())
def test_posteriors_add_up_to_the_forward_likelihood(model: FittedRegimes) -> None:
    hmm = as_hmm(replace(model, start=_moved(model)))
    features = observed()[1]

    posterior, _ = filtered(model)

    before = np.vstack([model.start, posterior[:-1]])
    density = np.column_stack(
        [
            -0.5 * (np.log(2.0 * np.pi * v) + (features - m) ** 2 / v).sum(axis=1)
            for m, v in zip(np.array(model.mean), np.array(model.variance), strict=True)
        ]
    )
    predicted = np.log(before @ np.array(model.transition))
    total = np.logaddexp.reduce(density + predicted, axis=1).sum()
    assert total == pytest.approx(hmm.score(features), rel=TOLERANCE, abs=1e-7)


@given(regimes())
def test_entropy_is_the_normalized_one(model: FittedRegimes) -> None:
    posterior, found = filtered(model)

    surprise = np.log(posterior, out=np.zeros_like(posterior), where=posterior > 0.0)
    expected = -(posterior * surprise).sum(axis=1) / np.log(len(model.start))
    assert found == pytest.approx(expected, abs=TOLERANCE)
    assert (found >= 0.0).all()
    assert (found <= 1.0).all()


@given(regimes())
def test_places_beyond_the_last_regime_stay_empty(model: FittedRegimes) -> None:
    states = state_rows()
    states["posterior"] = 0.0
    states["posterior"][0, : len(model.start)] = model.start

    decisions, _ = decide(compiled(), observed()[0], states, served(model))

    assert (decisions["posterior"][:, len(model.start) :] == 0.0).all()


def test_filtered_is_not_smoothed() -> None:
    model = FittedRegimes(
        labels=REGIME_LABELS[2],
        start=(0.5, 0.5),
        transition=((0.9, 0.1), (0.1, 0.9)),
        mean=((-0.1, 0.1, 0.3), (0.1, 0.2, 0.4)),
        variance=((0.1, 0.1, 0.1), (0.1, 0.1, 0.1)),
    )
    hmm = as_hmm(replace(model, start=_moved(model)))

    posterior, _ = filtered(model)

    smoothed = hmm.predict_proba(observed()[1])
    assert np.abs(posterior[:-1] - smoothed[:-1]).max() > 0.01
    assert posterior[-1] == pytest.approx(smoothed[-1], abs=TOLERANCE)


def _moved(model: FittedRegimes) -> tuple[float, ...]:
    """Return the start distribution one transition later."""
    return tuple((np.array(model.start) @ np.array(model.transition)).tolist())
