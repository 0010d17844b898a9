"""A scheduler writes under its lease alone; who loses it in a cycle leaves nothing of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import pytest
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock, Stopwatch
from tests.fakes.eventlog import run
from tests.fakes.governance import FakeLane, FakeLoop, FakeMeter, governor, lane_commands
from tests.fakes.lease import InMemoryLease, LeaseOffice
from tests.support.governance.governing import safety_policy, scheduler_policy
from tests.support.lane.rollouts import evidence_files
from torghut.artifacts.errors import ArtifactUnreadableError, ReadFault
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.cycles.errors import CycleTimeError
from torghut.governance.leasing.errors import LeaseLostError, LeaseTakenError
from torghut.governance.notes.note import note_path, read_note
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.rollout.scheduler import Heartbeats, SchedulerPolicy
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.live.governance import GovernanceStanding
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import CYCLE_RECORD, LEASE, Governance
from torghut.workflows.drift.measuring import Measured, WindowAsked
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.scheduling.fencing import Fence, FencedArtifacts, FencedLoop
from torghut.workflows.scheduling.governor import Governor
from torghut.workflows.scheduling.ports import Observed, Since
from torghut.workflows.scheduling.running import (
    Pulse,
    Rest,
    Term,
    UnforeseenFaultError,
    govern,
    governance_of,
    run_one,
    under_lease,
)
from torghut.workflows.scheduling.standing import StandingPage

TTL_MS: Final = 30_000


@dataclass(slots=True, kw_only=True)
class HaltingLoop(FakeLoop):
    """A loop at which whoever looks is halted.

    Attributes:
        halted: What happens meanwhile.
    """

    halted: Callable[[], None] = lambda: None

    @override
    async def look(self, since: Since, /, *, now_ns: int) -> Observed:
        found = await FakeLoop.look(self, since, now_ns=now_ns)
        self.halted()
        return found


@dataclass(slots=True, kw_only=True)
class HaltingMeter(FakeMeter):
    """A meter at which whoever measures is halted."""

    halted: Callable[[], None] = lambda: None

    @override
    async def measure(self, asked: WindowAsked, /) -> Measured:
        found = await FakeMeter.measure(self, asked)
        self.halted()
        return found


@dataclass(slots=True)
class Place:
    """Everything that several schedulers would share."""

    log: InMemoryLog = field(default_factory=lambda: InMemoryLog(clock=HandClock()))
    store: InMemoryArtifacts = field(default_factory=lambda: InMemoryArtifacts(evidence_files()))
    office: LeaseOffice = field(default_factory=LeaseOffice)
    clock: HandClock = field(default_factory=HandClock)
    loop: HaltingLoop = field(default_factory=HaltingLoop)
    meter: HaltingMeter = field(default_factory=HaltingMeter)
    beats: list[int] = field(default_factory=list)
    notes: list[IterationNote] = field(default_factory=list)
    lanes: list[FakeLane] = field(default_factory=list)
    faults: list[TorghutError] = field(default_factory=list)

    def term(self, holder: str) -> Term:
        """Return what one scheduler is."""
        return Term(
            holder=holder,
            events=self.log,
            keeper=InMemoryLease(self.office, clock=self.clock, time_to_live_ms=TTL_MS),
            wall=self.clock,
            steady=Stopwatch(),
            lease=safety_policy().lease,
            policy=scheduler_policy(),
            governor=self.governor,
            beat=self.beats.append,
            told=self.notes.append,
            faulted=self.faults.append,
        )

    def governor(self, governance: Governance, fence: Fence) -> Governor:
        """Return what its cycles work with."""
        made = governor(governance, self.loop, meter=self.meter)
        made.store = FencedArtifacts(store=self.store, fence=fence)
        made.loop = FencedLoop(loop=self.loop, fence=fence)
        assert isinstance(made.lane, FakeLane)
        made.lane.waiting = [] if self.lanes else [lane_commands()]
        made.lane.last = self.lanes[-1].last if self.lanes else None
        self.lanes.append(made.lane)
        return made

    def expire(self) -> None:
        """Let the time pass in which a lease holds."""
        self.clock.time_ns += TTL_MS * 1_000_000

    def epochs(self) -> list[tuple[int, str]]:
        """Return the epochs on record."""
        state = [LEASE.read(one) for one in run(self.log.read_events(LEASE.stream))]
        return [(one.epoch, one.type.split(".")[1]) for one in state]


class Once(Rest):
    """Goes on so many times."""

    def __init__(self, times: int) -> None:
        self.times = times

    @override
    async def rest(self, seconds: float, /) -> bool:
        await asyncio.sleep(0)
        self.times -= 1
        return self.times >= 0


def test_each_term_has_an_epoch_above_all_before() -> None:
    place = Place()
    for name in ("one", "two"):
        run(govern(place.term(name), Once(2)))

    assert place.epochs() == [(1, "taken"), (1, "ended"), (2, "taken"), (2, "ended")]
    assert [(one.cycle, one.epoch) for one in place.notes] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    assert set(place.beats) == {1, 2}


@dataclass(slots=True)
class Faults:
    """Breaks so many looks at the loop: a cycle that breaks off by one looks once more."""

    left: int

    def __call__(self) -> None:
        """Break one."""
        self.left -= 1
        if self.left >= 0:
            raise ArtifactUnreadableError(path="notes", fault=ReadFault.UNREADABLE)


def test_cycle_that_breaks_off_is_ended_by_the_next_one_and_governance_goes_on() -> None:
    place = Place()
    place.loop.halted = Faults(4)
    run(govern(place.term("one"), Once(4)))

    assert [one.code for one in place.faults] == ["artifacts.unreadable"] * 2
    assert [one.cycle for one in place.notes] == [3, 4]
    assert [read_note(place.store.read(note_path(n))).reason for n in (1, 2)] == [
        "cycle-interrupted"
    ] * 2


def test_governance_that_breaks_off_again_and_again_gives_up() -> None:
    place = Place()
    place.loop.halted = Faults(6)
    with pytest.raises(ArtifactUnreadableError):
        run(govern(place.term("one"), Once(9)))

    assert place.notes == []


def test_beat_that_cannot_be_written_is_missed_and_said_once() -> None:
    place = Place()

    def full(_epoch: int) -> None:
        raise ArtifactUnreadableError(path="beat", fault=ReadFault.UNREADABLE)

    term = replace(place.term("one"), beat=full, policy=beating_every(ms=1))

    run(govern(term, Awhile(2)))

    assert len(place.notes) == 2
    assert [one.code for one in place.faults] == [ArtifactUnreadableError.code]


def test_page_that_cannot_be_written_ends_no_cycle_and_is_said() -> None:
    place = Place()

    def full(_: GovernanceStanding) -> None:
        raise ArtifactUnreadableError(path="standing", fault=ReadFault.UNREADABLE)

    page = StandingPage(pid=1, log="live.log", every_s=60.0, wall=place.clock, put=full)
    run(govern(replace(place.term("one"), page=page), Once(2)))

    assert len(place.notes) == 2
    assert {one.code for one in place.faults} == {ArtifactUnreadableError.code}


def test_page_of_one_who_lost_the_lease_takes_the_place_of_no_other() -> None:
    place = Place()
    shown: list[GovernanceStanding] = []
    page = StandingPage(pid=1, log="live.log", every_s=60.0, wall=place.clock, put=shown.append)

    def told(note: IterationNote) -> None:
        place.notes.append(note)
        place.expire()

    term = replace(place.term("one"), page=page, told=told)
    with pytest.raises(LeaseLostError):
        run(govern(term, Once(3)))

    assert len(place.notes) == 1
    assert len(shown) == 1, "the one from before the cycle"


def beating_every(*, ms: int) -> SchedulerPolicy:
    """Return the shipped policy with beats so often."""
    policy = scheduler_policy()
    beats = Heartbeats(every_ms=ms, time_to_live_ms=policy.heartbeats.time_to_live_ms)
    return policy.model_copy(update={"heartbeats": beats})


def test_error_that_nobody_foresaw_ends_no_governance_but_is_said() -> None:
    place = Place()
    broken = [KeyError("gone"), None, ZeroDivisionError("none")]

    def halted() -> None:
        if broken and (error := broken.pop(0)) is not None:
            raise error

    place.loop.halted = halted
    run(govern(place.term("one"), Once(4)))

    assert [one.code for one in place.faults] == ["scheduler.unforeseen"] * 2
    assert "KeyError in halted" in str(place.faults[0])
    assert [one.reason for one in place.notes[:1]] != ["cycle-interrupted"]
    assert len(place.notes) == 2


def test_errors_that_nobody_foresaw_end_governance_when_they_come_again_and_again() -> None:
    place = Place()

    def halted() -> None:
        raise ZeroDivisionError

    place.loop.halted = halted
    with pytest.raises(UnforeseenFaultError):
        run(govern(place.term("one"), Once(9)))

    assert place.epochs() == [(1, "taken")]


def test_beats_stop_where_no_cycle_is_over_for_as_long_as_several_take() -> None:
    place, steady = Place(), Stopwatch()
    pulse = Pulse(steady=steady, patience_s=180.0)
    pulse.come()

    async def counted(_governance: Governance, _fence: Fence) -> tuple[int, int, int]:
        await asyncio.sleep(0.05)
        before = len(place.beats)
        steady.time_ns += 181 * 1_000_000_000
        await asyncio.sleep(0.02)
        hung = len(place.beats)
        await asyncio.sleep(0.05)
        silent = len(place.beats) - hung
        pulse.come()
        await asyncio.sleep(0.05)
        return before, silent, len(place.beats) - hung

    term = replace(place.term("one"), steady=steady, policy=beating_every(ms=1))
    before, silent, again = asyncio.run(under_lease(term, counted, pulse=pulse))

    assert before > 1
    assert silent == 0
    assert again > 1


class Awhile(Once):
    """Goes on so many times, some time apart."""

    @override
    async def rest(self, seconds: float, /) -> bool:
        await asyncio.sleep(0.02)
        return await super().rest(seconds)


@pytest.mark.parametrize("ever", [False, True])
def test_scheduler_that_never_gets_through_is_not_heard_however_often_it_is_started(
    *, ever: bool
) -> None:
    place = Place()
    if ever:
        run(govern(place.term("before"), Once(1)))
        place.clock.time_ns += 181 * 1_000_000_000
    place.beats.clear()
    place.loop.halted = Faults(99)
    for life in range(3):
        term = replace(place.term(f"life-{life}"), policy=beating_every(ms=1))
        with pytest.raises(ArtifactUnreadableError):
            run(govern(term, Awhile(9)))

    assert place.beats == []


def test_scheduler_is_heard_at_once_where_the_last_whole_cycle_is_not_long_ago() -> None:
    place = Place()
    run(govern(place.term("before"), Once(1)))
    place.beats.clear()
    run(govern(replace(place.term("after"), policy=beating_every(ms=1)), Awhile(0)))

    assert set(place.beats) == {2}


def test_one_cycle_is_heard_once_it_is_whole_and_not_before() -> None:
    place = Place()
    heard: list[int] = []
    place.loop.halted = lambda: heard.append(len(place.beats))
    run(run_one(place.term("one")))

    assert (heard, place.beats) == ([0], [1])


def test_page_is_shown_after_a_cycle_that_broke_off() -> None:
    place = Place()
    shown: list[GovernanceStanding] = []
    page = StandingPage(pid=1, log="live.log", every_s=60.0, wall=place.clock, put=shown.append)
    place.loop.shown = replace(place.loop.shown, fallback_ratio=reading_of(0.9, samples=99))
    place.meter.halted = Faults(1)
    run(govern(replace(place.term("one"), page=page), Once(1)))

    assert shown[1].latch is not None


def test_cycle_at_a_time_that_is_still_to_come_is_refused() -> None:
    place = Place()
    with pytest.raises(CycleTimeError, match="a time before now"):
        run(run_one(place.term("one"), now_ns=place.clock.time_ns + 1))


def test_second_scheduler_is_refused_while_the_first_one_governs() -> None:
    place = Place()

    def second() -> None:
        with pytest.raises(LeaseTakenError, match="one"):
            run(run_one(place.term("two")))

    async def work() -> None:
        async def inside(_governance: Governance, _fence: Fence) -> None:
            await asyncio.to_thread(second)

        await under_lease(place.term("one"), inside)

    asyncio.run(work())


@pytest.mark.parametrize("at", ["loop", "meter"])
def test_scheduler_that_was_halted_past_its_lease_writes_nothing_of_its_cycle_any_more(
    at: Literal["loop", "meter"],
) -> None:
    place = Place()
    run(run_one(place.term("one")))
    files = {name: place.store.read(name) for name in (CURRENT, "notes/iteration-1.md")}
    told: list[list[str]] = []
    halting = place.loop if at == "loop" else place.meter

    def takes_over() -> None:
        halting.halted = lambda: None
        told.append(sorted(place.loop.recorded))
        place.expire()
        second = InMemoryLease(place.office, clock=place.clock, time_to_live_ms=TTL_MS)
        second.take("two")

    halting.halted = takes_over
    place.loop.shown = replace(place.loop.shown, lag_ms=reading_of(600_000.0))
    with pytest.raises(LeaseLostError):
        run(run_one(place.term("halted")))

    assert {name: place.store.read(name) for name in files} == files
    assert place.store.names("notes") == ["iteration-1.md"]
    assert told == [sorted(place.loop.recorded)]
    assert not place.loop.stopped
    assert run(governance_of(place.log).state(CYCLE_RECORD)).open is not None


def test_scheduler_that_wakes_after_its_lease_says_no_more_that_governance_is_there() -> None:
    place = Place()

    async def work() -> None:
        async def halted(_governance: Governance, _fence: Fence) -> None:
            await asyncio.sleep(0.02)
            place.expire()
            place.beats.clear()
            await asyncio.sleep(1)

        pulse = Pulse(steady=Stopwatch(), patience_s=1.0)
        pulse.come()
        await under_lease(_beating_often(place), halted, pulse=pulse)

    with pytest.raises(LeaseLostError):
        asyncio.run(work())
    assert place.beats == []


def test_somebody_who_looks_at_the_lease_at_its_end_neither_fails_it_nor_hides_why_it_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torghut.workflows.scheduling.fencing._PAUSE_S", 0.001)
    place = Place()

    async def breaks(_governance: Governance, _fence: Fence) -> None:
        place.office.busy = True
        asyncio.get_running_loop().call_later(0.01, place.office.free)
        message = "the cycle broke"
        raise ZeroDivisionError(message)

    with pytest.raises(ZeroDivisionError):
        run(under_lease(place.term("one"), breaks))
    assert run(run_one(place.term("two"))).epoch == 2


def _beating_often(place: Place) -> Term:
    """Return a term that beats every few milliseconds."""
    heartbeats = Heartbeats(every_ms=5, time_to_live_ms=1000)
    policy = {**scheduler_policy().model_dump(), "heartbeats": heartbeats}
    return replace(place.term("one"), policy=SchedulerPolicy.model_validate(policy))
