"""What the current manifest said at any time, and every change of it, from governance's log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from torghut.governance.rollouts.manifest import manifest_of
from torghut.governance.rollouts.rendering import phases_of
from torghut.governance.rollouts.rollout import ROLLOUT, RolloutState, read_rollout_event
from torghut.schemas.rollout.events import (
    LaneCompleted,
    LaneCrashed,
    PhaseRecorded,
    RolloutEvent,
    RunFinalised,
    RunReassessed,
    RunStarted,
)
from torghut.schemas.rollout.manifest import PhaseManifest, status_of
from torghut.workflows.reviewing.errors import RunUnknownError
from torghut.workflows.reviewing.runs import RunOnRecord

NOT_FINAL = "NOT FINAL"
"""What a manifest says before the safety controls have spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One event of a run, and what the manifest said from then on.

    Attributes:
        at_ns: When it happened, by the clock of whoever recorded it.
        recorded_at_ns: When the log took it.
        position: In the log.
        run_id: Of the run.
        attempt: At it.
        what: Happened.
        why: It came to that.
        status: Of the manifest from then on: ``pass``, ``fail`` or that it is not final.
    """

    at_ns: int
    recorded_at_ns: int
    position: int
    run_id: str
    attempt: int
    what: str
    why: str
    status: str


def changes(runs: Sequence[RunOnRecord], until_ns: int | None = None) -> Sequence[Change]:
    """Return every change of the current manifest by these runs, oldest first."""
    found = [one for run in runs for one in _of(run) if until_ns is None or one.at_ns <= until_ns]
    return sorted(found, key=lambda one: (one.at_ns, one.position))


def manifest_at(runs: Sequence[RunOnRecord], at_ns: int) -> PhaseManifest:
    """Return what the current manifest said at a time: that of the run touched last by then.

    Raises:
        RunUnknownError: None had been started.
    """
    last: tuple[int, int, RolloutState] | None = None
    for run in runs:
        state, position = ROLLOUT.initial, 0
        for envelope in run.envelopes:
            event = read_rollout_event(envelope)
            if event.occurred_at_ns > at_ns:
                break
            state, position = ROLLOUT.evolve(state, event), envelope.position
        if state.started is not None and (
            last is None or (state.updated_at_ns, position) > last[:2]
        ):
            last = (state.updated_at_ns, position, state)
    if last is None:
        raise RunUnknownError(expected="a run that had been started by then")
    return manifest_of(last[2])


def _of(run: RunOnRecord) -> Iterator[Change]:
    """Yield what happened to a run."""
    state = ROLLOUT.initial
    for envelope in run.envelopes:
        event = read_rollout_event(envelope)
        state = ROLLOUT.evolve(state, event)
        what, why = told(event)
        yield Change(
            at_ns=event.occurred_at_ns,
            recorded_at_ns=envelope.recorded_at_ns,
            position=envelope.position,
            run_id=run.plan.run_id,
            attempt=run.plan.attempt,
            what=what,
            why=why,
            status=_status(state, run),
        )


def _status(state: RolloutState, run: RunOnRecord) -> str:
    """Return what the manifest of a run says after ``state``."""
    if state.finalised is None:
        return NOT_FINAL
    return status_of(tuple(phases_of(state, run.plan.requested_promotion_target)))


def told(event: RolloutEvent) -> tuple[str, str]:
    """Return what an event says in words, and why it came to that."""
    match event:
        case RunStarted():
            missing = ", ".join(event.plan.missing_for_live)
            asked = event.plan.asked_promotion_target
            return "started", f"{asked} was asked" + (f", missing: {missing}" if missing else "")
        case PhaseRecorded():
            return f"{event.phase} {event.status}", _why(event)
        case LaneCrashed():
            return f"lane crashed at {event.phase}", event.detail
        case LaneCompleted():
            return "lane completed", event.rollback.reason or "all its phases are recorded"
        case RunFinalised():
            return "finalised", _controls(event)
        case RunReassessed():
            return "reassessed", _controls(event)
        case _:
            assert_never(event)


def _why(event: PhaseRecorded) -> str:
    """Return the gates that keep a phase from passing; of a pass, what else is known."""
    failing = [row for row in event.gates if row.status in ("fail", "insufficient")]
    if failing:
        return "; ".join(f"{row.id} {row.status}, {row.reason}" for row in failing)
    verdict = event.observations.get("verdict")
    return f"verdict {verdict}" if verdict else f"{len(event.gates)} gates"


def _controls(event: RunFinalised | RunReassessed) -> str:
    """Return what the safety controls said."""
    runtime, rollback = event.runtime, event.rollback
    said = (
        f"runtime governance {runtime.status}" + (f", {runtime.reason}" if runtime.reason else ""),
        f"rollback proof {rollback.status}" + (f", {rollback.reason}" if rollback.reason else ""),
    )
    return "; ".join(said)
