"""The continuity alert: signals are missing too often for one reason, until they are there again.

A closed market excuses a cycle only if the calendar says that it is closed, and starting up only
for as long as declared. An excused cycle adds to no streak; only a cycle with signals ends one, so
reasons that take turns do not hide each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never

from torghut.eventlog.decider import Decider
from torghut.governance.safety.errors import ReasonMissingError
from torghut.governance.safety.ordering import is_again
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.safety import ContinuityPolicy
from torghut.schemas.governing.continuity import (
    AlertCleared,
    AlertRaised,
    ContinuityEvent,
    CycleObserved,
    NoSignalReason,
)

_NO_STREAKS: Final[Mapping[NoSignalReason, int]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveCycle:
    """Say what signals a cycle had.

    Attributes:
        cycle: One more than the last; the last one again changes nothing.
        reason: Why it had none; None where it had some.
    """

    cycle: int
    at_ns: int
    session: Literal["open", "closed", "unknown"]
    signals: int
    reason: NoSignalReason | None
    policy: ContinuityPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuityState:
    """What the events of the continuity alert come to.

    Attributes:
        last: The last cycle; None before the first.
        first_at_ns: When the first cycle was.
        alert_id: Of the alert that stands; None where none does.
    """

    last: CycleObserved | None = None
    first_at_ns: int | None = None
    time_ns: int = 0
    alert_id: str | None = None


def _decide(command: ObserveCycle, state: ContinuityState) -> Sequence[ContinuityEvent]:
    last = state.last
    told = (command.session, command.signals, command.reason)
    same = last is not None and (last.session, last.signals, last.reason) == told
    number = last.cycle if last is not None else 0
    if is_again("cycle", last=number, found=command.cycle, same=same):
        return []
    if (command.signals == 0) != (command.reason is not None):
        raise ReasonMissingError(found=command.reason or "")
    observed = _observed(command, state)
    return [observed, *_alert(observed, state, command.policy)]


def _observed(command: ObserveCycle, state: ContinuityState) -> CycleObserved:
    """Return the cycle on record, with the streaks after it."""
    at_ns = max(command.at_ns, state.time_ns)
    excused = _is_excused(command, state, at_ns)
    before = state.last.streaks if state.last is not None else _NO_STREAKS
    streaks = dict(before) if command.reason is not None else {}
    if command.reason is not None and not excused:
        streaks[command.reason] = streaks.get(command.reason, 0) + 1
    healthy = state.last.healthy_streak if state.last is not None else 0
    return CycleObserved(
        cycle=command.cycle,
        at_ns=at_ns,
        session=command.session,
        signals=command.signals,
        reason=command.reason,
        excused=excused,
        streaks=streaks,
        healthy_streak=healthy + 1 if command.reason is None else 0,
    )


def _is_excused(command: ObserveCycle, state: ContinuityState, at_ns: int) -> bool:
    """Say whether it was to be expected that a cycle has no signals."""
    if command.reason == "market-closed":
        return command.session == "closed"
    if command.reason == "bootstrap":
        began_ns = at_ns if state.first_at_ns is None else state.first_at_ns
        return at_ns - began_ns < command.policy.bootstrap_ms * NS_PER_MS
    return False


def _alert(
    observed: CycleObserved, state: ContinuityState, policy: ContinuityPolicy
) -> Sequence[ContinuityEvent]:
    """Return what a cycle does to the alert."""
    if state.alert_id is not None:
        if observed.healthy_streak < policy.healthy_cycles:
            return []
        return [AlertCleared(alert_id=state.alert_id, cycle=observed.cycle, at_ns=observed.at_ns)]
    reason = observed.reason
    streak = 0 if reason is None or observed.excused else observed.streaks[reason]
    if reason is None or streak < policy.no_signal_streak:
        return []
    cause: JsonObject = observed.model_dump(mode="json")
    return [
        AlertRaised(
            alert_id=f"continuity-{sha256_hex(canonical_bytes(cause))}",
            cycle=observed.cycle,
            at_ns=observed.at_ns,
            reason=reason,
            streak=streak,
        )
    ]


def _evolve(state: ContinuityState, event: ContinuityEvent) -> ContinuityState:
    state = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case CycleObserved():
            first_at_ns = event.at_ns if state.first_at_ns is None else state.first_at_ns
            return replace(state, last=event, first_at_ns=first_at_ns)
        case AlertRaised():
            return replace(state, alert_id=event.alert_id)
        case AlertCleared():
            return replace(state, alert_id=None)
        case _:
            assert_never(event)


CONTINUITY: Final[Decider[ObserveCycle, ContinuityEvent, ContinuityState]] = Decider(
    initial=ContinuityState(), decide=_decide, evolve=_evolve
)
