"""Two fits are the same model by tolerance and likelihood, whatever their digests."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from tests.support.decisions.regime_data import PLANTED, drawn
from torghut.router.package import RegimeModel
from torghut.router.training.equivalence import Tolerance, equivalent
from torghut.schemas.codes import REGIME_LABELS

MODEL: Final = RegimeModel(
    labels=PLANTED.labels,
    start=PLANTED.start,
    transition=PLANTED.transition,
    mean=PLANTED.mean,
    variance=PLANTED.variance,
    confidence_bias=0.1,
    confidence_score=0.2,
    confidence_cost=1.5,
    name="planted",
    digest="0" * 64,
    start_ns=1,
    end_ns=2,
)
HELD_OUT: Final = drawn((300,))


def test_the_same_parameters_under_another_digest_are_identical() -> None:
    other = replace(MODEL, digest="1" * 64, name="other", start_ns=5)

    assert equivalent(MODEL, other, HELD_OUT, Tolerance()).verdict == "identical"


def test_last_digits_make_it_equivalent_not_different() -> None:
    other = replace(MODEL, mean=tuple(tuple(x + 1e-9 for x in row) for row in MODEL.mean))

    found = equivalent(MODEL, other, HELD_OUT, Tolerance())

    assert (found.verdict, found.beyond) == ("equivalent", ())
    assert 0.0 < found.apart["mean"] < 1e-6


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        (replace(MODEL, mean=(MODEL.mean[0], MODEL.mean[1], (0.8, 0.15, 0.6))), {"mean"}),
        (replace(MODEL, variance=((0.02, 0.002, 0.01), *MODEL.variance[1:])), {"variance"}),
        (
            replace(MODEL, transition=((0.9, 0.09, 0.01), *MODEL.transition[1:])),
            {"transition"},
        ),
        (replace(MODEL, confidence_score=0.3), {"confidence"}),
        (replace(MODEL, confidence_bias=float("nan")), {"confidence"}),
        (replace(MODEL, mean=((float("nan"), 0.1, 0.2), *MODEL.mean[1:])), {"mean", "likelihood"}),
    ],
)
def test_a_change_beyond_tolerance_makes_it_different(
    changed: RegimeModel, kinds: set[str]
) -> None:
    found = equivalent(MODEL, changed, HELD_OUT, Tolerance())

    assert found.verdict == "different"
    assert kinds <= set(found.beyond)


def test_small_changes_everywhere_that_cost_likelihood_make_it_different() -> None:
    tight = Tolerance(likelihood=1e-7)
    other = replace(MODEL, variance=tuple(tuple(x * 1.015 for x in row) for row in MODEL.variance))

    assert equivalent(MODEL, other, HELD_OUT, tight).beyond == ("likelihood",)


def test_other_regimes_are_another_model() -> None:
    two = replace(MODEL, labels=REGIME_LABELS[2])

    assert equivalent(MODEL, two, HELD_OUT, Tolerance()).beyond == ("labels",)
