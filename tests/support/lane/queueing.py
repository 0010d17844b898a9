"""The lane's queue in tests: what is asked, and the commands around it."""

from __future__ import annotations

from typing import Final, cast

from tests.support.governance.governing import Memory
from torghut.governance.lanes.queue import (
    LANES,
    EndLaneRun,
    LaneCommand,
    LaneState,
    StartLaneRun,
    SubmitCandidate,
)
from torghut.schemas.governing.lanes import LANE_EVENT, LaneAsked, LaneEvent, LaneOutcome
from torghut.schemas.rollout.lane import CandidateSpec, LogWindow
from torghut.schemas.rollout.run import ExecutionContext

NOW_NS: Final = 1_700_000_000_000_000_000
CONTEXT: Final = ExecutionContext.model_validate(
    {
        "repository": "torghut",
        "base": "champion",
        "head": "candidate",
        "artifactPath": "var/torghut",
        "priorityId": "p1",
    }
)


def queue() -> Memory[LaneCommand, LaneEvent, LaneState]:
    """Return the queue's stream, empty."""
    return Memory(LANES, LANE_EVENT)


def asked(router: str = "a") -> LaneAsked:
    """Return what a run is asked for."""
    return LaneAsked(
        candidate=CandidateSpec(
            kind="package", router=router, package="ca" * 32, declarations=None
        ),
        window=LogWindow(log="fx.log", partition=0, first_ns=1, last_ns=2),
        target="paper",
        context=CONTEXT,
        author="ann",
    )


def submit(router: str = "a") -> SubmitCandidate:
    """Submit a candidate."""
    return SubmitCandidate(asked=asked(router), at_ns=NOW_NS)


def start(submission: int, *, run_id: str = "lane-1", attempt: int = 1) -> StartLaneRun:
    """Start a run."""
    return StartLaneRun(
        submission=submission,
        run_id=run_id,
        attempt=attempt,
        candidate_id="candidate-1",
        at_ns=NOW_NS,
    )


def ended(*, run_id: str = "lane-1", attempt: int = 1, outcome: str = "completed") -> EndLaneRun:
    """End a run."""
    completed = outcome == "completed"
    return EndLaneRun(
        run_id=run_id,
        attempt=attempt,
        outcome=cast("LaneOutcome", outcome),
        phase=None if completed else "drift-gate",
        reason="lane-passed" if completed else "lane-crashed",
        manifest=f"runs/{run_id}/rollout/phase-manifest.lane.json",
        content_hash="ab" * 32,
        signals=9000,
        decisions=8000,
        at_ns=NOW_NS,
    )
