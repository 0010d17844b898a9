"""The committed packages: verified, served by the declarations, and never on time they decide."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from tests.support.decisions.declared import ROOT, shipped
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.artifacts.package import Package
from torghut.decisions.parameters import parameter_rows
from torghut.router.package import RegimeModel, read_regime_model
from torghut.router.training.record import FEATURE_SCHEMA, read_training_record

NAMES: Final = ("fx-intraday", "index-daily")


def package(name: str) -> Package:
    """Return the one committed package of that name, verified."""
    store = FolderPackageStore(ROOT / "router/baselines")
    (reference,) = [one for one in store.references() if one.name == name]
    return store.load(reference)


def model(name: str) -> RegimeModel:
    """Return the model of a committed package."""
    return read_regime_model(package(name))


def test_there_is_one_package_for_each_name_and_no_other() -> None:
    found = [one.name for one in FolderPackageStore(ROOT / "router/baselines").references()]

    assert found == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_manifest_and_record_tell_the_same_story(name: str) -> None:
    made, record = package(name).manifest.created_from, read_training_record(package(name))

    assert made.feature_schema == FEATURE_SCHEMA
    assert made.environment.threads == 1
    assert made.metrics["states"] == record.chosen_states == len(model(name).labels)
    assert made.metrics["brier"] == record.calibration.reliability.brier  # type: ignore[union-attr]
    assert record.request.start_ns <= made.window_start_ns
    assert made.window_end_ns < record.request.end_ns
    assert record.request.data_origin


@pytest.mark.parametrize("name", NAMES)
def test_regimes_were_chosen_on_held_out_likelihood(name: str) -> None:
    record = read_training_record(package(name))

    best = max(record.candidates, key=lambda one: one.held_out_nats)
    assert best.states == record.chosen_states
    assert best.held_out_nats > record.one_gaussian_nats
    assert all(one.converged for one in record.candidates)


@pytest.mark.parametrize(("name", "last_year"), [("index-daily", 2009), ("fx-intraday", 2013)])
def test_fit_ended_before_what_demo_and_tests_decide(name: str, last_year: int) -> None:
    ended = datetime.fromtimestamp(model(name).end_ns / 1e9, tz=UTC)

    assert ended.year == last_year


@pytest.mark.parametrize("name", NAMES)
def test_declarations_serve_it(name: str) -> None:
    served = [one for one in shipped().instruments if one.router == name]

    rows, _ = parameter_rows(shipped(), {name: model(name)}, [one.symbol for one in served])

    assert len(served) > 0
    assert (rows["regimes"] == len(model(name).labels)).all()


@pytest.mark.parametrize("name", NAMES)
def test_confidence_promises_no_edge_that_was_not_measured(name: str) -> None:
    record = read_training_record(package(name))

    assert record.calibration.origin == "fitted-without-score"
    assert model(name).confidence_score == 0.0
    assert model(name).confidence_cost > 1.0


def test_transfer_to_shorter_samples_is_declared_an_assumption_with_evidence() -> None:
    record = read_training_record(package("fx-intraday"))
    same_scale, minutes = record.evidence

    assert "assumption" in record.request.note
    assert same_scale.start_ns > model("fx-intraday").end_ns
    assert minutes.sampling is not None
    assert minutes.sampling.sample_interval_ms == 60_000
    # Worse than at its own scale, better than without regimes.
    assert minutes.one_gaussian_nats < minutes.model_nats < same_scale.model_nats
