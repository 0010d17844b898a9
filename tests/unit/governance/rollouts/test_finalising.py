"""The rules of runtime governance and rollback proof, as the source document states them."""

from __future__ import annotations

import pytest

from tests.support.lane.rollouts import INCIDENT_PATH, cited, examined, gate_evidence, incident
from torghut.artifacts.errors import ReadFault
from torghut.governance.rollouts.evidence import Content
from torghut.governance.rollouts.finalising import RollbackFacts, judge_rollback, judge_runtime
from torghut.schemas.rollout.run import DriftStatus

DETECTION = gate_evidence("data_staleness_p95_exceeded")


def test_rollback_proof_passes_when_not_triggered_and_leaves_offered_evidence_out() -> None:
    offered = examined(incident())
    judged = judge_rollback(RollbackFacts(triggered=False, incident=offered, detection=offered))

    assert (judged.status, judged.reason) == ("pass", None)
    assert set(dict(judged.evidence).values()) == {None}


def test_rollback_proof_passes_with_evidence_when_triggered() -> None:
    facts = RollbackFacts(
        triggered=True,
        in_force=True,
        incident=examined(incident()),
        detection=examined(DETECTION, "drift/detection-1.json"),
    )
    judged = judge_rollback(facts)

    assert judged.status == "pass"
    assert judged.evidence.rollback_incident_evidence_path == cited(incident(), INCIDENT_PATH)
    assert judged.evidence.drift_last_detection_path is not None


def test_rollback_proof_fails_while_the_rollback_is_not_in_force() -> None:
    judged = judge_rollback(RollbackFacts(triggered=True, incident=examined(incident())))

    assert (judged.status, judged.reason) == ("fail", "rollback-not-in-force")
    assert judged.evidence.rollback_incident_evidence_path == cited(incident(), INCIDENT_PATH)


def test_rollback_proof_fails_without_an_incident_when_triggered() -> None:
    judged = judge_rollback(RollbackFacts(triggered=True))

    assert (judged.status, judged.reason) == ("fail", "incident-missing")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (ReadFault.MISSING, "evidence-missing"),
        (ReadFault.LINKED, "evidence-symlink"),
        (ReadFault.OUTSIDE, "evidence-outside-root"),
        (b"", "evidence-empty"),
        (b"other", "evidence-wrong-digest"),
    ],
    ids=str,
)
def test_rollback_proof_fails_on_evidence_that_is_not_as_cited(found: Content, reason: str) -> None:
    facts = RollbackFacts(triggered=True, incident=examined(incident(), INCIDENT_PATH, found))
    judged = judge_rollback(facts)

    assert (judged.status, judged.reason) == ("fail", reason)
    assert judged.evidence.rollback_incident_evidence_path is None


@pytest.mark.parametrize("stale", [incident(run_id="run-0"), incident(candidate_id="other")])
def test_rollback_proof_fails_on_the_incident_of_another_run(stale: object) -> None:
    assert isinstance(stale, type(incident()))
    judged = judge_rollback(RollbackFacts(triggered=True, incident=examined(stale)))

    assert (judged.status, judged.reason) == ("fail", "evidence-stale")


def test_only_an_incident_proves_a_rollback() -> None:
    judged = judge_rollback(RollbackFacts(triggered=True, incident=examined(DETECTION)))

    assert (judged.status, judged.reason) == ("fail", "evidence-wrong-schema")


def test_anything_offered_that_is_not_as_cited_fails_the_proof() -> None:
    spoilt = examined(DETECTION, "drift/detection-1.json", b"other")
    facts = RollbackFacts(triggered=True, incident=examined(incident()), detection=spoilt)
    judged = judge_rollback(facts)

    assert (judged.status, judged.reason) == ("fail", "evidence-wrong-digest")
    assert judged.evidence.drift_last_detection_path is None


def test_path_that_the_run_cites_with_another_digest_proves_nothing() -> None:
    known = cited(DETECTION, INCIDENT_PATH)
    facts = RollbackFacts(triggered=True, incident=examined(incident()))
    judged = judge_rollback(facts, known=[known])

    assert (judged.status, judged.reason) == ("fail", "evidence-contested")
    assert set(dict(judged.evidence).values()) == {None}


@pytest.mark.parametrize(
    ("drift", "reason"),
    [
        ("stable", None),
        ("detected", "drift-detected"),
        ("unhealthy", "drift-unhealthy"),
        ("cooldown", "drift-cooldown"),
        (None, "drift-not-judged"),
    ],
)
def test_runtime_governance_passes_only_with_stable_drift(
    drift: DriftStatus | None, reason: str | None
) -> None:
    judged = judge_runtime(drift_status=drift, triggered=False)

    assert (judged.status, judged.reason) == ("fail" if reason else "pass", reason)


@pytest.mark.parametrize("drift", ["stable", "detected", None])
def test_runtime_governance_fails_when_a_rollback_is_triggered(drift: DriftStatus | None) -> None:
    judged = judge_runtime(drift_status=drift, triggered=True)

    assert (judged.status, judged.reason) == ("fail", "rollback-triggered")
