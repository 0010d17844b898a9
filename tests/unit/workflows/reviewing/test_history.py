"""History says what the current manifest said at a time, and nothing that came later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.support.lane.rollouts import (
    START_NS,
    STEP_NS,
    plan,
    reassess,
    run_after,
    whole_run,
)
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import EventStore
from torghut.governance.rollouts.manifest import manifest_of
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    CrashLane,
    RolloutCommand,
    StartRun,
    read_rollout_event,
    rollout_stream,
)
from torghut.governance.verification.origin import OriginKind
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.types import Message
from torghut.workflows.reviewing.errors import RunUnknownError
from torghut.workflows.reviewing.history import Change, changes, manifest_at
from torghut.workflows.reviewing.runs import RunOnRecord, listed, run_on_record, runs_on_record
from torghut.workflows.streams import Streams

CAUSES = Causes(correlation_id="test", causation_id="test")
AGAIN: Sequence[RolloutCommand] = [
    StartRun(plan=plan(attempt=2), at_ns=START_NS + 20 * STEP_NS),
    CrashLane(detail="killed by signal 9", at_ns=START_NS + 21 * STEP_NS),
]


async def _recorded() -> InMemoryLog:
    """Return a log of a run that a later cycle failed, and of a second attempt that crashed."""
    log = InMemoryLog(clock=HandClock())
    for attempt, commands in ((1, [*whole_run(), reassess(drift="detected")]), (2, AGAIN)):
        for command in commands:
            stream = rollout_stream("run-1", attempt)
            await Streams(log).run(ROLLOUT, read_rollout_event, stream, command, causes=CAUSES)
    return log


def log() -> InMemoryLog:
    """Return such a log."""
    return asyncio.run(_recorded())


def runs() -> Sequence[RunOnRecord]:
    """Return its runs."""
    return asyncio.run(runs_on_record(log()))


def then(seconds: float) -> PhaseManifest:
    """Return what the current manifest said so many seconds after the start."""
    return manifest_at(runs(), START_NS + round(seconds * STEP_NS))


def test_every_change_is_told_in_order_with_its_reason() -> None:
    found = changes(runs())

    assert [one.what for one in found] == [
        "started",
        *(f"{name} pass" for name in [phase.name for phase in then(30).phases[:5]]),
        "lane completed",
        "finalised",
        "reassessed",
        "started",
        "lane crashed at gate-evaluation",
    ]
    assert [one.status for one in found] == [
        *["NOT FINAL"] * 7,
        "pass",
        "fail",
        *["NOT FINAL"] * 2,
    ]
    last: Change = found[8]
    assert last.why == "runtime governance fail, drift-detected; rollback proof pass"
    assert found[-1].why == "killed by signal 9"
    assert len(changes(runs(), START_NS + 2 * STEP_NS)) == 3


def test_what_was_said_at_a_time_is_what_the_events_until_then_lead_to() -> None:
    whole = whole_run()

    assert then(8.5) == manifest_of(run_after(whole))
    assert then(7.9) == manifest_of(run_after(whole[:-1]))
    assert then(3) == manifest_of(run_after(whole[:4]))
    assert then(9).status == "fail"
    assert then(20.5).observation_summary.attempt == 2


def test_before_the_first_run_nothing_was_said() -> None:
    with pytest.raises(RunUnknownError):
        then(-1)


def test_runs_are_listed_by_what_was_touched_last() -> None:
    found = [listed(one, InMemoryArtifacts(), (), START_NS) for one in runs()]

    assert [one.run.plan.attempt for one in found] == [2, 1]
    assert [one.manifest.status for one in found] == ["fail", "fail"]
    assert {one.origin.kind for one in found} == {OriginKind.UNSIGNED}
    assert listed(runs()[0], InMemoryArtifacts(), (), START_NS + 10**15).overdue


def test_one_run_is_found_by_its_name_the_last_attempt_first() -> None:
    events = log()

    def attempt(wanted: int | None) -> int:
        return asyncio.run(run_on_record(events, "run-1", wanted)).plan.attempt

    assert attempt(None) == 2
    assert attempt(1) == 1
    with pytest.raises(RunUnknownError, match="attempt 3"):
        attempt(3)


@dataclass(frozen=True, slots=True)
class Watched(EventStore):
    """A log that keeps which streams were read."""

    events: EventStore
    read: list[str] = field(default_factory=list)

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        return await self.events.append_events(
            stream, events, expected_version=expected_version, causes=causes
        )

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        self.read.append(stream)
        return await self.events.read_events(stream, after=after)

    @override
    async def streams(self, prefix: str, /) -> Sequence[str]:
        return await self.events.streams(prefix)


@pytest.mark.parametrize(
    ("wanted", "read"), [(None, ["rollout-run-1", "rollout-run-1:2"]), (2, ["rollout-run-1:2"])]
)
def test_for_one_run_no_other_is_read(wanted: int | None, read: list[str]) -> None:
    events = Watched(log())
    for other in ("run-10", "run-1-2", "run"):
        begun = StartRun(plan=plan(run_id=other), at_ns=START_NS)
        stream = rollout_stream(other)
        asyncio.run(
            Streams(events.events).run(ROLLOUT, read_rollout_event, stream, begun, causes=CAUSES)
        )

    found = asyncio.run(run_on_record(events, "run-1", wanted))

    assert (found.plan.run_id, found.plan.attempt) == ("run-1", 2)
    assert events.read == read


@pytest.mark.parametrize("name", ["run-1:2", "run", "run-", ""])
def test_what_is_no_run_id_names_no_run(name: str) -> None:
    with pytest.raises(RunUnknownError):
        asyncio.run(run_on_record(log(), name))
