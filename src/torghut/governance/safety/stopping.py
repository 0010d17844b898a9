"""What the events of a stop latch come to: whether the loop is stopped, by what, and since when.

What opens the latch counts only where it fits what stands before it, whoever wrote it: a recovery
the last, clean evaluation and triggers that recover, a release the open incident and all of its
triggers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, assert_never

from torghut.governance.safety.breaches import RECOVERING, Streaks
from torghut.schemas.governing.latch import (
    IncidentExtended,
    LatchEvent,
    LoopRecovered,
    LoopReleased,
    LoopStopped,
    ReleaseRequested,
    ReleaseSigned,
    SafetyEvaluated,
    Trigger,
)

_NO_STREAKS: Final = Streaks()
_PAST_MAX: Final = 8
"""Evidence files of before that are still known, and written where that was not possible then."""


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


def evolve(state: LatchState, event: LatchEvent) -> LatchState:
    """Return the state after ``event``."""
    state = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case SafetyEvaluated():
            return _evaluated(state, event)
        case LoopStopped() | IncidentExtended():
            return _stopped(state, event)
        case LoopRecovered():
            return _recovered(state, event)
        case ReleaseRequested():
            return replace(state, request=event)
        case LoopReleased():
            return _let_go(state, event)
        case ReleaseSigned():
            return state
        case _:
            assert_never(event)


def _recovered(state: LatchState, event: LoopRecovered) -> LatchState:
    """Return ``state`` after a recovery; one that its evaluations do not show changes nothing."""
    incident, last = state.incident, state.last
    if incident is None or last is None or incident.incident_id != event.incident_id:
        return state
    shown = last.evaluation == event.evaluation and state.streaks.clean > 0
    if not shown or not incident.triggers <= RECOVERING:
        return state
    return replace(state, incident=None, request=None, over=event.incident_id, past=_passed(state))


def _let_go(state: LatchState, event: LoopReleased) -> LatchState:
    """Return ``state`` after a release; one of anything but what is open changes nothing."""
    incident = state.incident
    if incident is None or incident.incident_id != event.incident_id:
        return state
    if incident.triggers != frozenset(event.triggers):
        return state
    return replace(
        state,
        incident=None,
        request=None,
        released=event,
        over=event.incident_id,
        past=_passed(state),
        streaks=_NO_STREAKS,
    )


def _evaluated(state: LatchState, event: SafetyEvaluated) -> LatchState:
    """Return ``state`` after an evaluation; one in live mode makes an open incident a live one.

    However many clean ones it claims to be the last of, it is one more.
    """
    streaks = Streaks(
        stale=event.staleness_streak,
        lane_failed=event.lane_failure_streak,
        clean=min(event.clean_streak, state.streaks.clean + 1),
    )
    incident = state.incident
    if incident is not None and event.readings.mode == "live":
        incident = replace(incident, live=True)
    return replace(state, last=event, streaks=streaks, incident=incident)


def _stopped(state: LatchState, event: LoopStopped | IncidentExtended) -> LatchState:
    """Return ``state`` with more triggers; a release that waited no longer knows all of them.

    None is ever taken away, and what is open keeps its id.
    """
    before = state.incident
    live = state.last is not None and state.last.readings.mode == "live"
    incident = Incident(
        incident_id=event.incident_id if before is None else before.incident_id,
        triggers=frozenset(event.triggers) | (frozenset() if before is None else before.triggers),
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
