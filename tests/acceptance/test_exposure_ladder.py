"""The exposure ladder over a log that was decided, and the streams of governance."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Final

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.support.decisions.logs import contexts, in_memory
from tests.support.decisions.rows import START_NS
from tests.support.governance.climbing import FRESH_MS, HOUR_NS, exposure_policy, slo_policy
from tests.support.governance.governing import readings, safety_policy
from tests.support.governance.staging import arrived, built_roadmap
from tests.unit.governance.safety.test_rollback import trigger
from torghut.eventlog.envelopes import read_event
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.safety.latch import LATCH, EvaluateSafety
from torghut.schemas.governing.latch import LATCH_EVENT
from torghut.schemas.observing.metric import SECONDS
from torghut.schemas.upcasting import STEPS
from torghut.workflows.aggregates import Governance, rollback_of
from torghut.workflows.slo.measuring import LatencyCounts
from torghut.workflows.staging.climbing import Look, Standing, look, measured_windows
from torghut.workflows.staging.moving import STAGE_STREAM
from torghut.workflows.streams import Streams

QUICK: Final = LatencyCounts(
    bounds_s=(*SECONDS, float("inf")), counts=(0,) * 5 + (1000,) * (len(SECONDS) - 4)
)
SLOW: Final = LatencyCounts(
    bounds_s=(*SECONDS, float("inf")), counts=(0,) * (len(SECONDS) - 1) + (1000, 1000)
)


@cache
def decided() -> InMemoryLog:
    """Return a log of thirteen hours."""
    return run(in_memory(contexts(2400)))


@cache
def ends_ns() -> int:
    """Return when the log ends."""
    return int(contexts(2400)["receive_ns"].max())


def governed(stage: int = 4) -> Streams:
    """Return the streams of a governance that has come to a stage."""
    log = InMemoryLog(clock=HandClock())
    events = arrived(stage, at_ns=START_NS).events()
    run(log.append_events(STAGE_STREAM, events, expected_version=0, causes=CAUSES))
    return Streams(log)


def looked(
    streams: Streams, hours_before_end: float, latency: LatencyCounts | None = QUICK
) -> Standing:
    """Return where the ladder stands after a look."""
    at_ns = ends_ns() - int(hours_before_end * HOUR_NS)
    kept = {} if latency is None else dict.fromkeys(slo_policy().windows, latency)
    windows = run(measured_windows(decided(), at_ns, slo_policy(), kept))
    told = Look(
        at_ns=at_ns, windows=windows, run=("run-1", 2), drill_age_ms=FRESH_MS, causes=CAUSES
    )
    return run(
        look(streams, told, roadmap=built_roadmap(), policy=exposure_policy(), slo=slo_policy())
    )


def risen() -> Streams:
    """Return a governance whose ladder has risen by one step."""
    streams = governed()
    standing = [looked(streams, hours) for hours in (5, 4, 3, 2, 1)][-1]
    assert standing.cap == Decimal(500)
    return streams


def test_increase_exposure_only_on_passing_slo_windows() -> None:
    streams = governed()

    caps = [looked(streams, hours).cap for hours in (5, 4, 3, 2)]
    assert caps == [0, 0, 0, 0]
    assert looked(streams, 1).cap == Decimal(500)

    unmeasured = governed()
    assert [looked(unmeasured, hours, None).cap for hours in (5, 4, 3, 2, 1)] == [0] * 5
    late = governed()
    assert [looked(late, hours, SLOW).cap for hours in (5, 4, 3, 2, 1)] == [0] * 5


@pytest.mark.parametrize("latency", [None, SLOW])
def test_exposure_falls_at_once_when_a_window_fails(latency: LatencyCounts | None) -> None:
    streams = risen()

    assert looked(streams, 0.9, latency).cap == 0


def test_start_with_low_notional_impact() -> None:
    standing = looked(risen(), 0.9)

    assert standing.cap == built_roadmap().stages[4].caps.notional_cap / 20


def test_stop_takes_everything_and_outlives_the_one_who_looked() -> None:
    streams = risen()
    command = EvaluateSafety(
        latch="main",
        evaluation=1,
        at_ns=ends_ns(),
        readings=readings(lane="failed", evidence="unknown"),
        policy=safety_policy(),
    )

    async def stop() -> None:
        await streams.run(
            LATCH,
            lambda one: read_event(one, LATCH_EVENT, STEPS),
            "latch-main",
            command,
            causes=CAUSES,
        )

    run(stop())
    standing = looked(streams, 0.9)

    assert standing.cap == 0
    assert standing.state.fraction == 0


@pytest.mark.parametrize(("attempt", "cap"), [(1, 500), (2, 0)])
def test_rollback_of_the_attempt_that_is_watched_takes_everything(attempt: int, cap: int) -> None:
    streams = risen()
    governance = Governance(streams=streams, causes=CAUSES)
    run(governance.run(rollback_of("run-1", attempt), trigger()))

    assert looked(streams, 0.9).cap == cap


def test_stage_on_paper_gives_nothing_whatever_passes() -> None:
    streams = governed(2)

    assert [looked(streams, hours).cap for hours in (5, 4, 3, 2, 1, 0)] == [0] * 6


def test_look_at_no_data_while_the_market_is_open_fails() -> None:
    streams = risen()
    standing = looked(streams, -2)
    last = standing.state.reviewed

    assert standing.cap == 0
    assert last is not None
    assert "decision-loop-availability" in last.windows[0].failing
