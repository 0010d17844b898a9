"""The ladder as a cycle looks at it: by what stage is in force, and by a log that may be away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.fakes.workers import status_of
from tests.support.governance.climbing import HOUR_NS, exposure_policy, slo_policy
from tests.support.governance.governing import START_NS
from tests.support.governance.staging import arrived, built_roadmap
from tests.support.live.advising import lived
from tests.support.live.latencies import counted
from torghut.eventlog.errors import LogMissingError
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import DecisionLog
from torghut.workflows.aggregates import LATENCIES, Governance
from torghut.workflows.live.advice.awaiting import Answer
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.scheduling.laddering import LogLadder
from torghut.workflows.slo.walking import last_received_ns
from torghut.workflows.staging.climbing import ladder_standing
from torghut.workflows.staging.moving import STAGE_STREAM
from torghut.workflows.streams import Streams

LIVE_STAGE = 4


def away() -> DecisionLog:
    raise LogMissingError(path="live.log")


def ladder(
    stage: int | None,
    *,
    opening: Callable[[], DecisionLog] = away,
    pages: Callable[[], Sequence[WorkerSeen]] = tuple,
    live: bool = True,
) -> LogLadder:
    """Return the ladder of a rollout that has come to ``stage``; None: it has not begun."""
    log = InMemoryLog(clock=HandClock())
    events = () if stage is None else arrived(stage).events()
    if events:
        run(log.append_events(STAGE_STREAM, events, expected_version=0, causes=CAUSES))
    return LogLadder(
        governance=Governance(streams=Streams(log), causes=CAUSES),
        opening=opening,
        log="live.log",
        pages=pages,
        live=live,
        wall=HandClock(),
        roadmap=built_roadmap(),
        policy=exposure_policy(),
        slo=slo_policy(),
        budget_ms=1000,
    )


@pytest.mark.parametrize(
    ("stage", "lets"), [(None, True), (0, False), (1, False), (2, False), (3, False), (4, True)]
)
def test_router_serves_where_no_stage_was_entered_or_the_one_in_force_lets_it(
    stage: int | None, *, lets: bool
) -> None:
    assert run(ladder(stage).lets_route()) is lets


@pytest.mark.parametrize(("stage", "mode"), [(None, None), (0, "off"), (3, "active")])
def test_advice_may_do_what_the_stage_in_force_lets_it(stage: int | None, mode: str | None) -> None:
    found = run(ladder(stage).lets_reason())

    assert (None if found is None else found.mode) == mode


def test_share_of_unanswered_questions_is_the_service_level_of_the_shortest_window() -> None:
    log = lived("active", Answer(resolution="timed-out"))
    ends_ns = run(last_received_ns(log))

    found = run(ladder(3, opening=lambda: log).unanswered(now_ns=ends_ns))
    later = run(ladder(3, opening=lambda: log).unanswered(now_ns=ends_ns + 2 * HOUR_NS))

    assert (found.value, found.samples > 20) == (1.0, True)
    assert later.status == "not-applicable"
    assert run(ladder(3).unanswered(now_ns=ends_ns)).status == "missing"


@pytest.mark.parametrize("stage", [None, 0, LIVE_STAGE - 1])
def test_there_is_no_cap_before_a_stage_allows_live(stage: int | None) -> None:
    assert run(ladder(stage).review(now_ns=START_NS, run=None)).cap is None


def test_log_that_is_away_shows_no_window_and_nothing_is_given() -> None:
    assert run(ladder(LIVE_STAGE).review(now_ns=START_NS, run=None)).cap == Decimal(0)


def counting(log: str = "var/live.log") -> Sequence[WorkerSeen]:
    """Return a worker that has counted an outcome."""
    status = status_of(durable_within=counted(0.004), log=log)
    return [WorkerSeen(worker="worker-0", alive=True, status=status)]


def unreadable() -> Sequence[WorkerSeen]:
    raise LogMissingError(path="workers")


@pytest.mark.parametrize(
    ("stage", "live", "read"),
    [(None, True, 0), (0, True, 1), (LIVE_STAGE, True, 1), (LIVE_STAGE, False, 0)],
)
def test_latency_is_read_once_a_stage_was_entered_and_never_of_recorded_data(
    stage: int | None, *, live: bool, read: int
) -> None:
    one = ladder(stage, pages=counting, live=live)
    run(one.review(now_ns=START_NS, run=None))

    assert len(run(one.governance.state(LATENCIES)).processes) == read


def test_pages_that_cannot_be_read_end_no_look_and_are_told() -> None:
    seen = run(ladder(LIVE_STAGE, pages=unreadable).review(now_ns=START_NS, run=None))

    assert seen.cap == 0
    assert [one.startswith("exposure: no latency") for one in seen.remarks] == [True]


def test_latency_of_another_log_is_none_and_that_is_told() -> None:
    one = ladder(LIVE_STAGE, pages=lambda: counting("elsewhere/other.log"))
    seen = run(one.review(now_ns=START_NS, run=None))

    assert run(one.governance.state(LATENCIES)).processes == ()
    assert seen.remarks == (
        "exposure: no latency, for no page is of a worker that decides live.log",
    )


SWITCH = {
    "name": "defensive-weights",
    "throw_id": "throw-1",
    "who": "ann@host",
    "reason": "looking",
    "thrown_wall_ns": str(START_NS),
    "recorded": True,
}


@pytest.mark.parametrize(
    ("alive", "switches", "holds"),
    [(True, [SWITCH], True), (True, [], False), (False, [SWITCH], False)],
)
def test_switch_that_is_in_force_on_a_living_worker_holds_the_ladder(
    switches: list[dict[str, object]], *, alive: bool, holds: bool
) -> None:
    status = status_of(switches=switches)
    seen = [WorkerSeen(worker="worker-0", alive=alive, status=status)]
    one = ladder(LIVE_STAGE, pages=lambda: seen)
    run(one.review(now_ns=START_NS, run=None))
    reviewed = run(ladder_standing(one.governance.streams, built_roadmap())).state.reviewed

    assert reviewed is not None
    assert ("switch-thrown" in reviewed.holding) is holds
