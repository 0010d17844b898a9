"""The lane's queue: oldest first, one run at a time, every end counted once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.lane.queueing import NOW_NS, asked, ended, queue, start, submit
from torghut.governance.lanes.errors import (
    AttemptOutOfOrderError,
    LaneBusyError,
    LaneRunUnknownError,
    SubmissionUnknownError,
)
from torghut.governance.lanes.queue import LANES
from torghut.schemas.governing.lanes import CandidateSubmitted, LaneRunEnded


def test_candidates_wait_in_the_order_submitted() -> None:
    stream = queue()

    for router in ("a", "b", "c"):
        stream.send(submit(router))

    assert list(stream.state.waiting) == [1, 2, 3]
    assert stream.state.next is not None
    assert stream.state.next.asked == asked("a")


def test_the_same_while_it_waits_or_runs_changes_nothing() -> None:
    stream = queue()
    stream.send(submit("a"))

    assert stream.send(submit("a")) == []
    stream.send(start(1))
    assert stream.send(submit("a")) == []
    stream.send(ended())
    assert stream.send(submit("a")) == [
        CandidateSubmitted(submission=2, asked=asked("a"), at_ns=NOW_NS)
    ]


def test_one_run_at_a_time() -> None:
    stream = queue()
    stream.send(submit("a"))
    stream.send(submit("b"))
    stream.send(start(1))

    assert stream.send(start(1)) == []
    with pytest.raises(LaneBusyError):
        stream.send(start(2, run_id="lane-2"))


def test_only_what_waits_can_be_run() -> None:
    stream = queue()
    stream.send(submit("a"))

    with pytest.raises(SubmissionUnknownError):
        stream.send(start(2))


def test_attempts_of_a_run_are_counted() -> None:
    stream = queue()
    for attempt in (1, 2):
        stream.send(submit("a"))
        with pytest.raises(AttemptOutOfOrderError):
            stream.send(start(attempt, attempt=attempt + 1))
        stream.send(start(attempt, attempt=attempt))
        stream.send(ended(attempt=attempt))

    assert stream.state.attempts == {"lane-1": 2}


@pytest.mark.parametrize("outcome", ["failed", "killed"])
def test_runs_that_do_not_complete_make_a_streak(outcome: str) -> None:
    stream = queue()
    streaks = []
    for attempt in (1, 2, 3):
        stream.send(submit("a"))
        stream.send(start(attempt, attempt=attempt))
        last = ended(attempt=attempt, outcome=outcome if attempt < 3 else "completed")
        (event,) = stream.send(last)
        assert isinstance(event, LaneRunEnded)
        streaks.append(event.failure_streak)

    assert streaks == [1, 2, 0]


def test_an_end_told_twice_counts_once_and_of_another_run_not_at_all() -> None:
    stream = queue()
    with pytest.raises(LaneRunUnknownError):
        stream.send(ended())
    stream.send(submit("a"))
    stream.send(start(1))
    with pytest.raises(LaneRunUnknownError):
        stream.send(ended(run_id="lane-2"))
    stream.send(ended(outcome="failed"))

    assert stream.send(ended(outcome="killed")) == []
    assert stream.state.failure_streak == 1


def test_time_never_runs_back() -> None:
    stream = queue()
    stream.send(submit("a"))

    (event,) = stream.send(replace(start(1), at_ns=0))

    assert event.at_ns == NOW_NS


def test_a_queue_that_is_read_back_is_the_same() -> None:
    stream = queue()
    for router in ("a", "b"):
        stream.send(submit(router))
    stream.send(start(1))
    before = stream.state

    stream.restart()

    assert stream.state == before != LANES.initial
