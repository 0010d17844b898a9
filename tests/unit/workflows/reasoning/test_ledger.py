"""What was asked is durable before anybody is asked, and outlives whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.asking import NothingHappens
from tests.fakes.clock import HandClock
from tests.fakes.virtual_time import run_virtually
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.errors import ConcurrencyConflictError, LogWriteError, Obstacle
from torghut.eventlog.memory import InMemoryLog
from torghut.reasoning.breaker import BreakerPolicy
from torghut.reasoning.ledger import AskingPolicy, AskRefusedError, asking_decider
from torghut.schemas.types import Message
from torghut.workflows.reasoning.ledger import AskingLedger, asking_stands, day_stream

CONTEXT: Final = f"{'cd' * 16}:binance-spot:ETHUSDT:quote:7"
DAY_NS: Final = 86_400_000_000_000
POLICY: Final = AskingPolicy(
    calls_per_hour=5,
    tokens_per_hour=1_000_000,
    tokens_per_question=100,
    at_once=64,
    breaking=BreakerPolicy(failures=2, open_ns=10**9, open_max_ns=10**10),
)


class Witness(NothingHappens):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.missed: list[str] = []

    @override
    def changed(self, before: str, after: str, code: str) -> None:
        self.changes.append((before, after))

    @override
    def unkept(self, context_id: str, fault: Exception) -> None:
        self.missed.append(context_id)


class Store(InMemoryLog):
    """A store that takes a while, counts appends, and may be away."""

    appends = 0
    away = False
    kept_then_away = False

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        await asyncio.sleep(0)
        if self.away:
            raise LogWriteError(obstacle=Obstacle.GONE, detail="away")
        self.appends += 1
        version = await super().append_events(
            stream, events, expected_version=expected_version, causes=causes
        )
        if self.kept_then_away:
            raise LogWriteError(obstacle=Obstacle.GONE, detail="kept, and away")
        return version


def ledger(store: Store, clock: HandClock, policy: AskingPolicy = POLICY) -> AskingLedger:
    """Return a ledger that is not open yet."""
    return AskingLedger(store=store, decider=asking_decider(policy), wall=clock, witness=Witness())


async def opened(store: Store, clock: HandClock, policy: AskingPolicy = POLICY) -> AskingLedger:
    """Return an open ledger."""
    made = ledger(store, clock, policy)
    await made.open()
    return made


def test_begun_question_is_on_record_before_it_is_asked() -> None:
    async def main() -> None:
        clock = HandClock()
        store = Store(clock=clock)
        desk = await opened(store, clock)

        await desk.begin(CONTEXT)

        stands = await asking_stands(store)
        assert stands.state == desk.state
        assert len(stands.state.under_way) == 1

    asyncio.run(main())


def test_questions_at_once_share_an_append() -> None:
    async def main() -> None:
        clock = HandClock()
        store = Store(clock=clock)
        roomy = AskingPolicy(
            calls_per_hour=100,
            tokens_per_hour=10**6,
            tokens_per_question=100,
            at_once=64,
            breaking=POLICY.breaking,
        )
        desk = await opened(store, clock, roomy)
        await desk.begin(CONTEXT)
        before = store.appends

        numbers = await asyncio.gather(*(desk.begin(CONTEXT) for _ in range(50)))

        assert len(set(numbers)) == 50
        assert store.appends - before <= 2
        assert (await asking_stands(store)).state == desk.state

    asyncio.run(main())


def test_hour_and_breaker_outlive_whoever_asks() -> None:
    async def main() -> None:
        clock = HandClock()
        store = Store(clock=clock)
        first = await opened(store, clock)
        for _ in range(2):
            first.end(await first.begin(CONTEXT), "failed", code="c", tokens=None)
        await first.settled()
        await_open = first.state.breaker
        assert await_open.state == "open"

        second = await opened(store, clock)

        assert second.state.breaker == await_open
        with pytest.raises(AskRefusedError):
            await second.begin(CONTEXT)
        assert second.state.counted(clock.now_ns())[0] == 2

    asyncio.run(main())


def test_what_was_under_way_at_a_death_is_lost_and_counts() -> None:
    async def main() -> None:
        clock = HandClock()
        store = Store(clock=clock)
        first = await opened(store, clock)
        for _ in range(3):
            await first.begin(CONTEXT)

        second = await opened(store, clock)

        assert second.state.under_way == []
        assert second.state.resolved == {"lost": 3}
        assert (await asking_stands(store)).state == second.state

    asyncio.run(main())


def test_nobody_is_asked_while_it_cannot_be_recorded_and_nothing_is_lost_of_it() -> None:
    async def main() -> None:
        clock = HandClock()
        store = Store(clock=clock)
        desk = await opened(store, clock)
        number = await desk.begin(CONTEXT)
        store.away = True

        with pytest.raises(LogWriteError):
            await desk.begin(CONTEXT)
        desk.end(number, "approve", code="", tokens=7)
        await desk.settled()
        store.away = False
        await desk.begin(CONTEXT)

        assert (await asking_stands(store)).state == desk.state
        assert desk.state.counted(clock.now_ns()) == (3, 7 + 0 + 100)
        assert len(desk.state.under_way) == 1

    asyncio.run(main())


def test_append_that_was_kept_though_it_said_otherwise_is_taken_up() -> None:
    async def main() -> None:
        clock = HandClock()
        store = Store(clock=clock)
        desk = await opened(store, clock)
        await desk.begin(CONTEXT)
        store.kept_then_away = True
        with pytest.raises(LogWriteError):
            await desk.begin(CONTEXT)
        store.kept_then_away = False

        with pytest.raises(ConcurrencyConflictError):
            await desk.begin(CONTEXT)
        await desk.begin(CONTEXT)

        assert (await asking_stands(store)).state == desk.state
        assert len(desk.state.under_way) == 2

    asyncio.run(main())


def test_question_that_is_cancelled_as_it_begins_leaves_nothing_under_way() -> None:
    async def main() -> None:
        clock = HandClock()
        store = Store(clock=clock)
        desk = await opened(store, clock)
        await desk.begin(CONTEXT)

        beginning = asyncio.ensure_future(desk.begin(CONTEXT))
        await asyncio.sleep(0)
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
        await desk.begin(CONTEXT)

        assert (await asking_stands(store)).state == desk.state
        assert len(desk.state.under_way) == 2

    asyncio.run(main())


def test_what_ended_is_told_with_the_next_question_or_soon_by_itself() -> None:
    async def main() -> None:
        clock = HandClock()
        store = Store(clock=clock)
        desk = await opened(store, clock)
        desk.end(await desk.begin(CONTEXT), "approve", code="", tokens=9)
        assert store.appends == 1

        desk.end(await desk.begin(CONTEXT), "veto", code="", tokens=9)
        assert store.appends == 2
        assert (await asking_stands(store)).state.resolved == {"approve": 1}

        await asyncio.sleep(1.0)
        assert store.appends == 3
        assert (await asking_stands(store)).state == desk.state

    run_virtually(main())


def test_another_day_has_another_stream_that_goes_on() -> None:
    async def main() -> None:
        clock = HandClock()
        store = Store(clock=clock)
        desk = await opened(store, clock)
        desk.end(await desk.begin(CONTEXT), "approve", code="", tokens=9)
        await desk.settled()
        yesterday = (await asking_stands(store)).stream
        clock.time_ns += DAY_NS

        desk.end(await desk.begin(CONTEXT), "veto", code="", tokens=9)
        await desk.settled()

        stands = await asking_stands(store)
        assert stands.stream == day_stream(clock.now_ns()) > yesterday
        assert stands.state == desk.state == (await opened(store, clock)).state
        assert stands.state.next_question == 2
        assert stands.state.resolved == {"veto": 1}

    asyncio.run(main())


def test_nobody_asked_yet_is_no_fault() -> None:
    async def main() -> None:
        clock = HandClock()

        stands = await asking_stands(Store(clock=clock))

        assert (stands.stream, stands.version, stands.last_change) == ("", 0, None)

    asyncio.run(main())
