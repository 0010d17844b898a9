"""A candidate's rollout as a decider: one run, phase by phase, never a pass with a failing gate.

Commands may be delivered twice: what is asked again word for word causes nothing, and anything
else in its place is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, assert_never

from pydantic import ValidationError

from torghut.eventlog.decider import Decider
from torghut.eventlog.envelopes import Envelope, read_event
from torghut.governance.rollouts.errors import (
    GateMissingError,
    GateRefusedError,
    LaneEndedError,
    LaneNotEndedError,
    PhaseAlreadyRecordedError,
    PhaseOutOfOrderError,
    RunAlreadyStartedError,
    RunFinalisedError,
    RunNotFinalError,
    RunNotStartedError,
    RunRefusedError,
)
from torghut.governance.rollouts.finalising import RollbackFacts, judge_rollback, judge_runtime
from torghut.governance.rollouts.judging import (
    digest_faults,
    gate_faults,
    missing_gates,
    outside_faults,
    status_of_gates,
)
from torghut.kernel.canonical import JsonObject
from torghut.schemas.rollout.events import (
    DETAIL_LETTERS,
    ROLLOUT_EVENT,
    LaneCompleted,
    LaneCrashed,
    PhaseRecorded,
    RolloutEvent,
    RunFinalised,
    RunReassessed,
    RunStarted,
    RuntimeAdvice,
    RuntimeJudged,
)
from torghut.schemas.rollout.gates import EvidenceReference, GateRow
from torghut.schemas.rollout.manifest import Observation
from torghut.schemas.rollout.phases import LANE_PHASES, PhaseName
from torghut.schemas.rollout.run import DriftStatus, RunPlan
from torghut.schemas.types import first_problem


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    """Begin to work on a candidate."""

    plan: RunPlan
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPhase:
    """Record what a phase came to; its status follows from its gates."""

    phase: PhaseName
    gates: tuple[GateRow, ...]
    at_ns: int
    observations: Mapping[str, Observation] = field(default_factory=dict)
    artifact_refs: tuple[EvidenceReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteLane:
    """End the lane after its last phase, with what the rollback latch says."""

    rollback: RollbackFacts
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashLane:
    """Record that the lane will not go on; whatever is known of it will do as detail."""

    detail: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinaliseRun:
    """Record what the safety controls say, after those of the same cycle have run."""

    drift_status: DriftStatus | None
    rollback: RollbackFacts
    at_ns: int
    advice: RuntimeAdvice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassessRun:
    """Record what the safety controls of a later cycle say, if it is something else."""

    drift_status: DriftStatus | None
    rollback: RollbackFacts
    at_ns: int
    advice: RuntimeAdvice | None = None


RolloutCommand: TypeAlias = (
    StartRun | RecordPhase | CompleteLane | CrashLane | FinaliseRun | ReassessRun
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutState:
    """What has happened to a run so far.

    Attributes:
        started: How it began; None before.
        phases: As recorded, in the order recorded.
        crashed: Where the lane ended in the middle.
        completed: How it ended as it should.
        finalised: What the safety controls came to, in the cycle that made the run final.
        reassessed: What they came to later; None while that is the same.
        updated_at_ns: When the last of it happened.
    """

    started: RunStarted | None = None
    phases: tuple[PhaseRecorded, ...] = ()
    crashed: LaneCrashed | None = None
    completed: LaneCompleted | None = None
    finalised: RunFinalised | None = None
    reassessed: RunReassessed | None = None
    updated_at_ns: int = 0

    @property
    def due(self) -> PhaseName | None:
        """The phase to be recorded next; None where all of the lane's are."""
        return LANE_PHASES[len(self.phases)] if len(self.phases) < len(LANE_PHASES) else None

    @property
    def judged(self) -> RunFinalised | RunReassessed | None:
        """What the safety controls said last; None while they have not."""
        return self.reassessed or self.finalised

    @property
    def cited(self) -> Sequence[EvidenceReference]:
        """Everything that the lane has cited so far."""
        return [one for done in self.phases for one in _cited(done.gates, done.artifact_refs)]

    @property
    def ended(self) -> str:
        """How the lane ended, in a word; empty while it is at work."""
        if self.crashed is not None:
            return "crashed"
        return "completed" if self.completed is not None else ""


def parse_run_plan(stated: JsonObject) -> RunPlan:
    """Return the plan that ``stated`` is.

    Raises:
        RunRefusedError: It is none.
    """
    try:
        return RunPlan.model_validate(stated)
    except ValidationError as error:
        first = first_problem(error)
        raise RunRefusedError(found=f"{first.at('the plan')}, found {first.found!r}") from error


def decide(command: RolloutCommand, state: RolloutState) -> Sequence[RolloutEvent]:
    """Return the events that ``command`` causes in ``state``.

    Raises:
        RunNotStartedError: Nothing was started.
        RunAlreadyStartedError: It was, with another plan.
        PhaseOutOfOrderError: Another phase is due.
        PhaseAlreadyRecordedError: The phase was recorded with other content.
        GateMissingError: The phase does not state a gate that it must.
        GateRefusedError: A row contradicts itself.
        LaneEndedError: The lane is over.
        LaneNotEndedError: It is not.
        RunFinalisedError: The run is final, and says otherwise.
        RunNotFinalError: It is not final, and was to be looked at again.
    """
    at_ns = max(command.at_ns, state.updated_at_ns)
    if isinstance(command, StartRun):
        return _start(command, state, at_ns)
    if state.started is None:
        raise RunNotStartedError
    match command:
        case RecordPhase():
            return _record(command, state, state.started, at_ns)
        case CompleteLane():
            return _complete(command, state, at_ns)
        case CrashLane():
            return _crash(command, state, at_ns)
        case FinaliseRun():
            return _finalise(command, state, at_ns)
        case ReassessRun():
            return _reassess(command, state, at_ns)
        case _:
            assert_never(command)


def _start(command: StartRun, state: RolloutState, at_ns: int) -> Sequence[RolloutEvent]:
    """Begin, once."""
    if state.started is None:
        return [RunStarted(plan=command.plan, occurred_at_ns=at_ns)]
    if state.started.plan != command.plan:
        raise RunAlreadyStartedError(run_id=state.started.plan.run_id)
    return []


def _record(
    command: RecordPhase, state: RolloutState, started: RunStarted, at_ns: int
) -> Sequence[RolloutEvent]:
    """Record a phase if it is due and its rows are whole."""
    before = next((one for one in state.phases if one.phase == command.phase), None)
    if before is None:
        _check_due(command, state)
    target = started.plan.requested_promotion_target
    event = PhaseRecorded(
        phase=command.phase,
        status=status_of_gates(command.phase, target, command.gates),
        gates=command.gates,
        observations=dict(command.observations),
        artifact_refs=command.artifact_refs,
        occurred_at_ns=at_ns,
    )
    if before is not None:
        if _content(before) != _content(event):
            raise PhaseAlreadyRecordedError(phase=command.phase)
        return []
    _check_rows(command, state)
    return [event]


def _check_rows(command: RecordPhase, state: RolloutState) -> None:
    """Refuse a phase whose rows are not whole, or cite what nobody may cite."""
    for gate in missing_gates(command.phase, command.gates):
        raise GateMissingError(phase=command.phase, gate=gate)
    own = _cited(command.gates, command.artifact_refs)
    faults = (
        *gate_faults(command.phase, command.gates),
        *outside_faults(own),
        *digest_faults([*state.cited, *own]),
    )
    for fault in faults:
        raise GateRefusedError(phase=command.phase, reason=fault)


def _cited(
    gates: Sequence[GateRow], references: Sequence[EvidenceReference]
) -> Sequence[EvidenceReference]:
    """Return everything that a phase cites."""
    return [*references, *(one for row in gates for one in row.evidence)]


def _check_due(command: RecordPhase, state: RolloutState) -> None:
    """Refuse a phase that is not the next one."""
    if state.ended or state.due is None:
        raise LaneEndedError(how=state.ended or "recorded all its phases")
    if command.phase != state.due:
        raise PhaseOutOfOrderError(expected=state.due, found=command.phase)


def _content(event: PhaseRecorded) -> JsonObject:
    """Return what was recorded, whenever that was."""
    content: JsonObject = event.model_dump(mode="json", exclude={"occurred_at_ns"})
    return content


def _complete(command: CompleteLane, state: RolloutState, at_ns: int) -> Sequence[RolloutEvent]:
    """End the lane, once all its phases are recorded."""
    rollback = judge_rollback(command.rollback, known=state.cited)
    if state.completed is not None and state.completed.rollback == rollback:
        return []
    if state.ended:
        raise LaneEndedError(how=state.ended)
    if state.due is not None:
        raise LaneNotEndedError(due=state.due)
    return [LaneCompleted(rollback=rollback, occurred_at_ns=at_ns)]


def _crash(command: CrashLane, state: RolloutState, at_ns: int) -> Sequence[RolloutEvent]:
    """Note where the lane broke off; who finds it broken off already has nothing to add."""
    if state.crashed is not None:
        return []
    if state.completed is not None:
        raise LaneEndedError(how=state.ended)
    broken_off = state.due or LANE_PHASES[-1]
    detail = command.detail[:DETAIL_LETTERS].encode(errors="replace").decode()
    return [LaneCrashed(phase=broken_off, detail=detail, occurred_at_ns=at_ns)]


def _finalise(command: FinaliseRun, state: RolloutState, at_ns: int) -> Sequence[RolloutEvent]:
    """Take what the safety controls say, once the lane has ended."""
    if not state.ended:
        raise LaneNotEndedError(due=state.due or "to complete the lane")
    event = RunFinalised(
        runtime=_runtime(command),
        rollback=judge_rollback(command.rollback, known=state.cited),
        occurred_at_ns=at_ns,
    )
    if state.finalised is None:
        return [event]
    said = (state.finalised.runtime, state.finalised.rollback)
    if said != (event.runtime, event.rollback):
        raise RunFinalisedError
    return []


def _reassess(command: ReassessRun, state: RolloutState, at_ns: int) -> Sequence[RolloutEvent]:
    """Take what the safety controls say now, where it is not what they said last."""
    if state.judged is None or state.started is None:
        raise RunNotFinalError(run_id="" if state.started is None else state.started.plan.run_id)
    runtime = _runtime(command)
    rollback = judge_rollback(command.rollback, known=state.cited)
    if (state.judged.runtime, state.judged.rollback) == (runtime, rollback):
        return []
    return [RunReassessed(runtime=runtime, rollback=rollback, occurred_at_ns=at_ns)]


def _runtime(command: FinaliseRun | ReassessRun) -> RuntimeJudged:
    """Return what the runtime-governance rule comes to."""
    return judge_runtime(
        drift_status=command.drift_status,
        triggered=command.rollback.triggered,
        advice=command.advice,
    )


def evolve(state: RolloutState, event: RolloutEvent) -> RolloutState:
    """Return ``state`` after ``event``; never raises for a recorded event."""
    now = replace(state, updated_at_ns=event.occurred_at_ns)
    match event:
        case RunStarted():
            return replace(now, started=event)
        case PhaseRecorded():
            return replace(now, phases=(*state.phases, event))
        case LaneCrashed():
            return replace(now, crashed=event)
        case LaneCompleted():
            return replace(now, completed=event)
        case RunFinalised():
            return replace(now, finalised=event)
        case RunReassessed():
            return replace(now, reassessed=event)
        case _:
            assert_never(event)


ROLLOUT: Final[Decider[RolloutCommand, RolloutEvent, RolloutState]] = Decider(
    initial=RolloutState(), decide=decide, evolve=evolve
)


def rollout_stream(run_id: str, attempt: int = 1) -> str:
    """Return the stream of a run's attempt.

    Example:
        >>> rollout_stream("r1"), rollout_stream("r1", 2)
        ('rollout-r1', 'rollout-r1:2')
    """
    return f"rollout-{run_id}" if attempt == 1 else f"rollout-{run_id}:{attempt}"


def read_rollout_event(envelope: Envelope) -> RolloutEvent:
    """Return the event in ``envelope``.

    Raises:
        EventUnreadableError: It is none of a rollout.
    """
    return read_event(envelope, ROLLOUT_EVENT, {})
