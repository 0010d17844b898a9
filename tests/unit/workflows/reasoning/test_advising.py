"""Whatever becomes of a question, it ends in time, and the ledger says what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.asking import NothingHappens
from tests.fakes.clock import HandClock, Stopwatch
from tests.fakes.programs import FakeProgram
from tests.fakes.virtual_time import run_virtually
from tests.support.decisions.asking import NAMES, asking_fold, course, mode_record
from torghut.adapters.reasoning.keeping import ArtifactRecords
from torghut.eventlog.envelopes import read_event
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.units import NS_PER_S
from torghut.market.ports import Arrival
from torghut.reasoning.breaker import BreakerPolicy
from torghut.reasoning.ledger import AskingPolicy, asking_decider
from torghut.reasoning.showing import RowLegend
from torghut.schemas.reasoning.context import AdviceContext, Passage
from torghut.schemas.reasoning.ledger import ASKING_EVENT, QuestionEnded
from torghut.workflows.reasoning.advising import AdvisingDesk, Inquiry
from torghut.workflows.reasoning.finding import Finding
from torghut.workflows.reasoning.ledger import AskingLedger, day_stream

POLICY: Final = AskingPolicy(
    calls_per_hour=5,
    tokens_per_hour=1_000_000,
    tokens_per_question=100,
    at_once=64,
    breaking=BreakerPolicy(failures=5, open_ns=10**9, open_max_ns=10**10),
)

Passages = Callable[[str, int], Awaitable[Sequence[Passage]]]


async def no_news(_symbol: str, _event_ns: int) -> Sequence[Passage]:
    """Return that there is no news."""
    return ()


async def news_that_hangs(_symbol: str, _event_ns: int) -> Sequence[Passage]:
    """Never come back."""
    await asyncio.Event().wait()
    return ()


def defect(_: AdviceContext) -> str:
    """Fail as nobody foresaw."""
    message = "a defect"
    raise RuntimeError(message)


def desk_of(
    says: Callable[[AdviceContext], str], store: InMemoryLog, passages: Passages = no_news
) -> AdvisingDesk:
    """Return a desk whose program says something."""
    witness = NothingHappens()
    return AdvisingDesk(
        program=FakeProgram(says=says),
        ledger=AskingLedger(
            store=store, decider=asking_decider(POLICY), wall=HandClock(), witness=witness
        ),
        confidence_min=0.5,
        passages=passages,
        steady=Stopwatch(),
        witness=witness,
        keeper=ArtifactRecords(InMemoryArtifacts()),
    )


def inquiry() -> Inquiry:
    """Return a question that has a second."""
    active = [Arrival(row=0, record=mode_record("active"))]
    return Inquiry(
        context_id=f"{'cd' * 16}:{NAMES[0]}:quote:7",
        row=asking_fold().decide(course([0] * 60), active).asked[0].row,
        legend=RowLegend(symbol=NAMES[0], regimes=("calm", "turbulent"), multiplier=1.0),
        deadline_ns=NS_PER_S,
    )


async def ended(store: InMemoryLog) -> Sequence[tuple[str, str]]:
    """Return what the ledger says of the questions that are over."""
    kept = await store.read_events(day_stream(HandClock().now_ns()))
    events = [read_event(envelope, ASKING_EVENT, {}) for envelope in kept]
    return [(one.resolution, one.code) for one in events if isinstance(one, QuestionEnded)]


def test_news_that_does_not_come_ends_the_question_at_its_deadline() -> None:
    async def ask() -> tuple[Finding, float, Sequence[tuple[str, str]]]:
        store = InMemoryLog(clock=HandClock())
        desk = desk_of(lambda _: "approve", store, news_that_hangs)
        begun_s = asyncio.get_running_loop().time()
        found = await desk.advise(inquiry())
        took_s = asyncio.get_running_loop().time() - begun_s
        await desk.ledger.settled()
        return found, took_s, await ended(store)

    found, took_s, over = run_virtually(ask())

    assert (found.outcome, found.code) == ("timed-out", "reasoning.deadline")
    assert took_s == pytest.approx(1.0, abs=0.01)
    assert over == [("timed-out", "reasoning.deadline")]


def test_question_that_ends_by_a_defect_is_recorded_as_that() -> None:
    async def ask() -> Sequence[tuple[str, str]]:
        store = InMemoryLog(clock=HandClock())
        desk = desk_of(defect, store)
        with pytest.raises(RuntimeError):
            await desk.advise(inquiry())
        await desk.ledger.settled()
        return await ended(store)

    assert run_virtually(ask()) == [("failed", "reasoning.defect")]


def test_question_that_is_given_up_is_recorded_as_that() -> None:
    async def ask() -> Sequence[tuple[str, str]]:
        store = InMemoryLog(clock=HandClock())
        desk = desk_of(lambda _: "approve", store, news_that_hangs)
        asking = asyncio.ensure_future(desk.advise(inquiry()))
        await asyncio.sleep(0.5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await desk.ledger.settled()
        return await ended(store)

    assert run_virtually(ask()) == [("failed", "reasoning.cancelled")]


def test_news_that_does_not_come_counts_against_no_endpoint() -> None:
    async def ask() -> tuple[str, int]:
        desk = desk_of(lambda _: "approve", InMemoryLog(clock=HandClock()), news_that_hangs)
        for _ in range(POLICY.breaking.failures):
            await desk.advise(inquiry())
        await desk.ledger.settled()
        _, tokens = desk.ledger.state.counted(HandClock().now_ns())
        return desk.ledger.state.breaker.state, tokens

    assert run_virtually(ask()) == ("closed", 0)
