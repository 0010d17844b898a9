"""What the drift policy last came to, from governance's log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import TypeAdapter

from tests.fakes.clock import HandClock
from tests.support.governance.governing import START_NS, drift_policy, verdict
from torghut.eventlog.envelopes import Causes, Envelope, Steps, read_event
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.safety.drift_actions import DRIFT_ACTIONS, TakeVerdict
from torghut.schemas.governing.drift import DriftEvent, DriftVerdict
from torghut.workflows import aggregates
from torghut.workflows.aggregates import DRIFT
from torghut.workflows.drift.calling import status_called
from torghut.workflows.lane.drifting import last_drift
from torghut.workflows.lane.ports import DriftFound

SHOCK = verdict("regime_transition_shock_ratio_exceeded")
UNKNOWN = verdict(missing=["data_staleness_p95_exceeded"])


def found(*verdicts: DriftVerdict) -> DriftFound:
    """Return what is known of drift after verdicts a minute apart."""
    events: list[DriftEvent] = []
    for number, one in enumerate(verdicts, start=1):
        command = TakeVerdict(
            evaluation=number,
            at_ns=START_NS + number * 60_000_000_000,
            verdict=one,
            candidate=None,
            policy=drift_policy(),
        )
        events += DRIFT_ACTIONS.decide(command, DRIFT_ACTIONS.fold(events))

    async def read() -> DriftFound:
        log = InMemoryLog(clock=HandClock())
        causes = Causes(correlation_id="c", causation_id="c")
        await log.append_events(DRIFT.stream, events, expected_version=0, causes=causes)
        return await last_drift(log)

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([verdict()], "stable"),
        ([verdict(), SHOCK], "detected"),
        ([SHOCK, SHOCK], "cooldown"),
        ([SHOCK, SHOCK, verdict()], "stable"),
        ([UNKNOWN], "unhealthy"),
    ],
    ids=["stable", "detected", "cooldown", "over", "unhealthy"],
)
def test_newest_verdict_counts_and_drift_at_rest_is_still_drift(
    verdicts: Sequence[DriftVerdict], status: str
) -> None:
    last = found(*verdicts)

    assert last.verdict is not None
    assert status_called(last.verdict.verdict.status, withheld=last.withheld) == status
    assert last.verdict.at_ns == START_NS + len(verdicts) * 60_000_000_000


def test_nobody_judged_is_no_status() -> None:
    assert found().verdict is None


def test_what_was_judged_before_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def reading(envelope: Envelope, adapter: TypeAdapter[DriftEvent], steps: Steps) -> DriftEvent:
        read.append(envelope.type)
        return read_event(envelope, adapter, steps)

    monkeypatch.setattr(aggregates, "read_event", reading)

    assert found(*[verdict()] * 20, SHOCK, SHOCK).withheld
    assert read == ["drift.verdict-taken.v1"]
