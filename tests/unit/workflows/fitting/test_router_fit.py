"""A router is fitted on what the kernel samples and decides, and packed with how it came to be."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest

from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled, feature_pass
from tests.support.decisions.rows import SECOND_NS, RowArray, quotes
from torghut.decisions.parameters import parameter_rows
from torghut.router.package import read_regime_model
from torghut.router.training.equivalence import Tolerance, equivalent
from torghut.router.training.plan import CalibrationPlan, FitPlan
from torghut.router.training.record import (
    FeatureSampling,
    FitRequest,
    read_training_record,
)
from torghut.router.training.regimes import TrainingDataError
from torghut.schemas.codes import REGIME_LABELS
from torghut.workflows.fitting.fit_reading import (
    Window,
    read_decisions,
    read_samples,
    resampled,
    sequences_of,
)
from torghut.workflows.fitting.router_fit import (
    EvidenceRequest,
    FitKernels,
    RouterFit,
    fit_router,
    measure_router,
    pack_router,
)

SYMBOLS = ("fxcm:EURUSD", "fxcm:NZDUSD")
SAMPLING = FeatureSampling(sample_interval_ms=60_000, longest_pause_s=600)
COUNT = 3_000


@functools.cache
def kernels() -> FitKernels:
    """Return the compiled kernels."""
    return FitKernels(decision=compiled(), features=feature_pass())


@functools.cache
def market() -> RowArray:
    """Return quotes of two pairs, a minute apart, calm and turbulent by turns, with one pause."""
    draw = np.random.Generator(np.random.PCG64(8))
    turmoil = np.tile(np.repeat([5e-5, 4e-4], 150), COUNT)[:COUNT]
    pairs = []
    for symbol, price in enumerate((1.3, 0.8)):
        rows = quotes(
            price * np.exp(np.cumsum(turmoil * draw.standard_normal(COUNT))),
            step_ns=60 * SECOND_NS,
        )
        rows["symbol"] = symbol
        rows["receive_ns"][COUNT // 2 :] += 3600 * SECOND_NS
        rows["event_ns"] = rows["receive_ns"]
        pairs.append(rows)
    both = np.concatenate(pairs)
    return both[np.argsort(both["receive_ns"], kind="stable")]


def source(rows: RowArray | None = None) -> ArraySource:
    """Return the market as a source that knows its pairs in the other order."""
    contexts = (market() if rows is None else rows).copy()
    contexts["symbol"] = 1 - contexts["symbol"]
    return ArraySource(rows=contexts, symbols=SYMBOLS[::-1])


def request(**changed: object) -> FitRequest:
    """Return what is asked for, with some of it changed."""
    stated: dict[str, object] = {
        "name": "fx-test",
        "symbols": SYMBOLS,
        "start_ns": 0,
        "end_ns": 2**63 - 1,
        "sampling": SAMPLING,
        "plan": FitPlan(states=(2,), seeds=(1,), iterations_max=50),
        "calibration": CalibrationPlan(labels_min=50),
    }
    return FitRequest.model_validate({**stated, **changed})


@functools.cache
def fitted() -> RouterFit:
    """Return a fit of the whole market; made once."""
    return fit_router(source(), shipped(), request(), kernels())


def test_fit_serves_and_says_what_it_was_made_from() -> None:
    fit = fitted()

    assert fit.model.labels == REGIME_LABELS[2]
    assert (fit.first_ns, fit.last_ns) == (
        int(market()["receive_ns"].min()),
        int(market()["receive_ns"].max()),
    )
    assert fit.record.contexts == 2 * COUNT
    assert fit.record.observations + fit.record.held_out < 2 * COUNT
    assert fit.record.calibration.origin != "unmeasured"
    assert fit.record.calibration.labels > 50


def test_package_is_read_back_as_the_model_and_record_it_was_made_of() -> None:
    package = pack_router(fitted())

    model, record = read_regime_model(package), read_training_record(package)

    assert model.digest == package.digest
    assert record == fitted().record
    assert equivalent(model, fitted().model, (), Tolerance()).apart["mean"] == 0.0
    assert (model.start_ns, model.end_ns) == (fitted().first_ns, fitted().last_ns)


def test_the_same_fit_gives_the_same_digest() -> None:
    again = fit_router(source(), shipped(), request(), kernels())

    assert pack_router(again).digest == pack_router(fitted()).digest


def test_a_recorded_request_asks_for_the_same_fit() -> None:
    recorded = read_training_record(pack_router(fitted())).request

    again = fit_router(source(), shipped(), recorded, kernels())

    assert again.model == fitted().model


def test_window_is_all_that_is_looked_at() -> None:
    middle = int(market()["receive_ns"][2 * COUNT * 3 // 4])
    inside = market()[market()["receive_ns"] < middle]

    cut = fit_router(source(), shipped(), request(end_ns=middle), kernels())
    whole = fit_router(source(inside), shipped(), request(), kernels())

    assert cut.last_ns < middle
    assert cut.model == whole.model


def test_symbols_that_are_not_asked_for_change_nothing() -> None:
    alone = market()[market()["symbol"] == 0]
    asked = request(symbols=SYMBOLS[:1], plan=FitPlan(states=(2,), seeds=(1,), iterations_max=20))

    one = fit_router(source(), shipped(), asked, kernels())
    other = fit_router(source(alone), shipped(), asked, kernels())

    assert one.model == other.model


def test_sequences_break_at_the_pause_and_begin_warmed_up() -> None:
    window = window_of(SAMPLING)
    taken = read_samples(window, kernels().features)

    sequences = sequences_of(window, taken.samples)

    warm_up = shipped().instrument(SYMBOLS[0]).sampling.warm_up_samples
    # A level and a sample that follows no return begin each stretch.
    assert [len(one) for one in sequences] == [COUNT // 2 - warm_up + 1, COUNT // 2 - 1] * 2


def test_scores_are_those_of_the_kernel_at_each_sample() -> None:
    window = window_of(SAMPLING)
    taken = read_samples(window, kernels().features)

    decisions = read_decisions(window, taken, kernels().decision, fitted().model)

    assert len(decisions.score) == len(taken.samples)
    assert (np.abs(decisions.score) <= 1.0).all()
    assert (decisions.score != 0.0).mean() > 0.9
    assert (decisions.volatility[10:] > 0.0).all()


def test_refused_contexts_are_counted_by_code() -> None:
    crossed = market().copy()
    crossed["bid"][100:200] = crossed["ask"][100:200] * 1.001

    fit = fit_router(source(crossed), shipped(), request(), kernels())

    assert fit.record.refused == {"market.crossed-book": 100}


def test_other_sampling_changes_only_the_symbols_asked_for() -> None:
    declared = resampled(shipped(), SYMBOLS[:1], SAMPLING)

    rows, _ = parameter_rows(declared, {}, SYMBOLS)
    before, _ = parameter_rows(shipped(), {}, SYMBOLS)
    assert rows["sample_ns"].tolist() == [60 * SECOND_NS, int(before["sample_ns"][1])]
    assert rows["alpha_slow"].tolist() == before["alpha_slow"].tolist()
    assert resampled(shipped(), SYMBOLS, None) is shipped()


def test_evidence_is_measured_without_fitting_and_kept_in_the_package() -> None:
    asked = EvidenceRequest(source=source(), symbols=SYMBOLS, sampling=SAMPLING)

    evidence = measure_router(fitted(), shipped(), asked, kernels())

    assert evidence.observations == fitted().record.observations + fitted().record.held_out
    assert evidence.model_nats > evidence.one_gaussian_nats
    assert evidence.reliability is not None
    package = pack_router(fitted(), [evidence])
    assert read_training_record(package).evidence == (evidence,)
    assert package.digest != pack_router(fitted()).digest


def test_progress_is_told_through_every_stage() -> None:
    told: list[tuple[str, int, int]] = []

    fit_router(
        source(),
        shipped(),
        request(),
        kernels(),
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )

    assert list(dict.fromkeys(stage for stage, _, _ in told)) == ["read", "fit", "decide"]
    assert told[-1] == ("decide", 2 * COUNT, 2 * COUNT)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"start_ns": 0, "end_ns": 1}, "none"),
        ({"symbols": ("index:SP500",)}, "fxcm:NZDUSD, fxcm:EURUSD"),
    ],
)
def test_window_without_these_contexts_is_refused(
    changed: dict[str, Sequence[str] | int], found: str
) -> None:
    with pytest.raises(TrainingDataError, match=found):
        fit_router(source(), shipped(), request(**changed), kernels())


def window_of(sampling: FeatureSampling | None) -> Window:
    """Return the whole market as a window."""
    return Window(
        source=source(),
        declarations=resampled(shipped(), SYMBOLS, sampling),
        symbols=SYMBOLS,
        start_ns=0,
        end_ns=2**63 - 1,
    )
