"""A verdict says what drifted, and never takes silence for stability."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from tests.support.governance.governing import BEYOND, DIGEST, drift_policy, drift_window, verdict
from torghut.drift.verdicts import DriftWindow, judge_drift
from torghut.schemas.declarations.safety import DRIFT_CODES, DriftCode
from torghut.schemas.governing.drift import DriftVerdict
from torghut.schemas.governing.fields import Reading, declared_off, reading_of
from torghut.schemas.types import message_digest

LIMITS = {check.code: check.threshold for check in drift_policy().checks}


def code_of(found: DriftVerdict, check: DriftCode) -> str | None:
    """Return the code that ``check`` came to."""
    (finding,) = [one for one in found.findings if one.check == check]
    return finding.code


def test_window_in_which_nothing_happens_is_stable() -> None:
    found = judge_drift(drift_window(), drift_policy())

    assert found.status == "stable"
    assert {finding.code for finding in found.findings} == {None}
    assert found.policy == message_digest(drift_policy())


@pytest.mark.parametrize("check", DRIFT_CODES)
def test_beyond_its_limit_each_check_drifts(check: DriftCode) -> None:
    found = verdict(check)

    assert found.status == "drifted"
    assert [one.code for one in found.findings if one.code] == [check]


@pytest.mark.parametrize("check", DRIFT_CODES)
def test_at_its_limit_no_check_does(check: DriftCode) -> None:
    window = drift_window({check: reading_of(LIMITS[check], samples=1000)})

    assert judge_drift(window, drift_policy()).status == "stable"


@pytest.mark.parametrize("check", DRIFT_CODES)
@pytest.mark.parametrize(
    ("reading", "code"),
    [
        (reading_of(None), "drift_measurement_missing"),
        (reading_of(0.0, samples=0), "drift_measurement_missing"),
        (reading_of(math.nan, samples=1000), "drift_measurement_not_finite"),
        (reading_of(math.inf, samples=1000), "drift_measurement_not_finite"),
    ],
    ids=["none", "no samples", "nan", "infinite"],
)
def test_number_that_is_none_has_a_code_of_its_own(
    check: DriftCode, reading: Reading, code: str
) -> None:
    found = judge_drift(drift_window({check: reading}), drift_policy())

    assert (found.status, code_of(found, check)) == ("unhealthy", code)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        ("data_required_null_rate_exceeded", 1.01),
        ("data_duplicate_ratio_exceeded", -0.01),
        ("data_staleness_p95_exceeded", -1.0),
        ("model_calibration_error_exceeded", 2.0),
    ],
)
def test_impossible_number_is_not_believed(check: DriftCode, value: float) -> None:
    found = judge_drift(drift_window({check: reading_of(value, samples=1000)}), drift_policy())

    assert code_of(found, check) == "drift_measurement_out_of_range"


def test_too_few_samples_say_nothing_whatever_they_say() -> None:
    few = reading_of(0.9, samples=19)

    found = judge_drift(drift_window({"model_calibration_error_exceeded": few}), drift_policy())

    assert code_of(found, "model_calibration_error_exceeded") == "drift_measurement_insufficient"


def test_as_many_samples_as_declared_are_enough() -> None:
    enough = reading_of(0.9, samples=20)

    found = judge_drift(drift_window({"model_calibration_error_exceeded": enough}), drift_policy())

    assert found.status == "drifted"


def test_subsystem_that_is_declared_off_is_not_applicable_and_says_by_what() -> None:
    found = judge_drift(
        drift_window({"model_llm_error_ratio_exceeded": declared_off(DIGEST)}), drift_policy()
    )
    (finding,) = [one for one in found.findings if one.status == "not-applicable"]

    assert found.status == "stable"
    assert (finding.check, finding.declaration) == ("model_llm_error_ratio_exceeded", DIGEST)


def test_window_of_which_nothing_applies_is_not_stable() -> None:
    window = drift_window(dict.fromkeys(DRIFT_CODES, declared_off(DIGEST)))

    assert judge_drift(window, drift_policy()).status == "unhealthy"


def test_empty_window_is_not_stable() -> None:
    window = DriftWindow(subject="run-1", from_ns=0, to_ns=1, readings={})

    assert judge_drift(window, drift_policy()).status == "unhealthy"


def test_drift_outranks_what_was_not_measured() -> None:
    found = verdict("performance_cost_bps_exceeded", missing=["data_duplicate_ratio_exceeded"])

    assert found.status == "drifted"


def test_verdict_that_contradicts_its_findings_is_refused() -> None:
    forged = verdict("performance_drawdown_exceeded").model_dump(mode="json") | {"status": "stable"}

    with pytest.raises(ValidationError, match="the status drifted"):
        DriftVerdict.model_validate(forged)


def test_every_check_is_beyond_its_limit_in_what_tests_call_beyond() -> None:
    assert set(BEYOND) == set(DRIFT_CODES)
