"""Whatever becomes of governance's process, it is said, it comes again, and it ends in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from tests.fakes.observing import KeptJournal, RecordedTelemetry
from tests.fakes.virtual_time import VirtualSteady, run_virtually
from torghut.schemas.observing.beside_events import (
    GovernanceDied,
    GovernanceEnded,
    GovernanceStarted,
    ReasoningDied,
    ReasoningRenewed,
)
from torghut.schemas.observing.log_event import LogEvent
from torghut.workflows.live.beside.errors import CompanionNotStartedError
from torghut.workflows.live.beside.keeping import GOVERNANCE, REASONING, Companionship, Kind
from torghut.workflows.live.beside.ports import Companion

KILLED = -9


class FakeCompanion(Companion):
    """A process that lives for a while, and ends sooner or not when it is asked to.

    Args:
        lives_s: So long, if nobody ends it.
        exit_code: With which it then ends.
        ends_in_s: So long after it was asked to; None: it does not listen.
    """

    def __init__(
        self, *, lives_s: float = 1e6, exit_code: int = 4, ends_in_s: float | None = 0.5
    ) -> None:
        self.lives_s, self.exit_code, self.ends_in_s = lives_s, exit_code, ends_in_s
        self.over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(lives_s, self._end, exit_code)

    @property
    @override
    def pid(self) -> int:
        return 42

    @override
    async def ended(self) -> int:
        return await asyncio.shield(self.over)

    @override
    def complaint(self) -> str:
        return "eventlog.in-use: the last line"

    @override
    def ask_to_end(self) -> None:
        if self.ends_in_s is not None:
            asyncio.get_running_loop().call_later(self.ends_in_s, self._end, 0)

    @override
    def kill(self) -> None:
        self._end(KILLED)

    def _end(self, exit_code: int) -> None:
        if not self.over.done():
            self.over.set_result(exit_code)


@dataclass
class World:
    """A service that has governance beside it.

    Attributes:
        lives: One after the other, what each process is like; None: it cannot be started.
        kind: What they are.
    """

    lives: Sequence[dict[str, float | None] | None]
    kind: Kind = GOVERNANCE
    journal: KeptJournal = field(default_factory=KeptJournal)
    telemetry: RecordedTelemetry = field(default_factory=RecordedTelemetry)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    started: list[FakeCompanion] = field(default_factory=list)
    tried: int = 0

    async def start(self) -> Companion:
        """Start the next one; the last one again and again."""
        like = self.lives[min(self.tried, len(self.lives) - 1)]
        self.tried += 1
        if like is None:
            raise CompanionNotStartedError(found="no memory")
        self.started.append(FakeCompanion(**like))  # type: ignore[arg-type]
        return self.started[-1]

    async def keep(self, for_s: float) -> float:
        """Keep it for so long, then end, and return how long that took."""
        loop = asyncio.get_running_loop()
        companionship = Companionship(
            start=self.start,
            kind=self.kind,
            steady=VirtualSteady(),
            journal=self.journal,
            telemetry=self.telemetry,
            drain_ms=10_000,
        )
        loop.call_later(for_s, self.asked.set)
        await companionship.keep(self.asked)
        return loop.time() - for_s

    @property
    def said(self) -> list[LogEvent]:
        """What was said."""
        return [event for event, _ in self.journal.said]


def test_it_is_started_and_ends_with_the_service() -> None:
    world = World(lives=[{}])
    took_s = run_virtually(world.keep(100))

    assert world.said == [
        GovernanceStarted(pid=42, starts=1),
        GovernanceEnded(exit_code=0, killed=False),
    ]
    assert took_s == 0.5
    assert sum(world.telemetry.counted.values()) == 1


def test_one_that_does_not_listen_is_killed_when_the_budget_is_over() -> None:
    world = World(lives=[{"ends_in_s": None}])
    took_s = run_virtually(world.keep(100))

    assert world.said[-1] == GovernanceEnded(exit_code=KILLED, killed=True)
    assert took_s == 10


def test_death_is_told_with_its_exit_and_last_words_and_it_comes_again() -> None:
    world = World(lives=[{"lives_s": 3.0, "exit_code": 7}, {}])
    run_virtually(world.keep(100))

    assert world.said == [
        GovernanceStarted(pid=42, starts=1),
        GovernanceDied(
            exit_code=7,
            detail="eventlog.in-use: the last line",
            lasted_seconds=3.0,
            again_seconds=1.0,
        ),
        GovernanceStarted(pid=42, starts=2),
        GovernanceEnded(exit_code=0, killed=False),
    ]


def test_one_that_dies_again_and_again_is_started_less_and_less_often() -> None:
    world = World(lives=[{"lives_s": 0.25, "exit_code": 4}])
    run_virtually(world.keep(600))
    waits = [one.again_seconds for one in world.said if isinstance(one, GovernanceDied)]

    assert waits[:8] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert set(waits[8:]) == {60.0}


def test_one_that_lived_long_is_started_again_at_once() -> None:
    world = World(lives=[{"lives_s": 0.25}, {"lives_s": 0.25}, {"lives_s": 61.0}, {}])
    run_virtually(world.keep(600))
    waits = [one.again_seconds for one in world.said if isinstance(one, GovernanceDied)]

    assert waits == [1.0, 2.0, 1.0]


def test_one_that_asks_and_ends_in_order_is_renewed_at_once() -> None:
    in_order: dict[str, float | None] = {"lives_s": 6.0, "exit_code": 0}
    world = World(lives=[in_order, in_order, {}], kind=REASONING)
    run_virtually(world.keep(12.5))

    assert world.tried == 3
    assert [one for one in world.said if isinstance(one, ReasoningRenewed)] == [
        ReasoningRenewed(lasted_seconds=6.0, again_seconds=0.0)
    ] * 2
    assert not any(isinstance(one, ReasoningDied) for one in world.said)


def test_one_that_ends_in_order_before_it_can_have_begun_waits_as_if_it_died() -> None:
    world = World(lives=[{"lives_s": 0.25, "exit_code": 0}], kind=REASONING)
    run_virtually(world.keep(10))
    waits = [one.again_seconds for one in world.said if isinstance(one, ReasoningRenewed)]

    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_scheduler_that_ends_unasked_dies_whatever_it_says() -> None:
    world = World(lives=[{"lives_s": 3.0, "exit_code": 0}])
    run_virtually(world.keep(10))

    assert sum(isinstance(one, GovernanceDied) for one in world.said) > 1


def test_machine_that_has_no_process_to_give_is_asked_again() -> None:
    world = World(lives=[None, None, {}])
    run_virtually(world.keep(100))
    first = world.said[0]

    assert isinstance(first, GovernanceDied)
    assert (first.exit_code, first.lasted_seconds, first.again_seconds) == (-1, 0.0, 1.0)
    assert "no memory" in first.detail
    assert world.said[2] == GovernanceStarted(pid=42, starts=1)


def test_service_that_ends_while_it_waits_does_not_start_another() -> None:
    world = World(lives=[{"lives_s": 1.0}])
    took_s = run_virtually(world.keep(1.5))

    assert world.tried == 1
    assert took_s == 0


def test_service_that_breaks_off_leaves_nothing_behind() -> None:
    world = World(lives=[{}])

    async def break_off() -> None:
        keeping = asyncio.ensure_future(world.keep(1e5))
        await asyncio.sleep(1.0)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    run_virtually(break_off())

    assert world.started[0].over.result() == KILLED
