"""Samples found in recorded decisions are those that the kernel took, pauses included."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled, feature_pass
from tests.support.decisions.packages import eager_model
from tests.support.decisions.rows import SECOND_NS, RowArray, quotes
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.parameters import parameter_rows
from torghut.kernel.ids import SERVING
from torghut.router.training.labels import SampledDecisions
from torghut.schemas.codes import Gate
from torghut.schemas.rows import DECISION, Floats
from torghut.workflows.drift.outcomes import promises
from torghut.workflows.drift.samples import Flags, Sampler, SampleTiming
from torghut.workflows.fitting.fit_reading import Window, WindowSamples, read_samples

SYMBOL = "fxcm:EURUSD"
COUNT = 4000


@functools.cache
def market() -> RowArray:
    """Return quotes a few seconds apart, with pauses just below, at and above the longest."""
    draw = np.random.Generator(np.random.PCG64(21))
    rows = quotes(1.3 * np.exp(np.cumsum(draw.normal(0.0, 5e-5, COUNT))))
    steps = draw.integers(1, 25, COUNT) * SECOND_NS
    for place in range(200, COUNT, 190):
        steps[place] = (860, 880, 900, 901, 5000)[place // 190 % 5] * SECOND_NS
    rows["receive_ns"] += np.cumsum(steps)
    rows["event_ns"] = rows["receive_ns"]
    return rows


@functools.cache
def decisions() -> RowArray:
    """Return what the kernel decides on them; nothing is refused."""
    model = eager_model()
    fold = DecisionFold(
        kernel=compiled(),
        genesis=Genesis(declarations=shipped(), packages={"fx-intraday": model.digest}),
        packages={model.digest: model},
    )
    fold.source_index("ab" * 32)
    fold.symbol_index(SYMBOL)
    decided = fold.decide(market().copy())
    assert not decided.outcomes.any()
    return np.frombuffer(decided.arms[SERVING].rows, DECISION)


@functools.cache
def taken() -> WindowSamples:
    """Return the samples that a package would be fitted on."""
    window = Window(
        source=ArraySource(rows=market(), symbols=(SYMBOL,)),
        declarations=shipped(),
        symbols=(SYMBOL,),
        start_ns=0,
        end_ns=2**63 - 1,
    )
    return read_samples(window, feature_pass())


def timing() -> SampleTiming:
    """Return when features of the symbol move."""
    parameters, _ = parameter_rows(shipped(), {}, (SYMBOL,))
    row = parameters[0]
    return SampleTiming(interval_ns=int(row["sample_ns"]), gap_ns=int(row["sample_gap_ns"]))


def found(pieces: int, begin: int = 0) -> tuple[RowArray, Flags]:
    """Return the decisions at samples and which follow a pause, read in so many pieces."""
    sampler, places, gaps = Sampler(), [], []
    rows = decisions()[begin:]
    for piece in np.array_split(np.arange(len(rows)), pieces):
        own = rows[piece]
        samples: Floats = np.ascontiguousarray(own["gate_value"][:, Gate.WARM_UP])
        at, gap = sampler.take(samples, np.ascontiguousarray(own["receive_ns"]), timing())
        places.append(piece[at])
        gaps.append(gap)
    return rows[np.concatenate(places)], np.concatenate(gaps)


@pytest.mark.parametrize("pieces", [1, 7, 400, COUNT])
def test_samples_are_the_kernels_own(pieces: int) -> None:
    rows, gaps = found(pieces)
    own = taken().samples

    assert np.count_nonzero(gaps) > 5, "the market pauses"
    assert rows["receive_ns"].tolist() == own["receive_ns"].tolist()
    assert rows["reference_price"].tolist() == own["mid"].tolist()
    assert gaps.tolist() == (own["gap"] == 1).tolist()


def test_from_the_middle_on_they_are_the_same_once_one_was_seen() -> None:
    rows, gaps = found(3, begin=1000)
    own = taken().samples[taken().samples["receive_ns"] >= decisions()["receive_ns"][1000]]

    assert rows["receive_ns"][1:].tolist() == own["receive_ns"][-len(rows) + 1 :].tolist()
    assert gaps[1:].tolist() == (own["gap"] == 1)[-len(rows) + 1 :].tolist()
    assert len(own) - len(rows) <= 1


def test_promises_have_the_cost_and_volatility_that_labels_are_made_of() -> None:
    rows, gaps = found(1)
    parameters, _ = parameter_rows(shipped(), {}, (SYMBOL,))
    costs = 2.0 * float(parameters["fee_ratio"][0] + parameters["slippage_ratio"][0])

    judged: SampledDecisions = promises(rows, gaps, costs)

    assert judged.cost == pytest.approx(taken().samples["cost_ratio"], rel=1e-12)
    assert np.array_equal(judged.volatility, rows["gate_value"][:, Gate.VOLATILITY])


def test_promise_is_the_confidence_in_the_direction_of_the_target() -> None:
    rows, gaps = found(1)
    model = eager_model()
    judged = promises(rows, gaps, 2.0 * 3e-5)
    held = rows["target"] != 0.0
    along = np.where(rows["target"] > 0.0, rows["score"], -rows["score"])
    cost = judged.cost / np.where(judged.volatility > 0.0, judged.volatility, 1.0)
    logit = model.confidence_bias + model.confidence_score * along - model.confidence_cost * cost

    assert np.count_nonzero(held) > 100, "the model trades"
    assert (judged.score[~held] == 0.0).all()
    assert np.sign(judged.score[held]).tolist() == np.sign(rows["target"][held]).tolist()
    promised = np.abs(judged.score[held])
    assert promised == pytest.approx(1.0 / (1.0 + np.exp(-logit[held])), rel=1e-6)
