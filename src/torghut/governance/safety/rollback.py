"""A run's rollback: its clock from detection to drained, and the proof that it really happened.

Without a rollback the proof passes and cites nothing, whatever is offered. With one it passes only
when the incident's evidence was found as it was written, nothing offered beside it was found
altered, and the first decisions after the switch were all made by what it goes back to. The rule is
the manifest's own; here it is kept on record each time that it is applied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.governance.rollouts.evidence import Examined
from torghut.governance.rollouts.finalising import (
    NO_INCIDENT,
    NOT_IN_FORCE,
    RollbackFacts,
    judge_rollback,
)
from torghut.governance.safety.errors import RollbackNotEffectiveError, RollbackStepError
from torghut.governance.safety.ordering import is_again
from torghut.schemas.declarations.safety import RollbackPolicy
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.governing.rollback import (
    EvidenceName,
    ProofJudged,
    ProofReason,
    RollbackDrained,
    RollbackEffective,
    RollbackEvent,
    RollbackSuperseded,
    RollbackSwitched,
    RollbackTriggered,
)

OWED: Final[EvidenceName] = "rollback_incident_evidence_path"
_REASONS: Final[Mapping[str, ProofReason]] = MappingProxyType(
    {NO_INCIDENT: "evidence-missing", NOT_IN_FORCE: "not-effective"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRollback:
    """Go back; while a rollback is under way, another cause changes nothing."""

    run_id: str
    cause: Literal["stop-latch", "drift", "person"]
    cause_id: str
    goes_back_to: str | None
    detected_at_ns: int
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchBack:
    """Say that the control record that goes back is durable."""

    control_id: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmEffective:
    """Say who made the first decisions after the switch.

    Attributes:
        by: The package digest of each, in their order; None for one made without a package.
    """

    by: Sequence[str | None]
    at_ns: int
    policy: RollbackPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmDrained:
    """Say that nothing of what went is left."""

    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SupersedeRollback:
    """Say that a rollback that has not switched is not to be done any more."""

    reason: Literal["stop-over", "not-serving"]
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeProof:
    """Say what the phase shows.

    Attributes:
        judgement: One more than the last; the last one again changes nothing.
        offered: Evidence as it was examined just now.
    """

    run_id: str
    judgement: int
    offered: Mapping[EvidenceName, Examined]
    at_ns: int


RollbackCommand: TypeAlias = (
    TriggerRollback
    | SwitchBack
    | ConfirmEffective
    | ConfirmDrained
    | SupersedeRollback
    | JudgeProof
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackState:
    """What the events of a run's rollback come to.

    Attributes:
        triggered: The rollback that is under way, or was the last; None: there was none.
        switched: Its switch, once it is durable; likewise what follows.
        superseded: Why it never will; it is over.
        causes: Every cause that has had its rollback.
    """

    triggered: RollbackTriggered | None = None
    switched: RollbackSwitched | None = None
    effective: RollbackEffective | None = None
    drained: RollbackDrained | None = None
    superseded: RollbackSuperseded | None = None
    judged: ProofJudged | None = None
    causes: frozenset[str] = frozenset()
    time_ns: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing is left to do of it."""
        return self.drained is not None or self.superseded is not None


def _decide(command: RollbackCommand, state: RollbackState) -> Sequence[RollbackEvent]:
    match command:
        case TriggerRollback():
            return _trigger(command, state)
        case SwitchBack():
            return _switch(command, state)
        case ConfirmEffective():
            return _confirm(command, state)
        case ConfirmDrained():
            return _drain(command, state)
        case SupersedeRollback():
            return _supersede(command, state)
        case JudgeProof():
            return _judge(command, state)
        case _:
            assert_never(command)


def _trigger(command: TriggerRollback, state: RollbackState) -> Sequence[RollbackEvent]:
    """Return the rollback, unless one is under way or this cause has had its own."""
    before = state.triggered
    if before is not None and (not state.over or command.cause_id in state.causes):
        return []
    at_ns = max(command.at_ns, state.time_ns)
    return [
        RollbackTriggered(
            number=1 if before is None else before.number + 1,
            run_id=command.run_id,
            cause=command.cause,
            cause_id=command.cause_id,
            goes_back_to=command.goes_back_to,
            detected_at_ns=min(command.detected_at_ns, at_ns),
            at_ns=at_ns,
        )
    ]


def _switch(command: SwitchBack, state: RollbackState) -> Sequence[RollbackEvent]:
    """Return the switch, once."""
    if state.triggered is None:
        raise RollbackStepError(expected="a rollback that is triggered", found="none")
    if state.switched is not None or state.superseded is not None:
        return []
    return [
        RollbackSwitched(
            number=state.triggered.number,
            control_id=command.control_id,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _confirm(command: ConfirmEffective, state: RollbackState) -> Sequence[RollbackEvent]:
    """Return that the rollback is in force, if enough decisions show it.

    Raises:
        RollbackNotEffectiveError: Too few do, or one does not.
    """
    triggered = state.triggered
    if triggered is None or state.switched is None:
        raise RollbackStepError(expected="a rollback that has switched", found="none")
    if state.effective is not None:
        return []
    first = tuple(command.by[: command.policy.proving_decisions])
    right = sum(digest == triggered.goes_back_to for digest in first)
    if right < command.policy.proving_decisions:
        raise RollbackNotEffectiveError(
            expected=command.policy.proving_decisions, found=right, of=len(first)
        )
    at_ns = max(command.at_ns, state.time_ns)
    return [
        RollbackEffective(
            number=triggered.number,
            decisions=right,
            recovery_ns=at_ns - triggered.detected_at_ns,
            at_ns=at_ns,
        )
    ]


def _drain(command: ConfirmDrained, state: RollbackState) -> Sequence[RollbackEvent]:
    """Return that nothing is left, once the rollback is in force."""
    if state.triggered is None or state.effective is None:
        raise RollbackStepError(expected="a rollback that is in force", found="none")
    if state.drained is not None:
        return []
    return [RollbackDrained(number=state.triggered.number, at_ns=max(command.at_ns, state.time_ns))]


def _supersede(command: SupersedeRollback, state: RollbackState) -> Sequence[RollbackEvent]:
    """Return that a rollback is over without having been; one that has switched goes on."""
    if state.triggered is None:
        raise RollbackStepError(expected="a rollback that is triggered", found="none")
    if state.switched is not None or state.superseded is not None:
        return []
    return [
        RollbackSuperseded(
            number=state.triggered.number,
            reason=command.reason,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _judge(command: JudgeProof, state: RollbackState) -> Sequence[RollbackEvent]:
    """Return what the phase shows; the last judgement again changes nothing."""
    judged = _judged(command, state)
    last = state.judged
    number = last.judgement if last is not None else 0
    same = last is not None and _content(last) == _content(judged)
    again = is_again("proof judgement", last=number, found=command.judgement, same=same)
    return [] if again else [judged]


def _content(judged: ProofJudged) -> object:
    """Return what a judgement says, whenever it says it."""
    return judged.run_id, judged.number, judged.reason, judged.evidence, judged.recovery_ns


def _judged(command: JudgeProof, state: RollbackState) -> ProofJudged:
    """Return the judgement on ``state`` with what is offered."""
    triggered = state.triggered
    reason = _reason(facts_of(state, command.offered))
    return ProofJudged(
        run_id=command.run_id,
        judgement=command.judgement,
        number=0 if triggered is None else triggered.number,
        triggered=triggered is not None,
        status="pass" if reason in {"not-triggered", "proven"} else "fail",
        reason=reason,
        evidence={} if triggered is None else _verified(command.offered),
        recovery_ns=state.effective.recovery_ns if state.effective is not None else None,
        at_ns=max(command.at_ns, state.time_ns),
    )


def facts_of(state: RollbackState, offered: Mapping[EvidenceName, Examined]) -> RollbackFacts:
    """Return what is known of a rollback, with the evidence that is ``offered`` for it."""
    return RollbackFacts(
        triggered=state.triggered is not None,
        in_force=state.effective is not None,
        incident=offered.get(OWED),
        detection=offered.get("drift_last_detection_path"),
        action=offered.get("drift_last_action_path"),
        outcome=offered.get("drift_last_outcome_path"),
    )


def _reason(facts: RollbackFacts) -> ProofReason:
    """Return why the proof passes or fails, in this stream's words."""
    if not facts.triggered:
        return "not-triggered"
    reason = judge_rollback(facts).reason
    return "proven" if reason is None else _REASONS.get(reason, "evidence-unverified")


def _verified(offered: Mapping[EvidenceName, Examined]) -> dict[EvidenceName, Evidence]:
    """Return what was found as it was written, by name."""
    return {
        name: Evidence(path=one.reference.path, sha256=one.reference.sha256)
        for name, one in sorted(offered.items())
        if one.fault is None
    }


def _evolve(state: RollbackState, event: RollbackEvent) -> RollbackState:
    time_ns = max(state.time_ns, event.at_ns)
    match event:
        case RollbackTriggered():
            return RollbackState(
                triggered=event,
                judged=state.judged,
                causes=state.causes | {event.cause_id},
                time_ns=time_ns,
            )
        case RollbackSwitched():
            return replace(state, switched=event, time_ns=time_ns)
        case RollbackEffective():
            return replace(state, effective=event, time_ns=time_ns)
        case RollbackDrained():
            return replace(state, drained=event, time_ns=time_ns)
        case RollbackSuperseded():
            return replace(state, superseded=event, time_ns=time_ns)
        case ProofJudged():
            return replace(state, judged=event, time_ns=time_ns)
        case _:
            assert_never(event)


ROLLBACK: Final[Decider[RollbackCommand, RollbackEvent, RollbackState]] = Decider(
    initial=RollbackState(), decide=_decide, evolve=_evolve
)
