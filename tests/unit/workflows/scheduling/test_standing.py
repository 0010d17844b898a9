"""The scheduler's page says what events and the last note say, and never more than they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.fakes.governance import FakeLoop, governor, lane_commands
from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.lane.rollouts import evidence_files
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.live.governance import GovernanceStanding
from torghut.workflows.aggregates import Governance
from torghut.workflows.scheduling.cycle import run_cycle
from torghut.workflows.scheduling.governor import Governor
from torghut.workflows.scheduling.standing import StandingPage
from torghut.workflows.streams import Streams

MINUTE_NS: Final = 60 * SECOND_NS


class World:
    """A scheduler that says how it stands after each cycle."""

    def __init__(self) -> None:
        self.log = InMemoryLog(clock=HandClock())
        self.store = InMemoryArtifacts(evidence_files())
        self.loop = FakeLoop()
        self.governor = self.opened()
        self.said: list[GovernanceStanding] = []
        self.now_ns = START_NS
        self.page = self.made()

    def opened(self) -> Governor:
        """Return a governor that knows what the log says, and nothing else."""
        governance = Governance(streams=Streams(self.log), causes=CAUSES)
        return governor(governance, self.loop, store=self.store)

    def made(self) -> StandingPage:
        """Return the page of a new process."""
        return StandingPage(
            pid=42,
            log="live.log",
            every_s=60.0,
            wall=HandClock(time_ns=START_NS),
            put=self.said.append,
        )

    def cycle(self, **seen: object) -> GovernanceStanding:
        """Run a cycle in which the loop shows ``seen``, and return the page after it."""
        self.now_ns += MINUTE_NS
        self.loop.shown = replace(self.loop.shown, **seen)  # type: ignore[arg-type]
        note = run(run_cycle(self.governor, epoch=1, holder="one", now_ns=self.now_ns))
        self.page.count(note.outcome)
        return self.shown()

    def shown(self, *, ended: bool = False) -> GovernanceStanding:
        """Return the page as it is put now."""
        run(self.page.show(self.governor, holder="one", epoch=1, ended=ended))
        return self.said[-1]


def test_before_the_first_cycle_there_is_none() -> None:
    said = World().shown()

    assert (said.last, said.latch, said.manifest, said.ended) == (None, None, None, False)


def test_cycles_are_counted_and_the_last_one_is_named() -> None:
    world = World()
    world.cycle()
    said = world.cycle(no_signal="source-silent", signals=0, decisions=0)

    assert said.last is not None
    assert (said.last.cycle, said.last.outcome, said.last.note) == (
        2,
        "blocked_no_signal",
        "notes/iteration-2.md",
    )
    assert said.last.at_ns == world.now_ns
    assert (said.cycles.lane_completed, said.cycles.blocked_no_signal) == (1, 1)
    assert world.shown(ended=True).ended


def test_closed_latch_is_told_since_it_closed_whatever_was_added_later() -> None:
    world = World()
    world.cycle()
    first = world.cycle(lag_ms=reading_of(600_000.0))
    since = world.now_ns
    later = world.cycle(fallback_ratio=reading_of(0.25, samples=8))

    assert first.latch is not None
    assert later.latch is not None
    assert (first.latch.triggers, first.latch.recovers) == (("signal-lag",), True)
    assert (later.latch.triggers, later.latch.recovers) == (
        ("fallback-ratio", "signal-lag"),
        False,
    )
    assert first.latch.since_ns == later.latch.since_ns == since
    world.governor, world.page = world.opened(), world.made()
    assert world.shown().latch == later.latch


def test_manifest_is_what_the_last_note_says_of_it() -> None:
    world = World()
    lane = world.governor.lane
    getattr(lane, "waiting").append(lane_commands())  # noqa: B009 - a fake's own
    said = world.cycle()

    assert said.manifest is not None
    assert said.manifest.status == "pass"
    world.store.replace("notes/iteration-1.md", b"something else")
    assert world.shown().manifest is None


@pytest.mark.parametrize("names", [["lane_completed"], []])
def test_counts_begin_with_the_scheduler(names: Sequence[str]) -> None:
    world = World()
    for _ in names:
        world.cycle()
    world.page = world.made()

    assert world.shown().cycles.lane_completed == 0
