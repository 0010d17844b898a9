"""A candidate's rollout: in order, once, fail closed."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from tests.support.governance.spec import Spec
from tests.support.lane.rollouts import (
    QUIET,
    START_NS,
    events_of,
    evidence_path,
    examined,
    finalise,
    incident,
    plan,
    record,
    row,
    unmeasured,
    whole_run,
)
from torghut.governance.rollouts.errors import (
    GateMissingError,
    GateRefusedError,
    LaneEndedError,
    LaneNotEndedError,
    PhaseAlreadyRecordedError,
    PhaseOutOfOrderError,
    RunAlreadyStartedError,
    RunFinalisedError,
    RunNotStartedError,
    RunRefusedError,
)
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    CompleteLane,
    CrashLane,
    RolloutCommand,
    StartRun,
    parse_run_plan,
)
from torghut.kernel.canonical import JsonObject
from torghut.schemas.rollout.events import (
    LaneCrashed,
    PhaseRecorded,
    RunFinalised,
    RunStarted,
)
from torghut.schemas.rollout.gates import EvidenceReference, GateRow
from torghut.schemas.rollout.phases import CANARY_GATE, DRIFT_GATE, LANE_PHASES, PhaseName

rollout = Spec(ROLLOUT)
WHOLE = events_of(whole_run())
STARTED = WHOLE[:1]
RECORDED = WHOLE[:6]
COMPLETED = WHOLE[:7]
CRASH = CrashLane(detail="killed", at_ns=START_NS + 1)


def recorded(phase: PhaseName, *rows: GateRow, target_live: bool = False) -> PhaseRecorded:
    """Return the event that recording ``phase`` in its turn causes."""
    commands = whole_run(target="live" if target_live else "paper", changed={phase: rows})
    event = events_of(commands)[1 + LANE_PHASES.index(phase)]
    assert isinstance(event, PhaseRecorded)
    return event


def test_run_starts() -> None:
    events = rollout.given().when(StartRun(plan=plan(), at_ns=START_NS))

    assert events == [RunStarted(plan=plan(), occurred_at_ns=START_NS)]


def test_whole_run_records_five_phases_and_is_final() -> None:
    phases = [event.phase for event in WHOLE if isinstance(event, PhaseRecorded)]

    assert phases == list(LANE_PHASES)
    assert isinstance(WHOLE[-1], RunFinalised)
    assert len(WHOLE) == 8


def named(command: RolloutCommand) -> str:
    """Return a command's name for a test."""
    return getattr(command, "phase", type(command).__name__)


@pytest.mark.parametrize("command", whole_run(), ids=named)
def test_command_delivered_again_changes_nothing(command: RolloutCommand) -> None:
    later = replace(command, at_ns=command.at_ns + 99)

    assert rollout.given(*WHOLE).when(later) == []


@pytest.mark.parametrize("command", [*whole_run()[1:], CRASH], ids=named)
def test_nothing_is_asked_of_a_run_that_never_started(command: RolloutCommand) -> None:
    with pytest.raises(RunNotStartedError):
        rollout.given().when(command)


def test_run_is_not_started_again_with_another_plan() -> None:
    with pytest.raises(RunAlreadyStartedError):
        rollout.given(*STARTED).when(StartRun(plan=plan("live"), at_ns=START_NS))


def test_phase_out_of_order_is_refused() -> None:
    with pytest.raises(PhaseOutOfOrderError) as caught:
        rollout.given(*STARTED).when(record("drift-gate"))

    assert (caught.value.expected, caught.value.found) == ("gate-evaluation", "drift-gate")


def test_unknown_phase_is_refused() -> None:
    unknown = replace(record("gate-evaluation"), phase=cast("PhaseName", "victory"))

    with pytest.raises(PhaseOutOfOrderError):
        rollout.given(*STARTED).when(unknown)


@pytest.mark.parametrize("phase", ["runtime-governance", "rollback-proof"])
def test_lane_does_not_record_what_the_safety_controls_judge(phase: PhaseName) -> None:
    asked = replace(record("gate-evaluation"), phase=phase)

    with pytest.raises(LaneEndedError):
        rollout.given(*RECORDED).when(asked)


def test_phase_is_not_recorded_again_with_other_content() -> None:
    again = record("gate-evaluation", *(row(g, 0.0) for g in ("slo_signal_count_minimum",)))

    with pytest.raises(PhaseAlreadyRecordedError):
        rollout.given(*WHOLE[:3]).when(again)


def test_phase_without_gates_is_refused() -> None:
    bare = replace(record("gate-evaluation"), gates=())

    with pytest.raises(GateMissingError):
        rollout.given(*STARTED).when(bare)


def test_phase_must_state_each_of_its_slo_gates() -> None:
    one = record("gate-evaluation", row("slo_signal_count_minimum"), row("other"))

    with pytest.raises(GateMissingError) as caught:
        rollout.given(*STARTED).when(one)

    assert caught.value.gate == "slo_decision_count_minimum"


def test_failing_gate_fails_the_phase_whatever_the_others_say() -> None:
    gates = (row("slo_signal_count_minimum"), row("slo_decision_count_minimum"), row("more", 0.0))

    assert recorded("gate-evaluation", *gates).status == "fail"


def test_insufficient_gate_fails_the_phase() -> None:
    gates = (
        row("slo_signal_count_minimum"),
        unmeasured("slo_decision_count_minimum", "insufficient", "n-below-1500"),
    )

    assert recorded("gate-evaluation", *gates).status == "fail"


def test_missing_patch_fails_for_paper_and_is_skipped_for_live() -> None:
    missing = row(CANARY_GATE, 0.0)
    exempt = unmeasured(CANARY_GATE, "not-applicable", "live-target")

    assert recorded("paper-canary", missing).status == "fail"
    assert recorded("paper-canary", exempt).status == "fail"
    assert recorded("paper-canary", exempt, target_live=True).status == "skip"


def test_drift_declared_off_needs_the_declaration() -> None:
    off = unmeasured(DRIFT_GATE, "not-applicable", "drift-off")
    declared = off.evidence + row(DRIFT_GATE).evidence
    cites = GateRow(**{**off.model_dump(), "evidence": declared})

    with pytest.raises(GateRefusedError):
        recorded("drift-gate", off)
    assert recorded("drift-gate", cites).status == "pass"


def changed(**fields: object) -> GateRow:
    """Return a passing row with some fields changed."""
    body = {**row("slo_signal_count_minimum").model_dump(mode="json"), **fields}
    return GateRow.model_validate(body)


@pytest.mark.parametrize(
    "refused",
    [
        changed(value=0.5),
        changed(value=None),
        changed(threshold=None),
        changed(comparator=None),
        changed(evidence=[]),
        changed(status="fail"),
        changed(status="insufficient"),
        changed(status="not-applicable", reason="not-wanted"),
        changed(status="not-applicable", value=None, reason="not-wanted"),
        changed(evidence=[{"path": "../x.json", "sha256": "0" * 64, "schema": "x"}]),
        changed(evidence=[{"path": "/etc/x", "sha256": "0" * 64, "schema": "x"}]),
    ],
    ids=str,
)
def test_row_that_contradicts_itself_is_refused(refused: GateRow) -> None:
    asked = record("gate-evaluation", refused, row("slo_decision_count_minimum"))

    with pytest.raises(GateRefusedError):
        rollout.given(*STARTED).when(asked)


def test_gate_stated_twice_is_refused() -> None:
    gates = ("slo_signal_count_minimum", "slo_decision_count_minimum", "slo_signal_count_minimum")

    with pytest.raises(GateRefusedError):
        rollout.given(*STARTED).when(record("gate-evaluation", *map(row, gates)))


def test_file_cited_under_two_digests_is_refused() -> None:
    other = EvidenceReference(
        path=evidence_path("slo_signal_count_minimum"), sha256="0" * 64, schema="x"
    )
    asked = replace(record("gate-evaluation"), artifact_refs=(other,))

    with pytest.raises(GateRefusedError):
        rollout.given(*STARTED).when(asked)


def test_lane_completes_only_with_all_its_phases() -> None:
    with pytest.raises(LaneNotEndedError):
        rollout.given(*WHOLE[:5]).when(CompleteLane(rollback=QUIET, at_ns=START_NS))


@pytest.mark.parametrize("done", range(6))
def test_lane_crashes_at_the_phase_it_was_at(done: int) -> None:
    events = rollout.given(*WHOLE[: 1 + done]).when(CRASH)

    assert isinstance(events[0], LaneCrashed)
    assert events[0].phase == LANE_PHASES[min(done, 4)]


def test_crashed_lane_goes_on_with_nothing_and_crashes_once() -> None:
    crashed = [*STARTED, *rollout.given(*STARTED).when(CRASH)]

    assert rollout.given(*crashed).when(CRASH) == []
    with pytest.raises(LaneEndedError):
        rollout.given(*crashed).when(record("gate-evaluation"))
    with pytest.raises(LaneEndedError):
        rollout.given(*crashed).when(CompleteLane(rollback=QUIET, at_ns=START_NS))


def test_completed_lane_does_not_crash_any_more() -> None:
    with pytest.raises(LaneEndedError):
        rollout.given(*COMPLETED).when(CRASH)


@pytest.mark.parametrize("detail", ["", "x" * 10_000, "lone \ud800 half", "\x00"])
def test_crash_is_recorded_whatever_is_known_of_it(detail: str) -> None:
    events = rollout.given(*STARTED).when(CrashLane(detail=detail, at_ns=START_NS))

    assert isinstance(events[0], LaneCrashed)
    assert events[0].model_dump_json()


def test_run_is_final_only_after_its_lane() -> None:
    with pytest.raises(LaneNotEndedError):
        rollout.given(*RECORDED).when(finalise())


def test_final_run_takes_no_other_verdict() -> None:
    with pytest.raises(RunFinalisedError):
        rollout.given(*WHOLE).when(finalise(drift="detected"))


def test_clock_set_back_does_not_turn_events_round() -> None:
    early = replace(record("gate-evaluation"), at_ns=5)

    assert rollout.given(*STARTED).when(early)[0].occurred_at_ns == START_NS


def test_incident_of_a_rollback_is_kept_by_the_run() -> None:
    facts = RollbackFacts(triggered=True, in_force=True, incident=examined(incident()))
    event = rollout.given(*COMPLETED).when(finalise(facts))[0]

    assert isinstance(event, RunFinalised)
    assert (event.runtime.status, event.rollback.status) == ("fail", "pass")


@pytest.mark.parametrize(
    "fields",
    [
        {"run_id": ""},
        {"run_id": "a/b"},
        {"candidate_id": ""},
        {"requested_promotion_target": "moon"},
        {"asked_promotion_target": "paper", "requested_promotion_target": "live"},
        {"asked_promotion_target": "live", "requested_promotion_target": "paper"},
        {"missing_for_live": ["approval-missing"]},
        {"attempt": 0},
        {"cycle_length_s": 0},
        {"surprise": 1},
    ],
    ids=str,
)
def test_plan_that_does_not_fit_is_refused(fields: JsonObject) -> None:
    whole = plan().model_dump(mode="json")

    with pytest.raises(RunRefusedError):
        parse_run_plan({**whole, **fields})


def test_target_lowered_to_paper_says_what_was_missing() -> None:
    lowered = {
        **plan().model_dump(mode="json"),
        "asked_promotion_target": "live",
        "missing_for_live": ["approval-missing"],
    }

    assert parse_run_plan(lowered).missing_for_live == ("approval-missing",)
