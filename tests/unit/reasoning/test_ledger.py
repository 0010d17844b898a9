"""Calls, tokens and questions at once are never more than declared, and an hour is forgotten."""

from __future__ import annotations

from typing import Final

import pytest

from torghut.reasoning.breaker import BreakerPolicy
from torghut.reasoning.ledger import (
    HOUR_NS,
    AskingCommand,
    AskingPolicy,
    AskingState,
    AskRefusedError,
    BeginQuestion,
    EndQuestion,
    LoseQuestions,
    OpenDay,
    asking_decider,
)
from torghut.schemas.control import ResolutionName

RESERVE: Final = 100
CONTEXT: Final = f"{'cd' * 16}:binance-spot:ETHUSDT:quote:7"
WAIT_NS: Final = 1_000


class Desk:
    """A ledger in memory.

    Attributes:
        state: As of everything so far.
    """

    def __init__(
        self,
        *,
        calls: int = 1000,
        tokens: int = 1_000_000,
        at_once: int = 1000,
        failures: int = 1000,
    ) -> None:
        self.policy = AskingPolicy(
            calls_per_hour=calls,
            tokens_per_hour=tokens,
            tokens_per_question=RESERVE,
            at_once=at_once,
            breaking=BreakerPolicy(failures=failures, open_ns=WAIT_NS, open_max_ns=4 * WAIT_NS),
        )
        self.decider = asking_decider(self.policy)
        self.state = AskingState()

    def run(self, command: AskingCommand) -> list[str]:
        """Take a command in; return the types of what follows."""
        events = self.decider.decide(command, self.state)
        for event in events:
            self.state = self.decider.evolve(self.state, event)
        return [event.type for event in events]

    def begin(self, at_ns: int = 0) -> int:
        """Begin a question, and return its number."""
        number = self.state.next_question
        self.run(BeginQuestion(context_id=CONTEXT, at_ns=at_ns))
        return number

    def end(
        self,
        number: int,
        tokens: int | None,
        *,
        at_ns: int = 0,
        resolution: ResolutionName = "approve",
    ) -> None:
        """End a question."""
        self.run(
            EndQuestion(question=number, resolution=resolution, code="", tokens=tokens, at_ns=at_ns)
        )

    def refuses(self, resolution: str, at_ns: int = 0) -> bool:
        """Say whether a question is refused with a reason; nothing changes then."""
        before = self.state
        with pytest.raises(AskRefusedError) as refused:
            self.begin(at_ns)
        return refused.value.resolution == resolution and self.state == before

    def breaker(self) -> str:
        """Return how the breaker stands."""
        return self.state.breaker.state

    def counted(self, at_ns: int = 0) -> tuple[int, int, int]:
        """Return questions and tokens of the last hour, and the questions under way."""
        return *self.state.counted(at_ns), len(self.state.under_way)


def test_every_question_has_a_number_of_its_own() -> None:
    desk = Desk()

    assert len({desk.begin() for _ in range(5)}) == 5


def test_question_under_way_is_counted_with_the_most_it_may_use() -> None:
    desk = Desk()

    desk.begin()

    assert desk.counted() == (1, RESERVE, 1)


@pytest.mark.parametrize(("used", "counted"), [(30, 30), (None, RESERVE), (450, 450)])
def test_question_that_is_over_is_counted_with_what_anybody_knows(
    used: int | None, counted: int
) -> None:
    desk = Desk()

    desk.end(desk.begin(), used)

    assert desk.counted() == (1, counted, 0)


def test_no_more_questions_are_under_way_than_declared() -> None:
    desk = Desk(at_once=2)
    first = desk.begin()
    desk.begin()

    assert desk.refuses("too-many")
    desk.end(first, 0)
    desk.begin()


def test_no_more_questions_begin_in_an_hour_than_declared() -> None:
    desk = Desk(calls=2)
    for _ in range(2):
        desk.end(desk.begin(5), 0)

    assert desk.refuses("calls-spent", 5 + HOUR_NS - 1)
    desk.begin(5 + HOUR_NS)


def test_no_question_begins_whose_reserve_is_not_left() -> None:
    desk = Desk(tokens=250)
    first = desk.begin()
    desk.begin()

    assert desk.refuses("calls-spent")
    desk.end(first, 50)
    desk.begin()


@pytest.mark.parametrize("hours", [1, 2])
def test_question_still_under_way_keeps_its_reserve_however_long_it_takes(hours: int) -> None:
    desk = Desk(tokens=RESERVE)
    desk.begin()

    assert desk.refuses("calls-spent", hours * HOUR_NS)


def test_clock_that_runs_back_forgets_nothing() -> None:
    desk = Desk(calls=1)
    desk.end(desk.begin(HOUR_NS), 0, at_ns=HOUR_NS)

    assert desk.refuses("calls-spent", 5)


def test_clock_that_leapt_ahead_and_was_set_back_blocks_nobody() -> None:
    desk = Desk(calls=1, failures=1)
    ahead_ns = 9 * HOUR_NS
    desk.end(desk.begin(ahead_ns), 0, at_ns=ahead_ns, resolution="failed")
    assert desk.breaker() == "open"

    trial = desk.begin(5)
    desk.end(trial, 0, at_ns=6)

    assert desk.breaker() == "closed"
    assert desk.refuses("calls-spent", 7)


@pytest.mark.parametrize("resolution", ["timed-out", "invalid", "failed", "lost"])
def test_failures_in_a_row_open_the_breaker_for_a_while(resolution: ResolutionName) -> None:
    desk = Desk(failures=2)
    for _ in range(2):
        desk.end(desk.begin(), None, resolution=resolution)

    assert desk.refuses("breaker-open", WAIT_NS - 1)
    trial = desk.begin(WAIT_NS)
    assert desk.breaker() == "half-open"
    assert desk.refuses("breaker-open", WAIT_NS)
    desk.end(trial, 1, at_ns=WAIT_NS)
    assert desk.breaker() == "closed"


def test_a_verdict_between_failures_keeps_the_breaker_closed() -> None:
    desk = Desk(failures=2)

    for resolution in ("failed", "veto", "failed", "defer", "failed"):
        desk.end(desk.begin(), 1, resolution=resolution)

    assert desk.state.breaker.state == "closed"


def test_what_was_under_way_when_its_process_died_is_lost_and_stays_spent() -> None:
    desk = Desk(failures=2)
    for _ in range(3):
        desk.begin()

    desk.run(LoseQuestions(at_ns=5))

    assert desk.counted(5) == (3, 3 * RESERVE, 0)
    assert desk.state.resolved == {"lost": 3}
    assert desk.state.breaker.state == "open"
    assert desk.run(LoseQuestions(at_ns=5)) == []


def test_end_that_comes_twice_or_of_nothing_changes_nothing() -> None:
    desk = Desk()
    number = desk.begin()
    desk.end(number, 1)
    before = desk.state

    desk.end(number, 50)
    desk.end(77, 50)

    assert desk.state == before


def test_another_day_begins_with_what_still_counts_and_the_breaker_as_it_stands() -> None:
    desk = Desk(failures=1)
    desk.end(desk.begin(0), 7)
    desk.end(desk.begin(HOUR_NS - 5), 40, at_ns=HOUR_NS - 5)
    desk.end(desk.begin(HOUR_NS - 4), None, at_ns=HOUR_NS - 4, resolution="failed")
    before, desk.state = desk.state, AskingState()

    assert desk.run(OpenDay(before=before, at_ns=HOUR_NS)) == ["asking.day-opened.v1"]

    assert desk.counted(HOUR_NS) == (2, 40 + RESERVE, 0)
    assert desk.state.breaker == before.breaker
    assert desk.state.next_question == 3
    assert (desk.state.tokens, desk.state.resolved) == (0, {})
