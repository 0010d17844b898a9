"""The manifest follows from the events, and whoever reads one recomputes what follows."""

from __future__ import annotations

import itertools
import json
from typing import Final

import pytest

from tests.support.lane.rollouts import (
    CANDIDATE,
    RUN_ID,
    START_NS,
    STEP_NS,
    events_of,
    manifest_after,
    plan,
    stated,
    whole_run,
)
from torghut.governance.rollouts.errors import (
    ManifestAlteredError,
    ManifestRefusedError,
    RunNotStartedError,
)
from torghut.governance.rollouts.evidence import INCIDENT_SCHEMA
from torghut.governance.rollouts.manifest import content_hash, manifest_bytes, manifest_of, overdue
from torghut.governance.rollouts.rollout import ROLLOUT, CrashLane, StartRun
from torghut.governance.verification.verifying import read_manifest
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.publish import MODELS, stated_type
from torghut.schemas.rollout.evidence import GateEvidence
from torghut.schemas.rollout.gates import GATE_EVIDENCE
from torghut.schemas.rollout.phases import LANE_PHASES, PHASES, REQUIRED_GATES

TOP_LEVEL: Final = [
    "schema_version",
    "run_id",
    "candidate_id",
    "execution_context",
    "requested_promotion_target",
    "status",
    "phase_count",
    "phase_transitions",
    "phases",
    "runtime_governance",
    "rollback_proof",
    "artifact_refs",
    "slo_contract_version",
    "observation_summary",
]
ADDED: Final = ["created_at", "updated_at", "content_hash"]
WHOLE: Final = manifest_after(whole_run())


def rehashed(document: JsonObject, **fields: object) -> bytes:
    """Return a document with fields changed and a digest that fits."""
    changed = json.loads(json.dumps({**document, **fields}))
    return canonical_bytes({**changed, "content_hash": content_hash(changed)})


def test_manifest_has_every_top_level_field_of_the_contract_and_three_more() -> None:
    assert sorted(stated(WHOLE)) == sorted([*TOP_LEVEL, *ADDED])


def test_manifest_names_what_the_contract_names() -> None:
    document = stated(WHOLE)

    assert document["schema_version"] == "autonomy-phase-manifest-v1"
    assert document["slo_contract_version"] == "governance-slo-v1"
    assert document["execution_context"] == {
        "repository": "torghut",
        "base": "c0ffee1",
        "head": "c0ffee2",
        "artifactPath": "var/autonomy",
        "priorityId": "p1",
    }
    assert (document["run_id"], document["candidate_id"]) == (RUN_ID, CANDIDATE)


def test_phases_are_the_seven_in_the_order_of_the_contract() -> None:
    assert [phase.name for phase in read_manifest(WHOLE).phases] == [
        "gate-evaluation",
        "promotion-prerequisites",
        "rollback-readiness",
        "drift-gate",
        "paper-canary",
        "runtime-governance",
        "rollback-proof",
    ]


def test_every_phase_has_the_payload_of_the_contract_and_its_gates() -> None:
    for phase in read_manifest(WHOLE).phases:
        payload = phase.model_dump(mode="json")
        assert sorted(payload) == sorted(
            ["name", "status", "timestamp", "slo_gates", "observations", "artifact_refs"]
        )
        assert {row.id for row in phase.slo_gates} >= set(REQUIRED_GATES[phase.name])


def test_transitions_are_between_adjacent_phases_with_the_status_of_the_one_reached() -> None:
    manifest = read_manifest(manifest_after(whole_run(drift="detected")))
    shown = [(one.from_, one.to, one.status) for one in manifest.phase_transitions]
    status = {phase.name: phase.status for phase in manifest.phases}

    assert shown == [(one, two, status[two]) for one, two in itertools.pairwise(PHASES)]
    assert ("drift-gate", "paper-canary", "pass") in shown
    assert ("paper-canary", "runtime-governance", "fail") in shown


def test_status_fails_when_any_phase_does() -> None:
    assert read_manifest(WHOLE).status == "pass"
    assert read_manifest(manifest_after(whole_run(drift="unhealthy"))).status == "fail"


def test_digest_is_of_the_canonical_form_without_it() -> None:
    document = stated(WHOLE)
    claimed = document.pop("content_hash")

    assert claimed == sha256_hex(canonical_bytes(json.loads(json.dumps(document))))


def test_manifest_is_not_final_before_the_safety_controls_have_spoken() -> None:
    manifest = read_manifest(manifest_after(whole_run()[:-1]))

    assert manifest.observation_summary.finalised is False
    assert manifest.runtime_governance.status == "skip"
    assert manifest.runtime_governance.reason == "pending"
    assert manifest.rollback_proof.status == "pass"


@pytest.mark.parametrize("done", range(5))
def test_crashed_lane_leaves_a_whole_manifest_that_fails_at_that_phase(done: int) -> None:
    crash = CrashLane(detail="killed by signal 9", at_ns=START_NS + 9 * STEP_NS)
    manifest = read_manifest(manifest_after([*whole_run()[: 1 + done], crash]))
    failed = [phase for phase in manifest.phases if phase.status == "fail"]

    assert manifest.status == "fail"
    assert manifest.observation_summary.lane == "crashed"
    assert failed[0].name == LANE_PHASES[done]
    assert failed[0].observations == {"reason": "lane-crashed", "detail": "killed by signal 9"}


def test_manifest_of_nothing_is_refused() -> None:
    with pytest.raises(RunNotStartedError):
        manifest_of(ROLLOUT.initial)


def test_created_at_is_kept_and_updated_at_goes_on() -> None:
    states = [ROLLOUT.fold(events_of(whole_run())[:count]) for count in range(1, 9)]
    manifests = [manifest_of(state) for state in states]

    assert {one.created_at for one in manifests} == {"2023-11-14T22:13:20Z"}
    assert [one.updated_at for one in manifests] == sorted(one.updated_at for one in manifests)


@pytest.mark.parametrize(
    "fields",
    [{"status": "fail"}, {"phase_count": 6}, {"phase_transitions": []}, {"artifact_refs": []}],
    ids=str,
)
def test_what_follows_is_never_accepted_as_stated(fields: dict[str, object]) -> None:
    with pytest.raises(ManifestRefusedError):
        read_manifest(rehashed(json.loads(WHOLE), **fields))


def test_skipped_is_read_and_skip_is_written() -> None:
    body = manifest_after(whole_run()[:-1])
    document = json.loads(body.replace(b'"skip"', b'"skipped"'))
    manifest = read_manifest(rehashed(document))

    assert b'"skipped"' in rehashed(document)
    assert manifest.phases[5].status == "skip"
    assert b'"skipped"' not in manifest_bytes(manifest)


def test_altered_manifest_is_refused() -> None:
    altered = WHOLE.replace(b"c0ffee1", b"c0ffee9")

    with pytest.raises(ManifestAlteredError):
        read_manifest(altered)


@pytest.mark.parametrize("body", [b"", b"[]", WHOLE[:-1], b'{"a":1,"a":1}', b"{}"])
def test_what_is_no_manifest_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestRefusedError):
        read_manifest(body)


def test_manifest_is_overdue_after_two_of_its_cycles() -> None:
    begun = read_manifest(manifest_after([StartRun(plan=plan(), at_ns=START_NS)]))
    final = read_manifest(WHOLE)

    assert not overdue(begun, START_NS + 120 * STEP_NS)
    assert overdue(begun, START_NS + 120 * STEP_NS + 1)
    assert not overdue(final, START_NS + 10**18)


def test_evidence_of_gates_and_rollbacks_is_called_what_it_states() -> None:
    assert stated_type(GateEvidence) == GATE_EVIDENCE
    assert {GATE_EVIDENCE, INCIDENT_SCHEMA} <= set(MODELS)
