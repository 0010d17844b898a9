"""A run's state as the seven phases of its manifest, whole whatever has happened to the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from torghut.governance.rollouts.advising import observed_advice
from torghut.governance.rollouts.judging import PENDING, status_of_gates
from torghut.governance.rollouts.rollout import RolloutState
from torghut.kernel.times import moment
from torghut.schemas.rollout.events import LaneCrashed, RollbackJudged, RuntimeJudged
from torghut.schemas.rollout.gates import EvidenceReference, GateRow, GateStatus
from torghut.schemas.rollout.manifest import Observation, Phase
from torghut.schemas.rollout.phases import (
    LANE_PHASES,
    REQUIRED_GATES,
    ROLLBACK,
    ROLLBACK_GATE,
    RUNTIME,
    RUNTIME_GATE,
    PhaseName,
    Target,
)

NOT_REACHED: Final = "not-reached"
CRASHED: Final = "lane-crashed"
LANE_GATE: Final = "lane_completed"
DRIFT_STATE_GATE: Final = "runtime_drift_stable"


def phases_of(state: RolloutState, target: Target) -> Sequence[Phase]:
    """Return all seven phases of a run that is after ``state``."""
    return [*_lane_phases(state), _runtime_phase(state, target), _rollback_phase(state, target)]


def rollback_of(state: RolloutState) -> RollbackJudged | None:
    """Return what was last said of a rollback; None while nobody has."""
    if state.judged is not None:
        return state.judged.rollback
    return None if state.completed is None else state.completed.rollback


def cited(rollback: RollbackJudged) -> tuple[EvidenceReference, ...]:
    """Return what shows a rollback, by path, each once."""
    evidence = rollback.evidence
    given = (
        evidence.drift_last_detection_path,
        evidence.drift_last_action_path,
        evidence.drift_last_outcome_path,
        evidence.rollback_incident_evidence_path,
    )
    by_path = {one.path: one for one in given if one is not None}
    return tuple(by_path[path] for path in sorted(by_path))


def _lane_phases(state: RolloutState) -> Iterator[Phase]:
    """Yield the lane's phases: as recorded, as broken off, or not reached."""
    recorded = {one.phase: one for one in state.phases}
    for name in LANE_PHASES:
        event = recorded.get(name)
        broken = state.crashed is not None and state.crashed.phase == name
        if broken or event is None:
            rows = _unjudged(name, CRASHED if broken else NOT_REACHED)
            rows = rows if event is None else event.gates
            yield _failed(name, state, rows, state.crashed if broken else None)
        else:
            yield Phase(
                name=name,
                status=event.status,
                timestamp=moment(event.occurred_at_ns),
                slo_gates=event.gates,
                observations=event.observations,
                artifact_refs=event.artifact_refs,
            )


def _failed(
    name: PhaseName, state: RolloutState, rows: tuple[GateRow, ...], crashed: LaneCrashed | None
) -> Phase:
    """Return a phase that failed because the lane never got through with it."""
    observations: Mapping[str, Observation] = {"reason": NOT_REACHED}
    at_ns = state.updated_at_ns
    if crashed is not None:
        rows = (*rows, _counted(LANE_GATE, "runs", 1, CRASHED))
        observations = {"reason": CRASHED, "detail": crashed.detail}
        at_ns = crashed.occurred_at_ns
    return Phase(
        name=name,
        status="fail",
        timestamp=moment(at_ns),
        slo_gates=rows,
        observations=dict(observations),
        artifact_refs=(),
    )


def _runtime_phase(state: RolloutState, target: Target) -> Phase:
    """Return runtime governance: pending until the safety controls have spoken."""
    advice: Mapping[str, Observation] = {}
    if state.judged is None:
        rows: tuple[GateRow, ...] = (_row(RUNTIME_GATE, "not-applicable", PENDING),)
        at_ns, reason = state.updated_at_ns, PENDING
    else:
        runtime = state.judged.runtime
        rows = _runtime_rows(runtime)
        at_ns, reason = state.judged.occurred_at_ns, runtime.reason or ""
        advice = observed_advice(runtime.advice)
    return Phase(
        name=RUNTIME,
        status=status_of_gates(RUNTIME, target, rows),
        timestamp=moment(at_ns),
        slo_gates=rows,
        observations={**({"reason": reason} if reason else {}), **advice},
        artifact_refs=(),
    )


def _runtime_rows(runtime: RuntimeJudged) -> tuple[GateRow, ...]:
    """Return the gates of runtime governance."""
    triggered = _counted(
        RUNTIME_GATE, "rollbacks", int(runtime.rollback_triggered), "rollback-triggered"
    )
    if runtime.drift_status is None:
        return triggered, _row(DRIFT_STATE_GATE, "insufficient", "drift-not-judged")
    unstable = int(runtime.drift_status != "stable")
    return triggered, _counted(
        DRIFT_STATE_GATE, "states", unstable, f"drift-{runtime.drift_status}"
    )


def _rollback_phase(state: RolloutState, target: Target) -> Phase:
    """Return the rollback's proof, by the latch as it was last read."""
    rollback = rollback_of(state)
    if rollback is None:
        rows: tuple[GateRow, ...] = _unjudged(ROLLBACK, NOT_REACHED)
        reason: str | None = NOT_REACHED
    else:
        reason = rollback.reason
        rows = (_counted(ROLLBACK_GATE, "files", int(rollback.status == "fail"), reason or ""),)
    return Phase(
        name=ROLLBACK,
        status=status_of_gates(ROLLBACK, target, rows),
        timestamp=moment(state.updated_at_ns),
        slo_gates=rows,
        observations={"reason": reason} if reason else {},
        artifact_refs=() if rollback is None else cited(rollback),
    )


def _unjudged(name: PhaseName, reason: str) -> tuple[GateRow, ...]:
    """Return the gates that a phase must state, with nothing behind any of them."""
    return tuple(_row(gate, "insufficient", reason) for gate in REQUIRED_GATES[name])


def _row(gate: str, status: GateStatus, reason: str) -> GateRow:
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


def _counted(gate: str, unit: str, amiss: int, reason: str) -> GateRow:
    """Return the row of a gate that passes where nothing is amiss."""
    return GateRow(
        id=gate,
        status="fail" if amiss else "pass",
        value=float(amiss),
        comparator="<=",
        threshold=0.0,
        unit=unit,
        n=1,
        reason=reason if amiss else None,
        evidence=(),
    )
