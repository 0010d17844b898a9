"""The stop latch: closes on declared triggers, stays closed until it recovers or people open it.

Every evaluation is an event, so streaks and the latch itself are a fold. Lag and staleness recover
after enough clean evaluations in a row, if nothing else was ever added to the incident. Everything
else waits for a release, which names the incident and every trigger of it; once the incident has
been seen in live mode, a second person with another key must say the same in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.governance.safety.breaches import RECOVERING, judge
from torghut.governance.safety.errors import (
    IncidentMismatchError,
    NotStoppedError,
    SecondPersonNeededError,
    TriggersUnacknowledgedError,
)
from torghut.governance.safety.ordering import is_again
from torghut.governance.safety.reasons import reason_text
from torghut.governance.safety.stopping import Incident, LatchState, evolve
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.safety import SafetyPolicy
from torghut.schemas.governing.fields import Person
from torghut.schemas.governing.latch import (
    IncidentExtended,
    LatchEvent,
    LoopRecovered,
    LoopReleased,
    LoopStopped,
    ReleaseRequested,
    SafetyEvaluated,
    SafetyReadings,
    StopIncident,
    Trigger,
)
from torghut.schemas.types import message_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSafety:
    """Judge one cycle's readings.

    Attributes:
        latch: Names this latch among all; it enters every incident's id.
        evaluation: One more than the last; the last one again changes nothing.
        at_ns: Receive clock.
    """

    latch: str
    evaluation: int
    at_ns: int
    readings: SafetyReadings
    policy: SafetyPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLoop:
    """Open the latch; ``triggers`` are those that ``person`` has seen and answers for."""

    incident_id: str
    triggers: frozenset[Trigger]
    person: Person
    reason: str
    at_ns: int
    policy: SafetyPolicy


LatchCommand: TypeAlias = EvaluateSafety | ReleaseLoop


def incident_bytes(evaluated: SafetyEvaluated, *, latch: str, incident: Incident) -> bytes:
    """Return the evidence file of an incident as it stands after ``evaluated``."""
    file = StopIncident(
        incident_id=incident.incident_id,
        latch=latch,
        extension=incident.extension,
        triggers=tuple(sorted(incident.triggers)),
        evaluated=evaluated,
    )
    return canonical_bytes(file.model_dump(mode="json"))


def incident_path(incident: Incident) -> str:
    """Return where the evidence file of an incident is, below the artifact root."""
    return f"incidents/{incident.incident_id}-{incident.extension}.json"


def _decide(command: LatchCommand, state: LatchState) -> Sequence[LatchEvent]:
    match command:
        case EvaluateSafety():
            return _evaluate(command, state)
        case ReleaseLoop():
            return _release(command, state)
        case _:
            assert_never(command)


def _evaluate(command: EvaluateSafety, state: LatchState) -> Sequence[LatchEvent]:
    """Return the evaluation, and what it does to the latch."""
    if _is_repeated(command, state):
        return []
    judged = judge(command.readings, state.streaks, command.policy.stop)
    evaluated = SafetyEvaluated(
        evaluation=command.evaluation,
        at_ns=max(command.at_ns, state.time_ns),
        policy=message_digest(command.policy),
        readings=command.readings,
        breaches=judged.breaches,
        staleness_streak=judged.streaks.stale,
        lane_failure_streak=judged.streaks.lane_failed,
        clean_streak=judged.streaks.clean,
    )
    return [evaluated, *_consequences(command, evolve(state, evaluated), evaluated)]


def _is_repeated(command: EvaluateSafety, state: LatchState) -> bool:
    """Say whether ``command`` is the last evaluation again.

    Raises:
        OutOfOrderError: It is neither that nor the next one.
    """
    last = state.last
    if last is None:
        return is_again("evaluation", last=0, found=command.evaluation, same=False)
    same = (command.readings, message_digest(command.policy)) == (last.readings, last.policy)
    return is_again("evaluation", last=last.evaluation, found=command.evaluation, same=same)


def _consequences(
    command: EvaluateSafety, state: LatchState, evaluated: SafetyEvaluated
) -> Sequence[LatchEvent]:
    """Return what ``evaluated``, which ``state`` has seen, does to the latch."""
    found = frozenset(breach.trigger for breach in evaluated.breaches)
    incident = state.incident
    if incident is None:
        return [_stop(command, evaluated, found)] if found else []
    if not found <= incident.triggers:
        extended = replace(
            incident, triggers=incident.triggers | found, extension=incident.extension + 1
        )
        return [_extend(command, evaluated, extended)]
    healed = evaluated.clean_streak >= command.policy.stop.recovery_evaluations
    if healed and incident.triggers <= RECOVERING:
        return [
            LoopRecovered(
                incident_id=incident.incident_id,
                evaluation=evaluated.evaluation,
                at_ns=evaluated.at_ns,
            )
        ]
    return []


def _stop(
    command: EvaluateSafety, evaluated: SafetyEvaluated, triggers: frozenset[Trigger]
) -> LoopStopped:
    """Return the stop that ``evaluated`` demands; its id is the digest of what caused it."""
    cause: JsonObject = {"latch": command.latch, "evaluated": evaluated.model_dump(mode="json")}
    incident = Incident(
        incident_id=f"incident-{sha256_hex(canonical_bytes(cause))}",
        triggers=triggers,
        extension=0,
        live=False,
    )
    return LoopStopped(
        incident_id=incident.incident_id,
        evaluation=evaluated.evaluation,
        at_ns=evaluated.at_ns,
        triggers=tuple(sorted(triggers)),
        rollback_incident_evidence_path=incident_path(incident),
        rollback_incident_evidence_sha256=sha256_hex(
            incident_bytes(evaluated, latch=command.latch, incident=incident)
        ),
    )


def _extend(
    command: EvaluateSafety, evaluated: SafetyEvaluated, incident: Incident
) -> IncidentExtended:
    """Return the extension that makes ``incident`` what it now is."""
    return IncidentExtended(
        incident_id=incident.incident_id,
        evaluation=evaluated.evaluation,
        at_ns=evaluated.at_ns,
        triggers=tuple(sorted(incident.triggers)),
        rollback_incident_evidence_path=incident_path(incident),
        rollback_incident_evidence_sha256=sha256_hex(
            incident_bytes(evaluated, latch=command.latch, incident=incident)
        ),
    )


def _release(command: ReleaseLoop, state: LatchState) -> Sequence[LatchEvent]:
    """Return the release, or the first half of one."""
    reason = reason_text(command.reason)
    if _is_released_by(command, state):
        return []
    incident = _incident_of(command, state)
    at_ns = max(command.at_ns, state.time_ns)
    request = state.request
    if not incident.live:
        return [_released(command, (command.person,), at_ns)]
    if request is None or at_ns > request.expires_at_ns:
        return [_requested(command, at_ns)]
    if request.person.key == command.person.key:
        if request.person == command.person and request.reason == reason:
            return []
        raise SecondPersonNeededError(key=command.person.key)
    return [_released(command, (request.person, command.person), at_ns)]


def _is_released_by(command: ReleaseLoop, state: LatchState) -> bool:
    """Say whether ``command`` has done its work before: it was delivered again."""
    released = state.released
    return (
        state.incident is None
        and released is not None
        and released.incident_id == command.incident_id
        and command.person in released.persons
    )


def _incident_of(command: ReleaseLoop, state: LatchState) -> Incident:
    """Return the incident that ``command`` may release.

    Raises:
        NotStoppedError: There is none.
        IncidentMismatchError: It names another one.
        TriggersUnacknowledgedError: It does not name exactly its triggers.
    """
    incident = state.incident
    if incident is None:
        raise NotStoppedError(incident_id=command.incident_id)
    if incident.incident_id != command.incident_id:
        raise IncidentMismatchError(expected=incident.incident_id, found=command.incident_id)
    if incident.triggers != command.triggers:
        raise TriggersUnacknowledgedError(
            expected=sorted(incident.triggers), found=sorted(command.triggers)
        )
    return incident


def _requested(command: ReleaseLoop, at_ns: int) -> ReleaseRequested:
    """Return the first person's half of a release."""
    return ReleaseRequested(
        incident_id=command.incident_id,
        triggers=tuple(sorted(command.triggers)),
        person=command.person,
        reason=command.reason.strip(),
        at_ns=at_ns,
        expires_at_ns=at_ns + command.policy.stop.release_confirm_ms * NS_PER_MS,
    )


def _released(command: ReleaseLoop, persons: tuple[Person, ...], at_ns: int) -> LoopReleased:
    """Return the release by ``persons``."""
    return LoopReleased(
        incident_id=command.incident_id,
        triggers=tuple(sorted(command.triggers)),
        persons=persons,
        reason=command.reason.strip(),
        at_ns=at_ns,
    )


LATCH: Final[Decider[LatchCommand, LatchEvent, LatchState]] = Decider(
    initial=LatchState(), decide=_decide, evolve=evolve
)
