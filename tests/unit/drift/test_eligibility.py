"""Only fresh, stable and complete evidence of the same candidate counts for live money."""

from __future__ import annotations

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.governance.governing import SECOND_NS, drift_policy
from tests.support.lane.drifting import END_NS, detected, detection_at, measured
from tests.support.lane.rollouts import CANDIDATE, RUN_ID
from torghut.drift.eligibility import Ineligible, ineligible
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.schemas.governing.drift_evidence import DriftDetection
from torghut.schemas.governing.fields import reading_of
from torghut.workflows.drift.evidence import About
from torghut.workflows.drift.measuring import Measured

POLICY = drift_policy()
MAX_NS = 1800 * SECOND_NS


def detection(
    found: Measured | None = None, *, candidate: str = CANDIDATE, at_ns: int = END_NS
) -> DriftDetection:
    """Return a detection, kept and read again."""
    store = InMemoryArtifacts()
    about = About(run_id=RUN_ID, candidate_id=candidate)
    return detection_at(store, detected(store, found, about=about, at_ns=at_ns))


def found(one: DriftDetection | None, now_ns: int = END_NS) -> Ineligible | None:
    """Return why it does not count for the candidate of these tests."""
    return ineligible(one, candidate_id=CANDIDATE, policy=POLICY, now_ns=now_ns)


def test_fresh_stable_evidence_counts_until_it_is_half_an_hour_old() -> None:
    assert found(detection()) is None
    assert found(detection(), END_NS + MAX_NS) is None
    assert found(detection(), END_NS + MAX_NS + 1) is Ineligible.STALE


def test_old_window_measured_anew_is_old() -> None:
    late_ns = END_NS + MAX_NS + SECOND_NS

    assert found(detection(at_ns=late_ns), late_ns) is Ineligible.STALE


def test_none_is_missing() -> None:
    assert found(None) is Ineligible.MISSING


def test_of_another_candidate_it_says_nothing() -> None:
    assert found(detection(candidate="other")) is Ineligible.OF_ANOTHER_CANDIDATE


def test_under_another_policy_it_says_nothing() -> None:
    other = DriftPolicy.model_validate(
        {**dict(POLICY), "why": "Because other limits were agreed on."}
    )

    answer = ineligible(detection(), candidate_id=CANDIDATE, policy=other, now_ns=END_NS)

    assert answer is Ineligible.OF_ANOTHER_POLICY


@pytest.mark.parametrize("at_ns", [END_NS, END_NS + SECOND_NS])
def test_from_the_future_it_is_not_believed(at_ns: int) -> None:
    assert found(detection(at_ns=at_ns), END_NS - 1) is Ineligible.FUTURE
    assert found(detection(at_ns=END_NS + 1), END_NS) is Ineligible.FUTURE


def test_drift_is_not_stable_and_outranks_what_is_unmeasured() -> None:
    drifted = measured({"performance_drawdown_exceeded": reading_of(0.09, samples=990)})
    both = measured(
        {
            "performance_drawdown_exceeded": reading_of(0.09, samples=990),
            "performance_cost_bps_exceeded": reading_of(None),
        }
    )

    assert found(detection(drifted)) is Ineligible.NOT_STABLE
    assert found(detection(both)) is Ineligible.NOT_STABLE


@pytest.mark.parametrize("value", [None, float("nan")])
def test_one_check_that_was_not_measured_is_enough(value: float | None) -> None:
    unmeasured = measured({"data_staleness_p95_exceeded": reading_of(value, samples=1000)})

    assert found(detection(unmeasured)) is Ineligible.UNMEASURED


def test_half_an_hour_is_what_is_declared() -> None:
    assert POLICY.evidence_max_age_ms == 1_800_000
