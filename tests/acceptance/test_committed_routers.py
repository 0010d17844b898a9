"""Fitting the committed packages again, from their own records, gives equivalent models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled, feature_pass
from tests.unit.router.test_baselines import model, package
from torghut.composition.deciding import source
from torghut.router.training.equivalence import Tolerance, equivalent
from torghut.router.training.record import FitRequest, read_training_record
from torghut.router.training.sequences import split
from torghut.workflows.fitting.fit_reading import Window, read_samples, resampled, sequences_of
from torghut.workflows.fitting.router_fit import FitKernels, fit_router


def refitted(name: str, uri: str) -> str:
    """Return the verdict on a committed package and its fit again from ``uri``."""
    record = read_training_record(package(name))
    chosen = next(one for one in record.candidates if one.states == record.chosen_states)
    # The start that was kept; the others only lost to it.
    plan = {"states": (chosen.states,), "seeds": (chosen.seed,)}
    request = FitRequest.model_validate(
        {**dict(record.request), "plan": {**dict(record.request.plan), **plan}}
    )
    read = source(uri, shipped())
    kernels = FitKernels(decision=compiled(), features=feature_pass())

    again = fit_router(read, shipped(), request, kernels)

    window = Window(
        source=read,
        declarations=resampled(shipped(), request.symbols, request.sampling),
        symbols=request.symbols,
        start_ns=request.start_ns,
        end_ns=request.end_ns,
    )
    samples = read_samples(window, kernels.features).samples
    _, held_out = split(sequences_of(window, samples), record.split_ns)
    return equivalent(model(name), again.model, held_out, Tolerance()).verdict


@pytest.mark.slow
def test_index_router_fitted_again_is_equivalent() -> None:
    assert refitted("index-daily", "demo:") in {"identical", "equivalent"}


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(180)
def test_currency_router_fitted_again_is_equivalent(recorded_data: Path) -> None:
    uri = f"lean:{recorded_data / 'lean-forex' / 'hour'}"

    assert refitted("fx-intraday", uri) in {"identical", "equivalent"}
