"""The ladder as a cycle looks at it: by what stage is in force, and by a log that may be away."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.climbing import exposure_policy, slo_policy
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.governing import START_NS
from tests.staging import arrived, built_roadmap
from torghut.eventlog.errors import LogMissingError
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import DecisionLog
from torghut.workflows.aggregates import Governance
from torghut.workflows.scheduling.laddering import LogLadder
from torghut.workflows.staging.moving import STAGE_STREAM
from torghut.workflows.streams import Streams

LIVE_STAGE = 4


def away() -> DecisionLog:
    raise LogMissingError(path="live.log")


def ladder(stage: int | None, *, opening: Callable[[], DecisionLog] = away) -> LogLadder:
    """Return the ladder of a rollout that has come to ``stage``; None: it has not begun."""
    log = InMemoryLog(clock=HandClock())
    events = () if stage is None else arrived(stage).events()
    if events:
        run(log.append_events(STAGE_STREAM, events, expected_version=0, causes=CAUSES))
    return LogLadder(
        governance=Governance(streams=Streams(log), causes=CAUSES),
        opening=opening,
        pages=tuple,
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


@pytest.mark.parametrize("stage", [None, 0, LIVE_STAGE - 1])
def test_there_is_no_cap_before_a_stage_allows_live(stage: int | None) -> None:
    assert run(ladder(stage).review(now_ns=START_NS, run=None)).cap is None


def test_log_that_is_away_shows_no_window_and_nothing_is_given() -> None:
    assert run(ladder(LIVE_STAGE).review(now_ns=START_NS, run=None)).cap == Decimal(0)
