"""The lane's queue as a decider: oldest first, one run at a time, every end counted once.

A streak of runs that did not complete is carried by the events, so no restart forgets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.eventlog.envelopes import Envelope, read_event
from torghut.governance.lanes.errors import (
    AttemptOutOfOrderError,
    LaneBusyError,
    LaneRunUnknownError,
    SubmissionUnknownError,
)
from torghut.schemas.governing.lanes import (
    LANE_EVENT,
    CandidateSubmitted,
    LaneAsked,
    LaneEvent,
    LaneOutcome,
    LaneRunEnded,
    LaneRunStarted,
)
from torghut.schemas.rollout.phases import PhaseName

STREAM: Final = "lanes-main"
"""The stream of the lane's queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitCandidate:
    """Let a candidate wait for its run; one that waits already waits on."""

    asked: LaneAsked
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartLaneRun:
    """Begin to work on a submission."""

    submission: int
    run_id: str
    attempt: int
    candidate_id: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLaneRun:
    """Say how the run at work ended.

    Attributes:
        phase: At which it broke off; None where it completed.
        reason: A code.
        manifest: Where its manifest is; None where there is none.
        content_hash: Of that manifest.
        signals: Contexts of its window.
        decisions: Decisions that every arm made of them.
    """

    run_id: str
    attempt: int
    outcome: LaneOutcome
    phase: PhaseName | None
    reason: str
    manifest: str | None
    content_hash: str | None
    signals: int
    decisions: int
    at_ns: int


LaneCommand: TypeAlias = SubmitCandidate | StartLaneRun | EndLaneRun


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """What the events of the queue come to.

    Attributes:
        waiting: By number, oldest first; what is at work waits no more.
        submitted: How many there were.
        running: The run at work.
        last: How the last run ended.
        attempts: How often each run was begun, by its id.
        failure_streak: Runs in a row that did not complete.
    """

    waiting: Mapping[int, CandidateSubmitted] = field(default_factory=lambda: MappingProxyType({}))
    submitted: int = 0
    running: LaneRunStarted | None = None
    at_work: CandidateSubmitted | None = None
    last: LaneRunEnded | None = None
    attempts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    failure_streak: int = 0
    time_ns: int = 0

    @property
    def next(self) -> CandidateSubmitted | None:
        """What has waited longest; None where nothing waits."""
        return next(iter(self.waiting.values()), None)


def _decide(command: LaneCommand, state: LaneState) -> Sequence[LaneEvent]:
    match command:
        case SubmitCandidate():
            return _submit(command, state)
        case StartLaneRun():
            return _start(command, state)
        case EndLaneRun():
            return _end(command, state)
        case _:
            assert_never(command)


def _submit(command: SubmitCandidate, state: LaneState) -> Sequence[LaneEvent]:
    """Return the submission, unless the very same waits or is at work."""
    pending = [*state.waiting.values(), *([state.at_work] if state.at_work else [])]
    if any(one.asked == command.asked for one in pending):
        return []
    at_ns = max(command.at_ns, state.time_ns)
    return [CandidateSubmitted(submission=state.submitted + 1, asked=command.asked, at_ns=at_ns)]


def _start(command: StartLaneRun, state: LaneState) -> Sequence[LaneEvent]:
    """Return the start of a run."""
    started = LaneRunStarted(
        submission=command.submission,
        run_id=command.run_id,
        attempt=command.attempt,
        candidate_id=command.candidate_id,
        at_ns=max(command.at_ns, state.time_ns),
    )
    if state.running is not None:
        if _named(state.running) == _named(started):
            return []
        raise LaneBusyError(run_id=state.running.run_id, attempt=state.running.attempt)
    if command.submission not in state.waiting:
        raise SubmissionUnknownError(submission=command.submission, waiting=tuple(state.waiting))
    expected = state.attempts.get(command.run_id, 0) + 1
    if command.attempt != expected:
        raise AttemptOutOfOrderError(
            run_id=command.run_id, expected=expected, found=command.attempt
        )
    return [started]


def _named(started: LaneRunStarted) -> tuple[int, str, int]:
    """Return which run of what."""
    return started.submission, started.run_id, started.attempt


def _end(command: EndLaneRun, state: LaneState) -> Sequence[LaneEvent]:
    """Return the end of the run at work; one that has ended stays as it ended."""
    found = (command.run_id, command.attempt)
    if state.running is None:
        if state.last is not None and (state.last.run_id, state.last.attempt) == found:
            return []
        raise LaneRunUnknownError(expected="no run", found=f"{found[0]}, attempt {found[1]}")
    if (state.running.run_id, state.running.attempt) != found:
        expected = f"{state.running.run_id}, attempt {state.running.attempt}"
        raise LaneRunUnknownError(expected=expected, found=f"{found[0]}, attempt {found[1]}")
    completed = command.outcome == "completed"
    return [
        LaneRunEnded(
            submission=state.running.submission,
            run_id=command.run_id,
            attempt=command.attempt,
            outcome=command.outcome,
            phase=command.phase,
            reason=command.reason,
            manifest=command.manifest,
            content_hash=command.content_hash,
            signals=command.signals,
            decisions=command.decisions,
            failure_streak=0 if completed else state.failure_streak + 1,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _evolve(state: LaneState, event: LaneEvent) -> LaneState:
    now = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case CandidateSubmitted():
            waiting = MappingProxyType({**state.waiting, event.submission: event})
            return replace(now, waiting=waiting, submitted=event.submission)
        case LaneRunStarted():
            rest = {n: one for n, one in state.waiting.items() if n != event.submission}
            return replace(
                now,
                waiting=MappingProxyType(rest),
                running=event,
                at_work=state.waiting.get(event.submission),
                attempts=MappingProxyType({**state.attempts, event.run_id: event.attempt}),
            )
        case LaneRunEnded():
            streak = event.failure_streak
            return replace(now, running=None, at_work=None, last=event, failure_streak=streak)
        case _:
            assert_never(event)


LANES: Final[Decider[LaneCommand, LaneEvent, LaneState]] = Decider(
    initial=LaneState(), decide=_decide, evolve=_evolve
)


def read_lane_event(envelope: Envelope) -> LaneEvent:
    """Return the event in ``envelope``.

    Raises:
        EventUnreadableError: It is none of the lane's queue.
    """
    return read_event(envelope, LANE_EVENT, {})
