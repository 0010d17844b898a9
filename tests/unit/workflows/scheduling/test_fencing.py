"""Whoever has lost the lease writes nothing: no event, no file, nothing to the loop, no beat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES
from tests.fakes.governance import FakeLoop
from tests.fakes.lease import InMemoryLease, LeaseOffice
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.leasing.epochs import BeginEpoch
from torghut.governance.leasing.errors import LeaseLostError, LeaseTakenError
from torghut.schemas.control import StopChanged
from torghut.schemas.governing.lease import LeaseTaken
from torghut.workflows.aggregates import LEASE, Governance
from torghut.workflows.scheduling.fencing import (
    Fence,
    FencedArtifacts,
    FencedEvents,
    FencedLoop,
)
from torghut.workflows.streams import Streams

TTL_MS: Final = 1000
STOP: Final = StopChanged(control_id="latch:x:stopped", state="stopped", reason="test")


@dataclass(slots=True)
class Desk:
    """A holder of a lease, everything that it may write, and whoever takes the lease from it."""

    office: LeaseOffice = field(default_factory=LeaseOffice)
    clock: HandClock = field(default_factory=HandClock)
    files: InMemoryArtifacts = field(default_factory=InMemoryArtifacts)
    loop: FakeLoop = field(default_factory=FakeLoop)
    log: InMemoryLog = field(default_factory=lambda: InMemoryLog(clock=HandClock()))
    beats: list[str] = field(default_factory=list)

    def fence(self, holder: str = "one") -> Fence:
        """Take the lease."""
        keeper = InMemoryLease(self.office, clock=self.clock, time_to_live_ms=TTL_MS)
        return Fence(keeper=keeper, lease=keeper.take(holder))

    def taken_over(self) -> None:
        """Let the lease expire, and another one take it."""
        self.clock.time_ns += TTL_MS * 1_000_000
        self.fence("two")

    def writes(self, fence: Fence) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """Return every way to write something."""
        files = FencedArtifacts(store=self.files, fence=fence)
        loop = FencedLoop(loop=self.loop, fence=fence)
        governance = Governance(
            streams=Streams(FencedEvents(store=self.log, fence=fence)), causes=CAUSES
        )

        async def now(work: Callable[[], object]) -> None:
            work()

        return {
            "event": lambda: governance.run(LEASE, BeginEpoch(epoch=1, holder="one", at_ns=1)),
            "file made": lambda: now(lambda: files.create("notes/a", b"a")),
            "file replaced": lambda: now(lambda: files.replace("rollout/a", b"a")),
            "record": lambda: loop.offer([STOP]),
            "throw": lambda: now(lambda: loop.throw_stop(throw_id="t", reason="r")),
            "release": lambda: loop.release_stop(throw_id="t", reason="r"),
            "beat": lambda: fence.beat(lambda: self.beats.append("beat")),
        }

    def written(self) -> object:
        """Return everything that was written."""
        events = asyncio.run(self.log.read_events(LEASE.stream))
        names = [*self.files.names("notes"), *self.files.names("rollout")]
        told = sorted(self.loop.recorded), dict(self.loop.thrown)
        return len(events), names, told, [*self.beats]


WAYS: Final = tuple(Desk().writes(Desk().fence()))


@pytest.mark.parametrize("way", WAYS)
def test_holder_writes(way: str) -> None:
    desk = Desk()
    if way == "release":
        desk.loop.thrown["t"] = "r"
    before = desk.written()
    asyncio.run(_do(desk, desk.fence(), way))

    assert desk.written() != before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("expired_only", [True, False])
def test_nothing_is_written_once_the_lease_is_lost(way: str, *, expired_only: bool) -> None:
    desk = Desk()
    fence = desk.fence()
    if expired_only:
        desk.clock.time_ns += TTL_MS * 1_000_000
    else:
        desk.taken_over()
    before = desk.written()

    with pytest.raises(LeaseLostError):
        asyncio.run(_do(desk, fence, way))
    assert desk.written() == before


@pytest.mark.parametrize("way", WAYS)
def test_somebody_who_is_at_the_lease_for_a_moment_is_waited_for(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torghut.workflows.scheduling.fencing._PAUSE_S", 0.001)
    desk = Desk()
    fence = desk.fence()
    if way == "release":
        desk.loop.thrown["t"] = "r"
    before = desk.written()

    async def work() -> None:
        desk.office.busy = True
        timer = asyncio.get_running_loop().run_in_executor(None, _free_soon, desk)
        await _do(desk, fence, way)
        await timer

    asyncio.run(work())
    assert desk.written() != before


def test_somebody_who_stays_at_the_lease_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torghut.workflows.scheduling.fencing._TRIES", 2)
    desk = Desk()
    fence = desk.fence()
    desk.office.busy = True

    for way in WAYS:
        with pytest.raises(LeaseTakenError):
            asyncio.run(_do(desk, fence, way))
    with pytest.raises(LeaseTakenError):
        asyncio.run(fence.renew())
    asyncio.run(fence.release())  # it expires


def test_lease_can_be_renewed_while_the_turn_to_append_is_waited_for() -> None:
    desk = Desk()
    fence = desk.fence()
    free = asyncio.Event()

    @asynccontextmanager
    async def turn() -> AsyncIterator[None]:
        await free.wait()
        yield

    events = FencedEvents(store=desk.log, fence=fence, turn=turn)
    taken = LeaseTaken(epoch=1, holder="one", at_ns=1)

    async def work() -> None:
        appending = asyncio.ensure_future(
            events.append_events(LEASE.stream, [taken], expected_version=0, causes=CAUSES)
        )
        for _ in range(5):
            await asyncio.sleep(0)
            desk.clock.time_ns += (TTL_MS - 1) * 1_000_000
            await asyncio.wait_for(fence.renew(), 1)
        free.set()
        assert await appending == 1

    asyncio.run(work())


def test_write_that_is_broken_off_is_over_before_the_lease_is_free() -> None:
    desk = Desk()
    fence = desk.fence()
    held: list[bool] = []

    class SlowLoop(FakeLoop):
        async def offer(self, records):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            await asyncio.sleep(0.01)
            held.append(desk.office.busy)
            return await FakeLoop.offer(self, records)

    async def work() -> None:
        telling = asyncio.ensure_future(FencedLoop(loop=SlowLoop(), fence=fence).offer([STOP]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        telling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await telling

    asyncio.run(work())
    assert held == [True]
    assert not desk.office.busy


async def _do(desk: Desk, fence: Fence, way: str) -> None:
    await desk.writes(fence)[way]()


def _free_soon(desk: Desk) -> None:
    """Let others at the lease, a little later; from another thread: some wait in their own."""
    time.sleep(0.005)
    desk.office.free()
