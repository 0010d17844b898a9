"""A backfill is its range and nothing else: the same notes and events, whenever it is run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock, Stopwatch
from tests.fakes.eventlog import run
from tests.fakes.governance import FakeLoop, governor
from tests.fakes.lease import InMemoryLease, LeaseOffice
from tests.support.governance.governing import SECOND_NS, START_NS, safety_policy, scheduler_policy
from tests.support.lane.rollouts import evidence_files
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.cycles.errors import BackfillBehindError
from torghut.governance.leasing.errors import LeaseTakenError
from torghut.governance.notes.note import note_path, read_note
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.scheduling.backfilling import Backfilled, Grid, backfill
from torghut.workflows.scheduling.running import Term

MINUTE_NS: Final = 60 * SECOND_NS
GRID: Final = Grid(from_ns=START_NS, to_ns=START_NS + 5 * MINUTE_NS, every_ns=MINUTE_NS)
FAR_NS: Final = 10**9 * SECOND_NS
"""Wall time, long after everything that is gone through."""


@dataclass
class World:
    """A folder of artifacts, and whoever goes through recorded data there."""

    wall: HandClock = field(default_factory=lambda: HandClock(time_ns=FAR_NS))
    log: InMemoryLog = field(default_factory=lambda: InMemoryLog(clock=HandClock()))
    store: InMemoryArtifacts = field(default_factory=lambda: InMemoryArtifacts(evidence_files()))
    office: LeaseOffice = field(default_factory=LeaseOffice)
    told: list[tuple[int, int]] = field(default_factory=list)

    def run(self, holder: str = "one", grid: Grid = GRID, *, most: int = 99) -> Backfilled:
        """Go through a range, but at most so many cycles."""
        loop, left = FakeLoop(away=True), iter(range(most))
        term = Term(
            holder=holder,
            events=self.log,
            keeper=InMemoryLease(self.office, clock=self.wall, time_to_live_ms=30_000),
            wall=self.wall,
            steady=Stopwatch(),
            lease=safety_policy().lease,
            policy=scheduler_policy(),
            governor=lambda governance, _fence: governor(governance, loop, store=self.store),
            beat=lambda _epoch: None,
            faulted=lambda _error: None,
            told=lambda _: None,
        )

        def tell(note: IterationNote, done: int) -> None:
            self.told.append((note.began_at_ns, done))

        return run(backfill(term, grid, going=lambda: next(left, None) is not None, told=tell))

    def notes(self) -> list[bytes]:
        """Return every note."""
        names = self.store.names("notes")
        return [self.store.read(note_path(number + 1)) for number in range(len(names))]

    def events(self) -> dict[str, list[bytes]]:
        """Return the events of every stream as they were written."""
        streams = run(self.log.streams(""))
        return {one: [e.body for e in run(self.log.read_events(one))] for one in streams}


def without_holder(body: bytes) -> dict[str, object]:
    """Return an event but for who wrote it."""
    return {key: one for key, one in json.loads(body).items() if key not in ("holder", "epoch")}


def test_there_is_one_cycle_and_one_note_at_each_time_of_the_range() -> None:
    world = World()
    found = world.run()
    times = [START_NS + number * MINUTE_NS for number in range(6)]

    assert found == Backfilled(before=0, done=6, left=0)
    assert [read_note(one).began_at_ns for one in world.notes()] == times
    assert world.told == list(zip(times, range(1, 7), strict=True))


def test_same_range_gives_the_same_bytes_whenever_it_is_run() -> None:
    first, second = World(), World(wall=HandClock(time_ns=2 * FAR_NS))
    first.run()
    second.run()

    assert first.notes() == second.notes()
    assert first.events() == second.events()


def test_who_runs_it_changes_nothing_but_the_holder() -> None:
    first, second = World(), World()
    first.run("one")
    second.run("other")

    assert [one.replace(b"of one", b"").replace(b'"one"', b"") for one in first.notes()] == [
        one.replace(b"of other", b"").replace(b'"other"', b"") for one in second.notes()
    ]
    for name, events in first.events().items():
        if name != "cycles-main":  # its ends cite the notes, which name the holder
            others = second.events()[name]
            assert [without_holder(one) for one in events] == [
                without_holder(one) for one in others
            ]


def test_what_was_broken_off_goes_on_where_it_was() -> None:
    world, whole = World(), World()
    whole.run()

    assert world.run(most=2) == Backfilled(before=0, done=2, left=4)
    assert world.run("other") == Backfilled(before=2, done=4, left=0)
    assert world.run("third") == Backfilled(before=6, done=0, left=0)
    began = [read_note(one).began_at_ns for one in world.notes()]
    assert began == [read_note(one).began_at_ns for one in whole.notes()]


def test_governance_never_goes_back_in_time() -> None:
    world = World()
    world.run()
    earlier = Grid(from_ns=START_NS - 9, to_ns=START_NS - 1, every_ns=1)

    with pytest.raises(BackfillBehindError) as refused:
        world.run(grid=earlier)
    assert refused.value.last_ns == GRID.to_ns
    assert len(world.notes()) == 6
    assert world.office.lease is not None
    assert world.office.lease.expires_wall_ns == 0, "it let go"


def test_nobody_goes_through_it_while_another_governs() -> None:
    world = World()
    InMemoryLease(world.office, clock=world.wall, time_to_live_ms=30_000).take("another")

    with pytest.raises(LeaseTakenError):
        world.run()
