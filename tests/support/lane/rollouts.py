"""A candidate's run, made up: its plan, its gates with their evidence, its commands and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from torghut.governance.rollouts.evidence import Content, Examined, Subject, examine
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.manifest import manifest_bytes, manifest_of
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    CompleteLane,
    FinaliseRun,
    ReassessRun,
    RecordPhase,
    RolloutCommand,
    RolloutState,
    StartRun,
    parse_run_plan,
)
from torghut.kernel.canonical import canonical_bytes, parse_json_object
from torghut.kernel.digests import sha256_hex
from torghut.schemas.rollout.events import RolloutEvent
from torghut.schemas.rollout.evidence import GateEvidence, RollbackIncident
from torghut.schemas.rollout.gates import EvidenceReference, GateRow, GateStatus
from torghut.schemas.rollout.phases import LANE_PHASES, REQUIRED_GATES, PhaseName, Target
from torghut.schemas.rollout.run import DriftStatus, RunPlan
from torghut.schemas.types import Message

START_NS: Final = 1_700_000_000_000_000_000
STEP_NS: Final = 1_000_000_000
RUN_ID: Final = "run-1"
CANDIDATE: Final = "router-candidate-1"
SUBJECT: Final = Subject(run_id=RUN_ID, candidate_id=CANDIDATE)
QUIET: Final = RollbackFacts(triggered=False)
INCIDENT_PATH: Final = "incidents/rollback-1.json"


def plan(target: Target = "paper", *, attempt: int = 1, run_id: str = RUN_ID) -> RunPlan:
    """Return what a run is asked for."""
    return parse_run_plan(
        {
            "run_id": run_id,
            "attempt": attempt,
            "candidate_id": CANDIDATE,
            "execution_context": {
                "repository": "torghut",
                "base": "c0ffee1",
                "head": "c0ffee2",
                "artifactPath": "var/autonomy",
                "priorityId": "p1",
            },
            "asked_promotion_target": target,
            "requested_promotion_target": target,
            "missing_for_live": [],
            "cycle_length_s": 60,
        }
    )


def file_of(message: Message) -> bytes:
    """Return a message as it stands in a file."""
    return canonical_bytes(message.model_dump(mode="json"))


def gate_evidence(gate: str, value: float = 5.0, *, run_id: str = RUN_ID) -> GateEvidence:
    """Return what was measured for a gate."""
    return GateEvidence(
        run_id=run_id, gate=gate, value=value, unit="things", n=5, measured_at_ns=START_NS
    )


def evidence_path(gate: str) -> str:
    """Return where the evidence of a gate is."""
    return f"runs/{RUN_ID}/evidence/{gate}.json"


def cited(message: Message, path: str) -> EvidenceReference:
    """Return the reference to a message at ``path``."""
    stated = str(message.model_dump()["type"])
    return EvidenceReference(path=path, sha256=sha256_hex(file_of(message)), schema=stated)


def row(gate: str, value: float = 5.0, *, least: float = 1.0) -> GateRow:
    """Return the row of a gate that wants ``least`` and got ``value``, with its evidence."""
    passed = value >= least
    return GateRow(
        id=gate,
        status="pass" if passed else "fail",
        value=value,
        comparator=">=",
        threshold=least,
        unit="things",
        n=5,
        reason=None if passed else "below-threshold",
        evidence=(cited(gate_evidence(gate, value), evidence_path(gate)),),
    )


def unmeasured(gate: str, status: GateStatus, reason: str) -> GateRow:
    """Return the row of a gate that nothing was measured for."""
    return GateRow(
        id=gate,
        status=status,
        value=None,
        comparator=None,
        threshold=None,
        unit=None,
        n=None,
        reason=reason,
        evidence=(),
    )


def record(phase: PhaseName, *rows: GateRow) -> RecordPhase:
    """Return the command that records a phase; its gates pass unless others are given."""
    gates = rows or tuple(row(gate) for gate in REQUIRED_GATES[phase])
    at_ns = START_NS + (1 + LANE_PHASES.index(phase)) * STEP_NS
    return RecordPhase(phase=phase, gates=gates, at_ns=at_ns)


def incident(*, run_id: str = RUN_ID, candidate_id: str = CANDIDATE) -> RollbackIncident:
    """Return the evidence of a rollback."""
    return RollbackIncident(
        incident_id="incident-1",
        run_id=run_id,
        candidate_id=candidate_id,
        reasons=("performance-drawdown-exceeded",),
        triggered_at_ns=START_NS,
    )


def examined(message: Message, path: str = INCIDENT_PATH, found: Content | None = None) -> Examined:
    """Return what is to be thought of a message at ``path``, if ``found`` is what is there."""
    there = file_of(message) if found is None else found
    return examine(cited(message, path), there, SUBJECT)


def finalise(facts: RollbackFacts = QUIET, drift: DriftStatus | None = "stable") -> FinaliseRun:
    """Return the command that finalises a run."""
    return FinaliseRun(drift_status=drift, rollback=facts, at_ns=START_NS + 8 * STEP_NS)


def reassess(
    facts: RollbackFacts = QUIET, drift: DriftStatus | None = "stable", *, late: int = 1
) -> ReassessRun:
    """Return the command of a later cycle."""
    at_ns = START_NS + (8 + late) * STEP_NS
    return ReassessRun(drift_status=drift, rollback=facts, at_ns=at_ns)


def whole_run(
    *,
    target: Target = "paper",
    changed: Mapping[PhaseName, Sequence[GateRow]] | None = None,
    facts: RollbackFacts = QUIET,
    drift: DriftStatus | None = "stable",
    attempt: int = 1,
) -> list[RolloutCommand]:
    """Return the commands of a run from start to end.

    Args:
        target: That is asked and requested.
        changed: Gates of some phases in place of passing ones.
        facts: What is known of a rollback, for the lane and at the end.
        drift: What the drift policy came to.
        attempt: How often its inputs were run.
    """
    gates = changed or {}
    return [
        StartRun(plan=plan(target, attempt=attempt), at_ns=START_NS),
        *(record(phase, *gates.get(phase, ())) for phase in LANE_PHASES),
        CompleteLane(rollback=facts, at_ns=START_NS + 7 * STEP_NS),
        finalise(facts, drift),
    ]


def events_of(commands: Sequence[RolloutCommand]) -> list[RolloutEvent]:
    """Return the events that commands cause, one after the other."""
    state, events = ROLLOUT.initial, list[RolloutEvent]()
    for command in commands:
        for event in ROLLOUT.decide(command, state):
            events.append(event)
            state = ROLLOUT.evolve(state, event)
    return events


def run_after(commands: Sequence[RolloutCommand]) -> RolloutState:
    """Return what a run has come to after commands."""
    return ROLLOUT.fold(events_of(commands))


def manifest_after(commands: Sequence[RolloutCommand]) -> bytes:
    """Return the manifest's file after commands."""
    return manifest_bytes(manifest_of(run_after(commands)))


def stated(body: bytes) -> dict[str, object]:
    """Return a manifest as a document that can be tampered with."""
    return cast("dict[str, object]", parse_json_object(body))


def evidence_files() -> dict[str, bytes]:
    """Return every file that a whole run cites, and an incident."""
    gates = [gate for phase in LANE_PHASES for gate in REQUIRED_GATES[phase]]
    files = {evidence_path(gate): file_of(gate_evidence(gate)) for gate in gates}
    return {**files, INCIDENT_PATH: file_of(incident())}
