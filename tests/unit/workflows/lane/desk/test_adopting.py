"""A lane killed at any moment: whoever comes next ends it, and the manifest fails there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.dying import Killed
from tests.support.lane.lanes import COUNTED, ROUTER, LaneWorld, evaluated, made_run, made_work
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.ports import EventStore
from torghut.governance.ledger.ledger import ledger_stream
from torghut.governance.rollouts.manifest import manifest_bytes, manifest_of
from torghut.governance.verification.verifying import read_manifest
from torghut.schemas.rollout.phases import LANE_PHASES
from torghut.schemas.types import Message
from torghut.workflows.lane.desk.adopting import adopt_crashed
from torghut.workflows.lane.ports import Evaluating, LanePorts
from torghut.workflows.lane.running import lane_state, run_autonomous_lane
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.rollout.publishing import project_run


@dataclass(slots=True)
class Fuse:
    """Kills after so many writes, before or after the one that it burns at."""

    left: int
    before: bool

    @contextmanager
    def burning(self) -> Iterator[None]:
        """Write inside, or be killed."""
        self.left -= 1
        if self.left == 0 and self.before:
            raise Killed
        yield
        if self.left == 0:
            raise Killed


@dataclass(frozen=True, slots=True)
class DyingStore(ArtifactStore):
    """Artifacts of a process that will be killed."""

    store: InMemoryArtifacts
    fuse: Fuse

    @override
    def read(self, path: str, /) -> bytes:
        return self.store.read(path)

    @override
    def names(self, folder: str, /) -> Sequence[str]:
        return self.store.names(folder)

    @override
    def replace(self, path: str, body: bytes, /) -> None:
        with self.fuse.burning():
            self.store.replace(path, body)

    @override
    def create(self, path: str, body: bytes, /) -> None:
        with self.fuse.burning():
            self.store.create(path, body)


@dataclass(frozen=True, slots=True)
class DyingEvents(EventStore):
    """Governance's log under a process that will be killed."""

    events: EventStore
    fuse: Fuse

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        with self.fuse.burning():  # what is returned is never seen by whoever is killed
            return await self.events.append_events(
                stream, events, expected_version=expected_version, causes=causes
            )

    @override
    async def streams(self, prefix: str, /) -> Sequence[str]:
        return await self.events.streams(prefix)

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        return await self.events.read_events(stream, after=after)


async def killed_at(
    write: int, *, before: bool, evaluate: Evaluating | None = None
) -> tuple[LaneWorld, bool]:
    """Return a world in which the lane was killed at a write, and whether it was."""
    world = LaneWorld()
    work = await made_work(world, evaluate)
    fuse = Fuse(left=write, before=before)
    ports: LanePorts = replace(
        world.ports(),
        store=DyingStore(world.files, fuse),
        events=DyingEvents(world.events, fuse),
    )
    try:
        await run_autonomous_lane(work, ports)
    except Killed:
        return world, True
    return world, False


async def check_adopted(world: LaneWorld) -> None:
    """Check that the run is ended where it stood, once, and that its manifest says so."""
    before = await lane_state(world.events)
    found = await adopt_crashed(world.ports())
    after = await lane_state(world.events)
    assert after.running is None
    assert await adopt_crashed(world.ports()) is None
    if before.running is None:
        assert found is None
        return
    assert found is not None
    assert found.ended.outcome in ("killed", "completed")
    assert after.failure_streak == (found.ended.outcome == "killed")
    rebuilt = manifest_of(await project_run(world.events, found.ended.run_id))
    assert world.files.read(CURRENT) == world.files.read(found.own_copy) == manifest_bytes(rebuilt)
    manifest = read_manifest(world.files.read(CURRENT))
    assert manifest.status == "fail" or found.ended.outcome == "completed"
    if found.ended.outcome == "completed":
        assert found.verdict == "promote"
        assert (found.ended.signals, found.ended.decisions) == COUNTED
    else:
        assert found.verdict == ""
    if found.ended.outcome == "killed":
        place = LANE_PHASES.index(found.ended.phase or "paper-canary")
        expected = ["pass"] * place + ["fail"] * (5 - place)
        if place < 4 or manifest.phases[4].status == "fail":
            assert [phase.status for phase in manifest.phases[:5]] == expected


@pytest.mark.parametrize(
    ("before", "step"),
    [
        (True, 5),
        (False, 5),
        pytest.param(True, 1, marks=pytest.mark.slow),
        pytest.param(False, 1, marks=pytest.mark.slow),
    ],
)
def test_whatever_write_it_is_killed_at_the_next_one_ends_it_where_it_stood(
    before: bool,  # noqa: FBT001
    step: int,
) -> None:
    async def run() -> int:
        write = 1 - step
        while True:
            write += step
            world, killed = await killed_at(write, before=before)
            await check_adopted(world)
            if not killed:
                return write

    assert asyncio.run(run()) > 30


@pytest.mark.parametrize("before", [True, False])
def test_whatever_write_it_is_killed_at_a_loser_is_on_record_once(
    before: bool,  # noqa: FBT001
) -> None:
    async def run() -> None:
        write, killed = 25, True
        while killed:
            write += 1
            denied = evaluated(verdict="deny", reason="worse")
            world, killed = await killed_at(write, before=before, evaluate=denied)
            await adopt_crashed(world.ports())
            await adopt_crashed(world.ports())
            events = await world.events.read_events(ledger_stream(ROUTER))
            assert [one.type for one in events].count("ledger.retained.v1") == 1

    asyncio.run(run())


def test_a_run_that_was_adopted_can_be_asked_again_as_the_next_attempt() -> None:
    async def run() -> LaneWorld:
        world, _ = await killed_at(9, before=True)
        await adopt_crashed(world.ports())
        return world

    world = asyncio.run(run())

    result = made_run(world)

    assert (result.ended.attempt, result.ended.outcome) == (2, "completed")
    assert result.ended.failure_streak == 0


def test_where_nothing_is_at_work_there_is_nothing_to_adopt() -> None:
    world = LaneWorld()
    made_run(world, evaluated(verdict="no-op", reason="not-better"))

    assert asyncio.run(adopt_crashed(world.ports())) is None
