"""Drift measured on recorded markets: nothing is left out, and confidence means what it says."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.clock import HandClock
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.governance.governing import drift_policy
from torghut.composition import deciding
from torghut.drift.verdicts import judge_drift
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.drift.measuring import Measured, WindowAsked, measure
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.replay import replay_log
from torghut.workflows.running.serving import serving_packages

pytestmark = [pytest.mark.data, pytest.mark.timeout(240)]

EUR_AND_NZD = 1_281_352
"""Quotes in the recording: every line, the last of each file too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A recording measured, and what that and deciding it again cost a decision, in CPU."""

    found: Measured
    measuring_us: float
    redeciding_us: float


async def _measured(uri: str) -> Timed:
    log = InMemoryLog(clock=HandClock())
    packages = serving_packages(shipped(), deciding.package_store(), {})
    opened = await open_fold(
        log, Setup(kernel=compiled(), declarations=shipped(), packages=packages)
    )
    source = deciding.source(uri, shipped())
    settings = LoopSettings(batch_records=3500)
    await run_loop(Run(source=source, log=log, fold=opened.fold, settings=settings))
    began = time.process_time()
    found = await measure(log, WindowAsked(subject="recording"), drift_policy())
    ended = time.process_time()
    await replay_log(log, compiled())
    again = time.process_time()
    return Timed(
        found=found,
        measuring_us=(ended - began) * 1e6 / found.decisions,
        redeciding_us=(again - ended) * 1e6 / found.decisions,
    )


@pytest.fixture(scope="module")
def fx(recorded_data: Path) -> Timed:
    return asyncio.run(_measured(f"lean:{recorded_data / 'lean-forex/tick'}"))


def test_every_record_is_counted(fx: Timed) -> None:
    assert fx.found.contexts == EUR_AND_NZD
    assert EUR_AND_NZD - fx.found.decisions == 82_714, "as many have bid above ask"


def test_data_of_a_clean_recording_has_not_drifted(fx: Timed) -> None:
    verdict = judge_drift(fx.found.window, drift_policy())
    data = [one for one in verdict.findings if one.check.startswith("data_")]

    assert {one.status for one in data} == {"stable"}
    assert "unmeasured" not in {one.status for one in verdict.findings}


def test_confidence_is_as_honest_as_the_package_was_published(fx: Timed) -> None:
    reading = fx.found.window.readings["model_calibration_error_exceeded"]
    z, error = fx.found.observations[1], fx.found.observations[2]

    assert reading.samples > 300
    assert reading.value is not None
    assert 0.2 < reading.value < 0.25
    assert not z.beyond, z
    assert (error.reading.value or 1.0) < 0.06


def test_features_of_an_ordinary_week_reach_no_quorum(fx: Timed) -> None:
    features = fx.found.observations[0]

    assert features.reading.samples == 6
    assert not features.beyond, features


def test_measuring_costs_less_than_deciding_again(fx: Timed) -> None:
    assert fx.measuring_us < fx.redeciding_us, fx
