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
from torghut.governance.safety.breaches import RECOVERING, Streaks, judge
from torghut.governance.safety.errors import (
    IncidentMismatchError,
    NotStoppedError,
    ReasonMissingError,
    SecondPersonNeededError,
    TriggersUnacknowledgedError,
)
from torghut.governance.safety.ordering import is_again
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.safety import SafetyPolicy
from torghut.schemas.governing.fields import Person
from torghut.schemas.governing.latch import (
    IncidentExtended,
    LatchEvent,
    LoopRecovered,
    LoopReleased,
    LoopStopped,
    ReleaseRequested,
    ReleaseSigned,
    SafetyEvaluated,
    SafetyReadings,
    StopIncident,
    Trigger,
)
from torghut.schemas.types import message_digest

_REASON_MAX: Final = 500
_NS_PER_MS: Final = 1_000_000
_NO_STREAKS: Final = Streaks()
_PAST_MAX: Final = 8
"""Evidence files of before that are still known, and written where that was not possible then."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The stop that is in force.

    Attributes:
        extension: How often triggers were added.
        live: Whether it was ever evaluated in live mode.
    """

    incident_id: str
    triggers: frozenset[Trigger]
    extension: int
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LatchState:
    """What the events of a latch come to.

    Attributes:
        last: The last evaluation; None before the first.
        time_ns: The latest time that any event told.
        streaks: After the last evaluation, or since the last release.
        incident: What stops the loop; None while nothing does.
        caused_by: The evaluation that made the incident what it is; its evidence file says so.
        past: What the incident was before it was extended, and the incidents before it, each with
            the evaluation that its evidence file says; the newest last.
        over: The id of the last incident that is over.
        request: A release that waits for the second person.
        released: The last release.
    """

    last: SafetyEvaluated | None = None
    time_ns: int = 0
    streaks: Streaks = _NO_STREAKS
    incident: Incident | None = None
    caused_by: SafetyEvaluated | None = None
    past: tuple[tuple[Incident, SafetyEvaluated], ...] = ()
    over: str | None = None
    request: ReleaseRequested | None = None
    released: LoopReleased | None = None


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
    return [evaluated, *_consequences(command, _evolve(state, evaluated), evaluated)]


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
    if not 1 <= len(command.reason.strip()) <= _REASON_MAX:
        raise ReasonMissingError(found=command.reason)
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
        if request.person == command.person and request.reason == command.reason.strip():
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
        expires_at_ns=at_ns + command.policy.stop.release_confirm_ms * _NS_PER_MS,
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


def _evolve(state: LatchState, event: LatchEvent) -> LatchState:
    state = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case SafetyEvaluated():
            return _evaluated(state, event)
        case LoopStopped() | IncidentExtended():
            return _stopped(state, event)
        case LoopRecovered():
            return replace(
                state, incident=None, request=None, over=event.incident_id, past=_passed(state)
            )
        case ReleaseRequested():
            return replace(state, request=event)
        case LoopReleased():
            return replace(
                state,
                incident=None,
                request=None,
                released=event,
                over=event.incident_id,
                past=_passed(state),
                streaks=_NO_STREAKS,
            )
        case ReleaseSigned():
            return state
        case _:
            assert_never(event)


def _evaluated(state: LatchState, event: SafetyEvaluated) -> LatchState:
    """Return ``state`` after an evaluation; one in live mode makes an open incident a live one."""
    streaks = Streaks(
        stale=event.staleness_streak,
        lane_failed=event.lane_failure_streak,
        clean=event.clean_streak,
    )
    incident = state.incident
    if incident is not None and event.readings.mode == "live":
        incident = replace(incident, live=True)
    return replace(state, last=event, streaks=streaks, incident=incident)


def _stopped(state: LatchState, event: LoopStopped | IncidentExtended) -> LatchState:
    """Return ``state`` with more triggers; a release that waited no longer knows all of them."""
    before = state.incident
    live = state.last is not None and state.last.readings.mode == "live"
    incident = Incident(
        incident_id=event.incident_id,
        triggers=frozenset(event.triggers),
        extension=0 if before is None else before.extension + 1,
        live=live or (before is not None and before.live),
    )
    return replace(
        state, incident=incident, caused_by=state.last, request=None, past=_passed(state)
    )


def _passed(state: LatchState) -> tuple[tuple[Incident, SafetyEvaluated], ...]:
    """Return what is past once the incident in force, if there is one, is another or over."""
    if state.incident is None or state.caused_by is None:
        return state.past
    return (*state.past, (state.incident, state.caused_by))[-_PAST_MAX:]


LATCH: Final[Decider[LatchCommand, LatchEvent, LatchState]] = Decider(
    initial=LatchState(), decide=_decide, evolve=_evolve
)
