"""Manifests made by somebody who wants a pass: none of them verifies as a signed one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.decisions.declared import ROOT
from tests.support.lane.rollouts import (
    INCIDENT_PATH,
    START_NS,
    STEP_NS,
    SUBJECT,
    evidence_files,
    evidence_path,
    examined,
    file_of,
    gate_evidence,
    incident,
    manifest_after,
    whole_run,
)
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.artifacts.signatures import TrustedKey, fingerprint
from torghut.governance.rollouts.errors import ManifestRefusedError
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.manifest import content_hash
from torghut.governance.verification.checks import Verdict
from torghut.governance.verification.origin import OriginKind, sign_manifest
from torghut.governance.verification.verifying import CHECKS, read_manifest
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode
from torghut.workflows.rollout.checking import check_manifest

Document = dict[str, Any]
Tamper = Callable[[Document], None]

PASS: Final = manifest_after(whole_run())
ROLLED_BACK: Final = manifest_after(
    whole_run(facts=RollbackFacts(triggered=True, in_force=True, incident=examined(incident())))
)
FAILED: Final = manifest_after(whole_run(drift="detected"))
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TRUSTED: Final = TrustedKey(fingerprint=fingerprint(KEY.public_key()), key=KEY.public_key())
ENVELOPE: Final = sign_manifest(read_manifest(PASS), KEY)
NOW_NS: Final = START_NS + 9 * STEP_NS
SIGNALS: Final = evidence_path("slo_signal_count_minimum")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, body in evidence_files().items():
        place = tmp_path / "root" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    return tmp_path / "root"


def check(body: bytes, root: Path, envelope: bytes | None = None, now_ns: int = NOW_NS) -> Verdict:
    """Return what ``body`` is worth to a reader who trusts ``KEY``."""
    store = FolderArtifacts(root)
    return check_manifest(body, store, envelope=envelope, trusted=[TRUSTED], now_ns=now_ns)


def failed(verdict: Verdict) -> list[str]:
    """Return the checks that failed."""
    return [one.name for one in verdict.checks if not one.passed]


def tampered(body: bytes, tamper: Tamper, *, rehashed: bool = True) -> bytes:
    """Return a manifest with something changed, its digest made to fit if so wished."""
    document: Document = copy.deepcopy(dict(json.loads(body)))
    tamper(document)
    if rehashed:
        document["content_hash"] = content_hash(document)
    return canonical_bytes(document)


def test_honest_pass_that_is_signed_is_one(root: Path) -> None:
    verdict = check(PASS, root, ENVELOPE)

    assert (verdict.exit_code, failed(verdict)) == (ExitCode.YES, [])
    assert verdict.origin.kind is OriginKind.SIGNED
    assert {one.name for one in verdict.checks} == set(CHECKS)


def test_honest_pass_that_nobody_signed_is_not_acknowledged(root: Path) -> None:
    verdict = check(PASS, root)

    assert (verdict.exit_code, failed(verdict)) == (ExitCode.NOT_FINAL, [])
    assert verdict.origin.kind is OriginKind.UNSIGNED


def test_honest_fail_is_a_fail(root: Path) -> None:
    verdict = check(FAILED, root)

    assert (verdict.exit_code, failed(verdict)) == (ExitCode.NO, [])


def test_honest_rollback_is_a_fail_with_its_incident(root: Path) -> None:
    verdict = check(ROLLED_BACK, root)

    assert (verdict.exit_code, failed(verdict)) == (ExitCode.NO, [])
    assert INCIDENT_PATH in [one.path for one in read_manifest(ROLLED_BACK).artifact_refs]


def phase(document: Document, name: str) -> Document:
    """Return one phase of a document."""
    found: Document = next(one for one in document["phases"] if one["name"] == name)
    return found


def no_phases(document: Document) -> None:
    document.update(phases=[], phase_count=0, phase_transitions=[], artifact_refs=[])


def no_phases_key(document: Document) -> None:
    del document["phases"]


def duplicate_phase(document: Document) -> None:
    document["phases"][1] = document["phases"][0]


def eighth_phase(document: Document) -> None:
    document["phases"].append(document["phases"][0])


def unknown_phase(document: Document) -> None:
    document["phases"][0]["name"] = "gate-evaluation-2"


def missing_phase(document: Document) -> None:
    del document["phases"][3]


def out_of_order(document: Document) -> None:
    document["phases"][0], document["phases"][1] = document["phases"][1], document["phases"][0]


def failing_gate_inside(document: Document) -> None:
    row = phase(document, "gate-evaluation")["slo_gates"][0]
    row.update(status="fail", reason="below-threshold")


def insufficient_gate_inside(document: Document) -> None:
    row = phase(document, "drift-gate")["slo_gates"][0]
    row.update(status="insufficient", reason="n-below-1500")


def gate_below_its_threshold(document: Document) -> None:
    phase(document, "gate-evaluation")["slo_gates"][0].update(value=0.5)


def gate_without_a_value(document: Document) -> None:
    phase(document, "gate-evaluation")["slo_gates"][0].update(value=None)


def gate_without_evidence(document: Document) -> None:
    phase(document, "gate-evaluation")["slo_gates"][0]["evidence"] = []
    document["artifact_refs"] = [one for one in document["artifact_refs"] if one["path"] != SIGNALS]


def gate_shown_by_something_else(document: Document) -> None:
    cited = phase(document, "gate-evaluation")["slo_gates"][0]["evidence"][0]
    listed = next(one for one in document["artifact_refs"] if one["path"] == SIGNALS)
    for one in (cited, listed):
        one["schema"] = "rollout.rollback-incident.v1"


def gate_left_out(document: Document) -> None:
    del phase(document, "gate-evaluation")["slo_gates"][0]
    document["artifact_refs"] = [one for one in document["artifact_refs"] if one["path"] != SIGNALS]


def no_gates(document: Document) -> None:
    for one in document["phases"]:
        one["slo_gates"] = []
    document["artifact_refs"] = []


def gate_that_does_not_apply(document: Document) -> None:
    row = phase(document, "rollback-readiness")["slo_gates"][0]
    row.update(status="not-applicable", value=None, reason="not-wanted")


def all_skipped(document: Document) -> None:
    for one in document["phases"]:
        one["status"] = "skip"
    for one in document["phase_transitions"]:
        one["status"] = "skip"
    for section in ("runtime_governance", "rollback_proof"):
        document[section]["status"] = "skip"


def canary_skipped_on_paper(document: Document) -> None:
    canary = phase(document, "paper-canary")
    canary["status"] = "skipped"
    canary["slo_gates"][0].update(status="not-applicable", value=None, reason="live-target")
    document["phase_transitions"][3]["status"] = "skip"


def wrong_count(document: Document) -> None:
    document["phase_count"] = 6


def wrong_transition(document: Document) -> None:
    document["phase_transitions"][0]["to"] = "drift-gate"


def reference_left_out(document: Document) -> None:
    document["artifact_refs"].pop()


def unknown_target(document: Document) -> None:
    document["requested_promotion_target"] = "moon"


def empty_run_id(document: Document) -> None:
    document["run_id"] = ""


def another_schema(document: Document) -> None:
    document["schema_version"] = "autonomy-phase-manifest-v2"


def key_too_many(document: Document) -> None:
    document["approved"] = True


def status_unknown(document: Document) -> None:
    document["phases"][0]["status"] = "passed"


def time_of_no_calendar(document: Document) -> None:
    document["updated_at"] = "2023-13-45T99:00:00Z"


def stale_incident(document: Document) -> None:
    document["rollback_proof"]["rollback_incident_evidence_path"] = INCIDENT_PATH


def stale_incident_with_its_digest(document: Document) -> None:
    stale_incident(document)
    cited = json.loads(ROLLED_BACK)["phases"][-1]["artifact_refs"]
    phase(document, "rollback-proof")["artifact_refs"] = cited
    document["artifact_refs"] = sorted(
        [*document["artifact_refs"], *cited], key=lambda one: str(one["path"])
    )


def runtime_that_never_spoke(document: Document) -> None:
    document["runtime_governance"].update(drift_status=None, rollback_triggered=None)


def runtime_still_pending(document: Document) -> None:
    pending = json.loads(manifest_after(whole_run()[:-1]))
    document["phases"][5] = pending["phases"][5]
    document["runtime_governance"] = pending["runtime_governance"]
    document["phase_transitions"][4]["status"] = "skip"


def sections_that_disagree(document: Document) -> None:
    document["rollback_proof"]["rollback_triggered"] = None


CONTRACT: Final[dict[Tamper, str]] = {
    no_phases: "phases",
    no_phases_key: "phases",
    duplicate_phase: "phases",
    eighth_phase: "phases",
    unknown_phase: "phases",
    missing_phase: "phases",
    out_of_order: "phases",
    failing_gate_inside: "gates",
    insufficient_gate_inside: "gates",
    gate_below_its_threshold: "gates",
    gate_without_a_value: "gates",
    gate_without_evidence: "gates",
    gate_left_out: "gates",
    gate_shown_by_something_else: "gates",
    no_gates: "gates",
    gate_that_does_not_apply: "gates",
    all_skipped: "gates",
    canary_skipped_on_paper: "gates",
    runtime_still_pending: "gates",
    wrong_count: "computed",
    wrong_transition: "computed",
    reference_left_out: "computed",
    unknown_target: "schema",
    empty_run_id: "schema",
    another_schema: "schema",
    key_too_many: "schema",
    status_unknown: "schema",
    time_of_no_calendar: "schema",
    stale_incident: "safety",
    stale_incident_with_its_digest: "safety",
    runtime_that_never_spoke: "safety",
    sections_that_disagree: "safety",
}


@pytest.mark.parametrize("tamper", CONTRACT, ids=lambda tamper: tamper.__name__)
def test_manifest_that_breaks_the_contract_is_none(root: Path, tamper: Tamper) -> None:
    verdict = check(tampered(PASS, tamper), root, ENVELOPE)

    assert verdict.exit_code is ExitCode.CONTRACT
    assert CONTRACT[tamper] in failed(verdict)
    assert verdict.origin.kind is OriginKind.FORGED


def forged_status(document: Document) -> None:
    document["status"] = "pass"


def forged_phase(document: Document) -> None:
    forged_status(document)
    phase(document, "runtime-governance")["status"] = "pass"
    document["phase_transitions"][4]["status"] = "pass"


def forged_phase_and_section(document: Document) -> None:
    forged_phase(document)
    phase(document, "runtime-governance")["observations"] = {}
    document["runtime_governance"].update(status="pass", reason=None)


def forged_gate(document: Document) -> None:
    forged_phase_and_section(document)
    row = phase(document, "runtime-governance")["slo_gates"][1]
    row.update(status="pass", value=0.0, reason=None)


@pytest.mark.parametrize(
    "tamper", [forged_status, forged_phase, forged_phase_and_section, forged_gate]
)
def test_fail_does_not_become_a_pass_by_saying_so(root: Path, tamper: Tamper) -> None:
    assert check(tampered(FAILED, tamper), root).exit_code is ExitCode.CONTRACT


def test_fail_rewritten_throughout_without_a_key_is_not_acknowledged(root: Path) -> None:
    def rewrite(document: Document) -> None:
        forged_gate(document)
        document["runtime_governance"]["drift_status"] = "stable"
        document["execution_context"]["head"] = "another"

    body = tampered(FAILED, rewrite)
    unsigned, stolen = check(body, root), check(body, root, ENVELOPE)

    assert (unsigned.exit_code, failed(unsigned)) == (ExitCode.NOT_FINAL, [])
    assert unsigned.origin.kind is OriginKind.UNSIGNED
    assert (stolen.exit_code, stolen.origin.kind) == (ExitCode.INTEGRITY, OriginKind.FORGED)


def test_change_without_a_new_digest_is_seen(root: Path) -> None:
    def touch(document: Document) -> None:
        document["candidate_id"] = "another"

    verdict = check(tampered(PASS, touch, rehashed=False), root)

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert "hash" in failed(verdict)


def test_change_with_a_new_digest_is_seen_by_the_signature(root: Path) -> None:
    def touch(document: Document) -> None:
        document["execution_context"]["head"] = "another"

    verdict = check(tampered(PASS, touch), root, ENVELOPE)

    assert (verdict.exit_code, failed(verdict)) == (ExitCode.INTEGRITY, [])
    assert verdict.origin.kind is OriginKind.FORGED


def test_signature_of_another_key_is_not_the_trusted_one(root: Path) -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    verdict = check(PASS, root, sign_manifest(read_manifest(PASS), other))

    assert verdict.exit_code is ExitCode.NOT_FINAL
    assert verdict.origin.kind is OriginKind.UNANCHORED


def test_signature_in_the_name_of_a_trusted_key_is_forged(root: Path) -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    envelope = json.loads(sign_manifest(read_manifest(PASS), other))
    envelope["signatures"][0]["keyid"] = TRUSTED.fingerprint
    verdict = check(PASS, root, json.dumps(envelope).encode())

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert verdict.origin.kind is OriginKind.FORGED


@pytest.mark.parametrize("envelope", [b"", b"{}", b"[]", b"\xff", ENVELOPE[:-9], b'{"payload":1}'])
def test_envelope_that_is_none_is_not_the_same_as_no_envelope(root: Path, envelope: bytes) -> None:
    verdict = check(PASS, root, envelope)

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert verdict.origin.kind is OriginKind.FORGED


def evidence_missing(root: Path) -> None:
    (root / SIGNALS).unlink()


def evidence_folder_missing(root: Path) -> None:
    (root / SIGNALS).parent.rename(root / "elsewhere")


def evidence_empty(root: Path) -> None:
    (root / SIGNALS).write_bytes(b"")


def evidence_replaced(root: Path) -> None:
    (root / SIGNALS).write_bytes(file_of(gate_evidence("slo_signal_count_minimum", 9.0)))


def evidence_one_byte(root: Path) -> None:
    body = bytearray((root / SIGNALS).read_bytes())
    body[10] ^= 1
    (root / SIGNALS).write_bytes(body)


def evidence_truncated(root: Path) -> None:
    (root / SIGNALS).write_bytes((root / SIGNALS).read_bytes()[:-5])


def evidence_linked(root: Path) -> None:
    (root / SIGNALS).rename(root / "kept.json")
    (root / SIGNALS).symlink_to(root / "kept.json")


def evidence_folder_linked(root: Path) -> None:
    (root / "runs").rename(root.parent / "runs")
    (root / "runs").symlink_to(root.parent / "runs")


def evidence_is_a_folder(root: Path) -> None:
    (root / SIGNALS).unlink()
    (root / SIGNALS).mkdir()


@pytest.mark.parametrize(
    "spoil",
    [
        evidence_missing,
        evidence_folder_missing,
        evidence_empty,
        evidence_replaced,
        evidence_one_byte,
        evidence_truncated,
        evidence_linked,
        evidence_folder_linked,
        evidence_is_a_folder,
    ],
)
def test_evidence_that_is_not_as_cited_spoils_a_signed_pass(
    root: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(root)
    verdict = check(PASS, root, ENVELOPE)

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert set(failed(verdict)) == {"evidence"}
    assert verdict.origin.kind is OriginKind.SIGNED


def cite(body: bytes, **fields: str) -> bytes:
    """Return a pass whose first gate cites something else."""

    def tamper(document: Document) -> None:
        cited = phase(document, "gate-evaluation")["slo_gates"][0]["evidence"][0]
        listed = next(one for one in document["artifact_refs"] if one["path"] == SIGNALS)
        cited.update(fields)
        listed.update(fields)
        document["artifact_refs"].sort(key=lambda one: str(one["path"]))

    return tampered(body, tamper)


@pytest.mark.parametrize("path", ["../outside.json", "/etc/hostname", "runs/../../outside.json"])
def test_evidence_from_outside_the_root_is_not_looked_at(root: Path, path: str) -> None:
    body = (root / SIGNALS).read_bytes()
    (root.parent / "outside.json").write_bytes(body)
    verdict = check(cite(PASS, path=path), root)

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert any("outside-root" in one.says for one in verdict.checks)


SAYS: Final = {
    b"not JSON": "unparsable",
    b'{"a":1,"a":2}': "unparsable",
    b'{"type":"rollout.nothing.v1"}': "unknown-schema",
    b'{"type":"rollout.gate-evidence.v1"}': "wrong-schema",
    file_of(incident()): "wrong-schema",
    file_of(gate_evidence("slo_signal_count_minimum", run_id="run-0")): "stale",
    file_of(gate_evidence("slo_signal_count_minimum", 1.0)): "contradicts",
    file_of(gate_evidence("slo_decision_count_minimum")): "contradicts",
}


@pytest.mark.parametrize("body", SAYS, ids=[f"{n}-{word}" for n, word in enumerate(SAYS.values())])
def test_evidence_that_shows_nothing_of_this_run_is_refused(root: Path, body: bytes) -> None:
    (root / SIGNALS).write_bytes(body)
    verdict = check(cite(PASS, sha256=sha256_hex(body)), root)

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert any(SAYS[body] in one.says for one in verdict.checks)


def test_incident_of_another_run_proves_no_rollback(root: Path) -> None:
    other = file_of(incident(run_id="run-0"))
    (root / INCIDENT_PATH).write_bytes(other)

    def tamper(document: Document) -> None:
        for listed in (
            document["artifact_refs"],
            phase(document, "rollback-proof")["artifact_refs"],
        ):
            next(one for one in listed if one["path"] == INCIDENT_PATH)["sha256"] = sha256_hex(
                other
            )

    verdict = check(tampered(ROLLED_BACK, tamper), root)

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert any("stale" in one.says for one in verdict.checks)


GOLDEN: Final = ROOT / "tests" / "replay" / "golden" / "messages" / "artifacts"
NAMING: Final = [
    (path, field)
    for path in sorted(GOLDEN.rglob("*.json"))
    for field in ("run_id", "candidate_id")
    if {"type", field} <= json.loads(path.read_bytes()).keys()
]
"""Every kind of file that names its run or candidate, and by which key."""


def cites_also(root: Path, message: Document) -> bytes:
    """Return a pass that cites one more file, which says ``message``."""
    body = canonical_bytes(message)
    (root / "shown.json").write_bytes(body)
    cited = {"path": "shown.json", "schema": message["type"], "sha256": sha256_hex(body)}

    def tamper(document: Document) -> None:
        phase(document, "gate-evaluation")["artifact_refs"].append(cited)
        document["artifact_refs"] = sorted(
            [*document["artifact_refs"], cited], key=lambda one: str(one["path"])
        )

    return tampered(PASS, tamper)


@pytest.mark.parametrize(
    ("path", "field"),
    NAMING,
    ids=[f"{path.parent.name}-{path.stem}-{field}" for path, field in NAMING],
)
def test_file_of_another_run_or_candidate_shows_nothing(root: Path, path: Path, field: str) -> None:
    message: Document = json.loads(path.read_bytes())
    own = {"run_id": SUBJECT.run_id, "candidate_id": SUBJECT.candidate_id}
    message.update({key: value for key, value in own.items() if key in message})

    theirs = check(cites_also(root, message), root)
    others = check(cites_also(root, {**message, field: "another"}), root)

    assert failed(theirs) == []
    assert (others.exit_code, failed(others)) == (ExitCode.INTEGRITY, ["evidence"])
    assert any("stale" in one.says for one in others.checks)


@pytest.mark.parametrize("length", [0, 1, 100, len(PASS) // 2, len(PASS) - 1])
def test_truncated_write_is_no_manifest(root: Path, length: int) -> None:
    verdict = check(PASS[:length], root, ENVELOPE)

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert failed(verdict) == ["file"]


def test_manifest_that_is_not_final_is_no_pass(root: Path) -> None:
    body = manifest_after(whole_run()[:-1])
    verdict = check(body, root)

    assert json.loads(body)["status"] == "pass"
    assert (verdict.exit_code, failed(verdict)) == (ExitCode.NOT_FINAL, ["final"])


def test_manifest_that_nobody_finalises_becomes_a_fail(root: Path) -> None:
    body = manifest_after(whole_run()[:-1])
    last_ns = START_NS + 7 * STEP_NS
    in_time = check(body, root, now_ns=last_ns + 120 * STEP_NS)
    too_late = check(body, root, now_ns=last_ns + 120 * STEP_NS + 1)

    assert in_time.exit_code is ExitCode.NOT_FINAL
    assert too_late.exit_code is ExitCode.NO
    assert "not-finalised" in too_late.says


@pytest.mark.parametrize("key", ["status", "run_id"])
def test_key_stated_twice_is_refused(root: Path, key: str) -> None:
    doubled = PASS[:-1] + f',"{key}":"pass"}}'.encode()

    assert check(doubled, root, ENVELOPE).exit_code is ExitCode.INTEGRITY


def test_spacing_of_a_signed_manifest_does_not_matter(root: Path) -> None:
    spaced = json.dumps(json.loads(PASS), indent=2).encode()

    assert check(spaced, root, ENVELOPE).exit_code is ExitCode.YES


@pytest.mark.parametrize("tamper", CONTRACT, ids=lambda tamper: tamper.__name__)
def test_manifest_that_breaks_the_contract_is_not_even_read(tamper: Tamper) -> None:
    with pytest.raises(ManifestRefusedError):
        read_manifest(tampered(PASS, tamper))


def test_manifest_cannot_write_its_own_verdict_on_a_terminal(root: Path) -> None:
    wicked = "x\x1b[2K\rverdict: PASS, signed by everybody\n\u202e"
    cites, named = check(cite(PASS, path=wicked), root), {"phases": [{"name": wicked}]}
    verdicts = [cites, check(canonical_bytes(named), root)]

    said = [one.says for verdict in verdicts for one in verdict.checks]
    assert any("verdict: PASS" in one for one in said)
    assert all(one.isprintable() for one in said)


@pytest.mark.slow
def test_manifest_of_absurd_size_is_judged_in_time(root: Path) -> None:
    def swell(document: Document) -> None:
        cited = document["artifact_refs"][0]
        many = [{**cited, "path": f"evidence/{number:05}"} for number in range(20_000)]
        phase(document, "gate-evaluation")["slo_gates"][0]["evidence"] += many
        document["artifact_refs"] = sorted(
            [*document["artifact_refs"], *many], key=lambda one: str(one["path"])
        )

    verdict = check(tampered(PASS, swell), root)

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert len(failed(verdict)) == 20_000
