"""A process that dies at any port call of a cycle loses nothing, and nothing happens twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.dying import Killed
from tests.fakes.eventlog import CAUSES, run
from tests.fakes.governance import GOOD, FakeLane, FakeLoop, FakeMeter, governor, lane_commands
from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.lane.rollouts import evidence_files
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.notes.note import note_path, read_note
from torghut.governance.rollouts.manifest import manifest_bytes, manifest_of
from torghut.governance.verification.verifying import read_manifest
from torghut.schemas.control import ControlRecord
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.types import Message
from torghut.workflows.aggregates import (
    CYCLE_RECORD,
    DRIFT,
    SIGNALS,
    STOP_LATCH,
    Governance,
    rollback_of,
    rollout_of,
)
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.rollout.publishing import own_manifests
from torghut.workflows.scheduling.cycle import run_cycle
from torghut.workflows.scheduling.ports import Answer
from torghut.workflows.streams import Streams


@dataclass(slots=True)
class Fate:
    """Kills at a port call, before or after its effect.

    Attributes:
        at: Which call; 0: none.
        after: Whether it has its effect first.
        calls: So far.
    """

    at: int = 0
    after: bool = False
    calls: int = 0

    def before_effect(self) -> None:
        """Count a call, and perhaps die before it."""
        self.calls += 1
        if self.calls == self.at and not self.after:
            raise Killed

    def after_effect(self) -> None:
        """Perhaps die after the call that was counted."""
        if self.calls == self.at and self.after:
            raise Killed


class MortalLog(InMemoryLog):
    """A log whose appender may die."""

    fate = Fate()

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        self.fate.before_effect()
        version = await super().append_events(
            stream, events, expected_version=expected_version, causes=causes
        )
        self.fate.after_effect()
        return version


class MortalStore(InMemoryArtifacts):
    """A store whose writer may die."""

    fate = Fate()

    @override
    def create(self, path: str, body: bytes, /) -> None:
        self.fate.before_effect()
        super().create(path, body)
        self.fate.after_effect()

    @override
    def replace(self, path: str, body: bytes, /) -> None:
        self.fate.before_effect()
        super().replace(path, body)
        self.fate.after_effect()


@dataclass(slots=True, kw_only=True)
class MortalLoop(FakeLoop):
    """A loop whose caller may die."""

    fate: Fate

    @override
    async def offer(self, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        self.fate.before_effect()
        answers = await FakeLoop.offer(self, records)
        self.fate.after_effect()
        return answers


class World:
    """A scheduler with a lane, drift and a stop in its three cycles, killed once on the way.

    Args:
        fate: When it is killed.
        runs: That wait for the lane, each in a cycle of its own.
    """

    def __init__(self, fate: Fate, *, runs: int = 1) -> None:
        self.fate = fate
        self.log = MortalLog(clock=HandClock())
        self.store = MortalStore(evidence_files())
        self.log.fate = self.store.fate = fate
        self.loop = MortalLoop(fate=fate)
        self.meter = FakeMeter()
        self.waiting = [lane_commands(attempt=1 + again) for again in range(runs)]
        self.last = None
        self.now_ns = START_NS

    def governance(self) -> Governance:
        """Return the streams as a new process reads them."""
        return Governance(streams=Streams(self.log), causes=CAUSES)

    def live(self) -> None:
        """Run three cycles; whoever dies in one is followed by another process a minute later."""
        for step in self._steps():
            done = False
            while not done:
                step()
                self.now_ns += 60 * SECOND_NS
                done = self._cycle()

    def _cycle(self) -> bool:
        made = governor(self.governance(), self.loop, store=self.store, meter=self.meter)
        assert isinstance(made.lane, FakeLane)
        made.lane.waiting = self.waiting
        made.lane.last = self.last
        try:
            run(run_cycle(made, epoch=1, holder="one", now_ns=self.now_ns))
        except Killed:
            return False
        finally:
            self.last, self.waiting = made.lane.last, made.lane.waiting
        return True

    def _steps(self) -> Iterator[Callable[[], None]]:
        def well() -> None:
            self.loop.shown = GOOD

        def drifting() -> None:
            self.meter.drift("data_duplicate_ratio_exceeded")

        def late() -> None:
            self.loop.shown = replace(GOOD, lag_ms=reading_of(600_000.0))

        yield from (well, drifting, late)


def calls_of_a_life() -> int:
    """Return how many port calls an undisturbed life has."""
    world = World(Fate())
    world.live()
    return world.fate.calls


CALLS: Final = calls_of_a_life()


def deaths(*, every: bool) -> list[tuple[int, bool]]:
    """Return calls to die at, before or after their effect: all of them, or each fifth."""
    all_ = [(at, after) for at in range(1, CALLS + 1) for after in (False, True)]
    return all_ if every else all_[::5]


@pytest.mark.parametrize(("at", "after"), deaths(every=False))
def test_killed_at_a_port_call_nothing_is_lost_or_doubled(at: int, *, after: bool) -> None:
    nothing_is_lost_or_doubled(at, after=after)


@pytest.mark.slow
@pytest.mark.parametrize(("at", "after"), deaths(every=True))
def test_killed_at_any_port_call_nothing_is_lost_or_doubled(at: int, *, after: bool) -> None:
    nothing_is_lost_or_doubled(at, after=after)


def nothing_is_lost_or_doubled(at: int, *, after: bool) -> None:
    """Live a life that is killed there, and check what it leaves."""
    world = World(Fate(at=at, after=after))
    world.live()
    governance = world.governance()
    latch = run(governance.state(STOP_LATCH))
    drift = run(governance.state(DRIFT))
    cycles = run(governance.state(CYCLE_RECORD))

    assert world.loop.stopped
    assert latch.incident is not None
    assert latch.incident.triggers == {"signal-lag"}
    assert len(drift.open) == 1, "one retraining, whatever was done again"
    assert cycles.open is None
    names = world.store.names("notes")
    assert names == sorted(f"iteration-{n}.md" for n in range(1, cycles.number + 1))
    notes = [read_note(world.store.read(note_path(n))) for n in range(1, cycles.number + 1)]
    assert [one.cycle for one in notes] == list(range(1, cycles.number + 1))
    assert run(governance.state(SIGNALS)).last is not None
    manifest = read_manifest(world.store.read(CURRENT))
    assert manifest.observation_summary.finalised
    assert manifest.status == "fail"
    rollback = run(governance.state(rollback_of("run-1")))
    assert rollback.triggered is not None
    assert (rollback.triggered.number, manifest.rollback_proof.status) == (1, "pass")


@pytest.mark.parametrize(("at", "after"), deaths(every=False))
def test_killed_at_a_port_call_each_run_has_the_files_that_it_came_to(
    at: int, *, after: bool
) -> None:
    each_run_has_its_files(at, after=after)


@pytest.mark.slow
@pytest.mark.parametrize(("at", "after"), deaths(every=True))
def test_killed_at_any_port_call_each_run_has_the_files_that_it_came_to(
    at: int, *, after: bool
) -> None:
    each_run_has_its_files(at, after=after)


def each_run_has_its_files(at: int, *, after: bool) -> None:
    """Live a life that is killed there while another run waits, and check what is published."""
    world = World(Fate(at=at, after=after), runs=2)
    world.live()
    governance = world.governance()
    states = [run(governance.state(rollout_of("run-1", attempt))) for attempt in (1, 2)]

    for state in states:
        for place, body in own_manifests(state).items():
            assert world.store.read(place) == body
    assert world.store.read(CURRENT) == manifest_bytes(manifest_of(states[-1]))


def test_an_undisturbed_life_has_three_cycles_with_enough_places_to_die_at() -> None:
    world = World(Fate())
    world.live()

    assert len(world.store.names("notes")) == 3
    assert CALLS > 40
