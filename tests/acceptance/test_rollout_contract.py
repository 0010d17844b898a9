"""The rollout contract of the source document, sentence by sentence, each test named after its own.

``seeds/004`` is the document; what it leaves open is decided in the design's section on the phase
manifest. Sentences on things that are not built stand in ``governance/roadmaps/rollout.yaml``.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import pytest

from tests.architecture.tree import ROOT, modules, tracked_texts
from tests.fakes.clock import SteppingClock
from tests.fakes.governance import lane_commands
from tests.support.decisions.reporting import Feed, fresh_fold
from tests.support.lane.lanes import LaneWorld, evaluated, made_run, package_trial, run_trial
from tests.support.lane.planted import market, regimes
from tests.support.lane.rollouts import (
    INCIDENT_PATH,
    evidence_files,
    examined,
    incident,
    manifest_after,
    plan,
    record,
    row,
    stated,
    unmeasured,
    whole_run,
)
from tests.support.scheduling.governed import OWN, Desk
from torghut.governance.notes.note import note_path, read_note
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.rollout import RecordPhase, StartRun
from torghut.governance.verification.verifying import read_manifest
from torghut.kernel.digests import sha256_hex
from torghut.schemas.control import RouterModeChanged
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.rollout.phases import LANE_PHASES, REQUIRED_GATES, PhaseName, Target
from torghut.schemas.rollout.run import DriftStatus
from torghut.settings import read_settings
from torghut.workflows.lane.stages import chain_faults
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.switches.rehearsing import Stage, rehearse

NOTE: Final = re.compile(r"(^|/)notes/iteration-\d+\.md$", re.ASCII)
FIELDS: Final = (
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
)
ORDER: Final[tuple[PhaseName, ...]] = (
    "gate-evaluation",
    "promotion-prerequisites",
    "rollback-readiness",
    "drift-gate",
    "paper-canary",
    "runtime-governance",
    "rollback-proof",
)


def document(**how: object) -> dict[str, object]:
    """Return the manifest of a whole run as JSON says it."""
    return stated(manifest_after(whole_run(**how)))  # type: ignore[arg-type]


def manifest(**how: object) -> PhaseManifest:
    """Return the manifest of a whole run."""
    return read_manifest(manifest_after(whole_run(**how)))  # type: ignore[arg-type]


def ran(*, target: Target = "paper") -> Desk:
    """Return a desk whose cycle has run a candidate's lane."""
    desk = Desk(signed=True)
    commands = list(lane_commands())
    commands[0] = StartRun(plan=plan(target), at_ns=0)
    desk.lane.waiting.append(commands)
    desk.cycle()
    return desk


# Autonomous rollout contract


def test_pipeline_produces_a_single_canonical_phase_manifest_at_its_path() -> None:
    desk = ran()

    assert CURRENT == "rollout/phase-manifest.json"
    assert desk.manifest().run_id == "run-1"
    assert desk.store.names("rollout") == ["phase-manifest.json"]


def test_every_manifest_must_include_all_of_these_top_level_fields() -> None:
    crashed = stated(manifest_after(whole_run()[:2]))

    for found in (document(), document(drift="detected"), crashed):
        assert set(FIELDS) <= set(found)


def test_schema_version_is_autonomy_phase_manifest_v1() -> None:
    assert document()["schema_version"] == "autonomy-phase-manifest-v1"


def test_execution_context_names_repository_base_head_artifact_path_and_priority_id() -> None:
    context = cast("dict[str, object]", document()["execution_context"])

    assert set(context) == {"repository", "base", "head", "artifactPath", "priorityId"}


@pytest.mark.parametrize("target", ["paper", "live"])
def test_requested_promotion_target_is_paper_or_live(target: Target) -> None:
    assert document(target=target)["requested_promotion_target"] == target


def test_status_is_pass_or_fail() -> None:
    assert (document()["status"], document(drift="unhealthy")["status"]) == ("pass", "fail")


def test_slo_contract_version_is_governance_slo_v1() -> None:
    assert document()["slo_contract_version"] == "governance-slo-v1"


def test_phase_order_is_fixed_and_authoritative_for_every_manifest() -> None:
    for count in range(1, len(whole_run()) + 1):
        found = read_manifest(manifest_after(whole_run()[:count]))
        assert tuple(phase.name for phase in found.phases) == ORDER


def test_every_phase_payload_includes_its_fields_and_one_of_the_statuses() -> None:
    for phase in cast("list[dict[str, object]]", document(target="live")["phases"]):
        assert set(phase) == {
            "name",
            "status",
            "timestamp",
            "slo_gates",
            "observations",
            "artifact_refs",
        }
        assert phase["status"] in {"pass", "fail", "skip"}


def test_skipped_is_read_as_skip() -> None:
    body = manifest_after(whole_run()[:-1])
    assert b'"status":"skip"' in body
    skipped = stated(body)
    for phase in cast("list[dict[str, object]]", skipped["phases"]):
        if phase["status"] == "skip":
            phase["status"] = "skipped"

    found = PhaseManifest.model_validate_json(json.dumps(skipped))

    assert found.phases == read_manifest(body).phases


def test_phase_transitions_derive_only_from_the_phase_list_between_each_adjacent_phase() -> None:
    found = manifest(drift="detected")

    assert [(one.from_, one.to) for one in found.phase_transitions] == list(
        itertools.pairwise(ORDER)
    )
    assert found.phase_count == len(ORDER)


# SLO gate requirements


@pytest.mark.parametrize(
    ("phase", "gates"),
    [
        ("gate-evaluation", {"slo_signal_count_minimum", "slo_decision_count_minimum"}),
        ("promotion-prerequisites", {"slo_required_artifacts_present"}),
        ("rollback-readiness", {"slo_required_rollback_checks_present"}),
        ("drift-gate", {"slo_drift_gate_allowed"}),
        ("paper-canary", {"slo_paper_canary_patch_present"}),
        ("runtime-governance", {"slo_runtime_rollback_not_triggered"}),
        ("rollback-proof", {"slo_rollback_evidence_required_when_triggered"}),
    ],
)
def test_each_phase_must_declare_its_slo_checks(phase: PhaseName, gates: set[str]) -> None:
    assert set(REQUIRED_GATES[phase]) == gates
    found = next(one for one in manifest().phases if one.name == phase)

    assert gates <= {one.id for one in found.slo_gates}


def test_gate_evaluation_also_has_promotion_gate_derived_status_checks() -> None:
    gates = [row(gate) for gate in REQUIRED_GATES["gate-evaluation"]]
    worse = row("gate_edge_over_champion", 0.0)
    found = manifest(changed={"gate-evaluation": [*gates, worse]})

    assert found.phases[0].status == "fail"


@pytest.mark.parametrize("phase", ORDER[:5])
def test_manifest_status_is_fail_when_any_phase_is_not_pass_or_skip(phase: PhaseName) -> None:
    bad = [unmeasured(gate, "fail", "because") for gate in REQUIRED_GATES[phase]]
    found = manifest(changed={phase: bad})

    assert found.status == "fail"
    assert [one.name for one in found.phases if one.status == "fail"] == [phase]


def failed_at(phase: PhaseName) -> PhaseManifest:
    """Return the manifest of a run in which ``phase`` failed."""
    if phase == "runtime-governance":
        return manifest(drift="detected")
    if phase == "rollback-proof":
        return manifest(facts=RollbackFacts(triggered=True, in_force=True))
    bad = [unmeasured(gate, "fail", "because") for gate in REQUIRED_GATES[phase]]
    return manifest(changed={phase: bad})


@pytest.mark.parametrize("phase", ORDER)
def test_transitions_preserve_the_same_failure_state(phase: PhaseName) -> None:
    found = failed_at(phase)
    reached = {one.to: one.status for one in found.phase_transitions}

    assert found.phases[ORDER.index(phase)].status == "fail"
    assert reached == {one.name: one.status for one in found.phases[1:]}
    # No transition leads to the first phase: its failure shows in the manifest's own status.
    assert reached.get(phase, found.status) == "fail"
    assert found.status == "fail"


def test_transition_preserves_the_failure_of_a_canary_that_the_lane_itself_ran() -> None:
    found = made_run(LaneWorld(), evaluated(verdict="no-op", reason="not-better")).manifest

    reached = {one.to: one.status for one in found.phase_transitions}
    assert found.phases[0].status == "fail"
    assert reached["paper-canary"] == "fail"
    assert reached["drift-gate"] == "pass"


# Rollout execution flow


def calls(of: str) -> list[tuple[str, str, str]]:
    """Return every call of ``of``: in which module, in which function, and how it is written."""
    return sorted(
        (module.place.removeprefix("src/torghut/"), function.name, ast.unparse(node))
        for module in modules()
        if f"{of}(" in module.text
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == of
    )


def test_run_autonomous_lane_is_the_single_phase_manifest_producer() -> None:
    lane = ("workflows/lane/running.py", "run_autonomous_lane")
    adopting = ("workflows/lane/desk/adopting.py", "_ensure_ended")

    assert [one[:2] for one in calls("RecordPhase")] == [lane]
    # A run whose process is gone is begun once more only in order to be ended as crashed.
    assert [one[:2] for one in calls("StartRun")] == [adopting, lane]
    assert adopting in [one[:2] for one in calls("CrashLane")]


def test_current_manifest_is_written_by_those_who_publish_a_run_and_by_nobody_else() -> None:
    written = [one for verb in ("create", "replace") for one in calls(verb)]
    publishing = ("workflows/rollout/publishing.py", "publish_run")
    scheduler = ("workflows/scheduling/steps/manifests.py", "publish")

    assert [one[:2] for one in written if "CURRENT" in one[2] or "phase-manifest" in one[2]] == [
        publishing,
        scheduler,
    ]
    assert {one[:2] for one in calls("publish_run")} == {
        ("workflows/lane/desk/adopting.py", "end_broken"),
        ("workflows/lane/running.py", "record"),
        scheduler,
    }


def test_scheduler_appends_runtime_governance_and_rollback_proof_after_the_drift_policy() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.meter.drift("data_duplicate_ratio_exceeded")
    desk.cycle()
    lane = desk.manifest("runs/run-1/rollout/phase-manifest.lane.json")
    final = desk.manifest(OWN)

    assert lane.runtime_governance.reason == "pending"
    assert not lane.observation_summary.finalised
    assert final.runtime_governance.drift_status == "detected"
    assert final.rollback_proof.rollback_triggered is False


@pytest.mark.parametrize(
    "outcome", ["lane_completed", "lane_execution_failed", "blocked_no_signal"]
)
def test_scheduler_publishes_a_notes_artifact_on_every_cycle_and_records_its_outcome(
    outcome: str,
) -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    silent = outcome == "blocked_no_signal"
    desk.lane.breaks_after = 2 if outcome == "lane_execution_failed" else None
    desk.cycle(**({"no_signal": "source-silent", "signals": 0} if silent else {}))

    assert read_note(desk.store.read(note_path(1))).outcome == outcome


def test_note_records_reason_manifest_path_evidence_throughput_and_trace_identifiers() -> None:
    desk = ran()
    note = desk.cycle(lag_ms=reading_of(600_000.0))

    assert note.reason == "no-candidate-waiting"
    assert note.phase_manifest is not None
    assert note.phase_manifest.path == OWN
    assert note.emergency_stop_evidence is not None
    assert note.rollback_evidence is not None
    assert (note.throughput.signals, note.throughput.decisions) == (100, 99)
    assert note.recommendation_trace_ids == ()
    assert read_note(desk.store.read(note_path(1))).recommendation_trace_ids == ("ab" * 32,)


# Canary and rollback-proof controls


@pytest.mark.parametrize(("target", "status"), [("paper", "fail"), ("live", "skip")])
def test_missing_patch_fails_a_paper_target_and_skips_a_live_one(
    target: Target, status: str
) -> None:
    missing = unmeasured(
        "slo_paper_canary_patch_present",
        "not-applicable" if target == "live" else "fail",
        "live-target" if target == "live" else "strategy-patch-missing",
    )
    found = manifest(target=target, changed={"paper-canary": [missing]})

    assert found.phases[4].status == status


def test_canary_completion_path_is_captured_in_phase_artifact_references() -> None:
    path = "runs/run-1/strategy-patch.json"
    commands = list(whole_run())
    place = next(n for n, one in enumerate(commands) if getattr(one, "phase", "") == "paper-canary")
    canary = record("paper-canary")
    patch = replace(canary, artifact_refs=(examined(incident(), path).reference,))
    assert isinstance(patch, RecordPhase)
    commands[place] = patch
    found = read_manifest(manifest_after(commands))

    assert [one.path for one in found.phases[4].artifact_refs] == [path]
    assert path in [one.path for one in found.artifact_refs]


@pytest.mark.parametrize("drift", ["detected", "unhealthy", "cooldown"])
def test_runtime_governance_fails_when_drift_state_is_unhealthy(drift: DriftStatus) -> None:
    assert manifest(drift=drift).runtime_governance.status == "fail"


def test_runtime_governance_fails_when_the_rollback_policy_is_triggered() -> None:
    desk = ran()
    desk.cycle(lag_ms=reading_of(600_000.0))

    assert desk.manifest().runtime_governance.status == "fail"


def test_rollback_proof_is_pass_when_not_rollback_triggered() -> None:
    assert manifest().rollback_proof.status == "pass"


def test_rollback_proof_is_pass_only_when_evidence_exists_if_rollback_is_triggered() -> None:
    proven = RollbackFacts(triggered=True, in_force=True, incident=examined(incident()))
    missing = RollbackFacts(triggered=True, in_force=True)

    assert manifest(facts=proven).rollback_proof.status == "pass"
    assert manifest(facts=missing).rollback_proof.status == "fail"


def test_rollback_evidence_is_referenced_by_its_four_paths() -> None:
    facts = RollbackFacts(
        triggered=True,
        in_force=True,
        incident=examined(incident()),
        detection=examined(incident(), "drift/detection.json"),
        action=examined(incident(), "drift/action.json"),
        outcome=examined(incident(), "drift/outcome.json"),
    )
    proof = manifest(facts=facts).rollback_proof

    assert proof.drift_last_detection_path == "drift/detection.json"
    assert proof.drift_last_action_path == "drift/action.json"
    assert proof.drift_last_outcome_path == "drift/outcome.json"
    assert proof.rollback_incident_evidence_path == INCIDENT_PATH
    assert INCIDENT_PATH in evidence_files()


# Per-iteration notes artifact


def test_each_scheduler_cycle_writes_an_evidence_notes_file_at_its_path() -> None:
    desk = Desk()
    desk.cycle()
    desk.cycle()

    assert desk.store.names("notes") == ["iteration-1.md", "iteration-2.md"]


def test_artifact_path_is_the_setting_trading_autonomy_artifact_dir(tmp_path: Path) -> None:
    found = read_settings({"TORGHUT_ARTIFACT_DIR": str(tmp_path)})

    assert found.trading_autonomy_artifact_dir == tmp_path


def test_n_increments_from_the_existing_highest_iteration_file() -> None:
    desk = Desk()
    desk.store.create("notes/iteration-7.md", b"older")

    assert desk.cycle().iteration == 8


def test_notes_are_append_only_per_cycle() -> None:
    desk = Desk()
    desk.cycle()
    first = desk.store.read(note_path(1))
    desk.cycle()

    assert desk.store.read(note_path(1)) == first


def test_notes_must_remain_uncommitted_in_source_control(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    place = read_settings({}).trading_autonomy_artifact_dir / note_path(1)
    ignored = subprocess.run(
        ["git", "check-ignore", "--quiet", str(place)],  # noqa: S607
        cwd=ROOT,
        check=False,
    )

    assert place.is_relative_to(ROOT)
    assert ignored.returncode == 0
    assert [name for name, _ in tracked_texts() if NOTE.search(name)] == []
    assert NOTE.search(note_path(1))


# Evaluation and data integrity


def test_benchmark_is_reproduced_and_its_lineage_captured() -> None:
    world, champion = LaneWorld(), regimes()
    result = run_trial(world, market(), champion, package_trial(champion))
    folder = f"runs/{result.ended.run_id}"
    rows = {one.id: one for one in result.manifest.phases[0].slo_gates}
    inputs = sha256_hex(world.files.read(f"{folder}/inputs.json"))

    assert rows["gate_reproducibility"].status == "pass"
    assert list(chain_faults(world.files, folder, inputs, len(LANE_PHASES))) == []


# Rollback controls: the hard rollback switches


@pytest.mark.parametrize(
    "switch",
    ["deterministic-only", "defensive-weights", "revert-packages", "last-stable-revision"],
    ids=[
        "disable DSPy path and force deterministic-only advisory fallback",
        "disable regime-adaptive routing and use defensive weights",
        "revert to prior promoted artifacts",
        "roll back to last stable revision",
    ],
)
def test_hard_rollback_switch_is_in_force_from_the_first_decision(switch: SwitchName) -> None:
    feed = Feed(fold=fresh_fold())
    feed.take(RouterModeChanged(control_id="m", mode="live"))
    stage = Stage(fold=feed.fold, head="ab" * 32, contexts=feed.batch([1.0] * 30), revision="r1")
    found = {one.name: one for one in rehearse(stage, SteppingClock()).rehearsals}

    assert found[switch].in_force
    assert found[switch].decisions_until_in_force == 0
