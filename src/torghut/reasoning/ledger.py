"""What asking for advice may cost, and whether the breaker lets anybody ask: one decider for both.

A call's tokens are known only once it is answered. Until then it is counted with the most that it
may use, so that calls under way together cannot overdraw what none of them would alone. What was
under way when its process died stays spent, and a breaker's trial among it has failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar, Final, Literal

from torghut.eventlog.decider import Decider
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.reasoning.breaker import Breaker, BreakerPolicy, admit, fail, succeed
from torghut.schemas.control import ResolutionName
from torghut.schemas.reasoning.ledger import (
    AskingEvent,
    BreakerChanged,
    BreakerState,
    DayOpened,
    OpenQuestion,
    QuestionBegun,
    QuestionEnded,
)

HOUR_NS: Final = 3_600_000_000_000

Refusal = Literal["calls-spent", "too-many", "breaker-open"]

FAILURES: Final = frozenset({"timed-out", "invalid", "failed", "lost"})
"""What the breaker counts as a failure: no answer, or one that is not to be trusted."""


class AskRefusedError(TorghutError):
    """Nobody may be asked now.

    Attributes:
        resolution: How it is recorded.
    """

    code: ClassVar[str] = "reasoning.ask-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, resolution: Refusal) -> None:
        super().__init__(f"nobody may be asked now: {resolution}")
        self.resolution = resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingPolicy:
    """The limits.

    Attributes:
        calls_per_hour: Questions begun in any hour.
        tokens_per_hour: Used or reserved in any hour.
        tokens_per_question: Most that one question may use.
        at_once: Questions under way.
        breaking: When the breaker opens.
    """

    calls_per_hour: int
    tokens_per_hour: int
    tokens_per_question: int
    at_once: int
    breaking: BreakerPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that still counts.

    Attributes:
        at_ns: When it began.
        tokens: That it used, or may use.
        turn: Of the breaker, in which its answer counts; None once it is over.
    """

    at_ns: int
    tokens: int
    turn: int | None

    def counts(self, at_ns: int) -> bool:
        """Say whether it is under way, or of the hour around a time."""
        return self.turn is not None or abs(at_ns - self.at_ns) < HOUR_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingState:
    """What was asked in the last hour, and how the breaker stands.

    Attributes:
        questions: That count, by their numbers.
        next_question: The number of the next one.
        breaker: As it stands.
        at_ns: The latest time told.
        resolved: Since the day began, by resolution.
        tokens: Since the day began, as far as anybody knows.
    """

    questions: Mapping[int, Question] = field(default_factory=dict)
    next_question: int = 0
    breaker: Breaker = field(default_factory=Breaker)
    at_ns: int = 0
    resolved: Mapping[ResolutionName, int] = field(default_factory=dict)
    tokens: int = 0

    @property
    def under_way(self) -> Sequence[int]:
        """Numbers of the questions that are not over."""
        return [number for number, one in self.questions.items() if one.turn is not None]

    def counted(self, at_ns: int) -> tuple[int, int]:
        """Return questions and tokens of the hour that ends at a time.

        What is more than an hour ahead was told by a clock that leapt, and does not count.
        """
        counts = [one for one in self.questions.values() if one.counts(at_ns)]
        return len(counts), sum(one.tokens for one in counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDay:
    """Begin a day's stream with what still counts of the one before."""

    before: AskingState
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginQuestion:
    """Ask, if that may be."""

    context_id: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndQuestion:
    """Take in what became of a question.

    Attributes:
        question: Its number.
        resolution: A verdict, or why there is none.
        code: Of the fault; empty without one.
        tokens: That it used; None where nobody knows.
        asked: Whether it was put to anybody; what was not says nothing of the endpoint.
    """

    question: int
    resolution: ResolutionName
    code: str
    tokens: int | None
    at_ns: int
    asked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseQuestions:
    """Whoever asked died: nothing that was under way will be answered."""

    at_ns: int


AskingCommand = OpenDay | BeginQuestion | EndQuestion | LoseQuestions
AskingDecider = Decider[AskingCommand, AskingEvent, AskingState]


def asking_decider(policy: AskingPolicy) -> AskingDecider:
    """Return the decider under some limits."""
    return Decider(initial=AskingState(), decide=partial(_decide, policy), evolve=evolve)


def _decide(
    policy: AskingPolicy, command: AskingCommand, state: AskingState
) -> Sequence[AskingEvent]:
    """Return what follows.

    Raises:
        AskRefusedError: Nobody may be asked.
    """
    at_ns = command.at_ns
    if state.at_ns - at_ns < HOUR_NS:  # a clock that went back a little; one that leapt is let go
        at_ns = max(state.at_ns, at_ns)
    match command:
        case OpenDay():
            return [_opened(command.before, at_ns)]
        case BeginQuestion():
            return _begun(policy, command, state, at_ns)
        case EndQuestion():
            return _ended(policy, replace(command, at_ns=at_ns), state)
        case LoseQuestions():
            return _lost(policy, state, at_ns)


def _begun(
    policy: AskingPolicy, command: BeginQuestion, state: AskingState, at_ns: int
) -> Sequence[AskingEvent]:
    """Return that a question begins."""
    calls, tokens = state.counted(at_ns)
    if len(state.under_way) >= policy.at_once:
        raise AskRefusedError(resolution="too-many")
    if calls >= policy.calls_per_hour:
        raise AskRefusedError(resolution="calls-spent")
    if tokens + policy.tokens_per_question > policy.tokens_per_hour:
        raise AskRefusedError(resolution="calls-spent")
    until_ns = state.breaker.until_ns
    leapt = until_ns - at_ns > policy.breaking.open_max_ns  # nobody ever waits longer
    breaker, turn = admit(state.breaker, until_ns if leapt else at_ns)
    if turn is None:
        raise AskRefusedError(resolution="breaker-open")
    begun = QuestionBegun(
        question=state.next_question,
        context_id=command.context_id,
        tokens=policy.tokens_per_question,
        turn=turn,
        at_ns=at_ns,
    )
    return [*_changed(state.breaker, breaker, "", at_ns), begun]


def _ended(policy: AskingPolicy, command: EndQuestion, state: AskingState) -> Sequence[AskingEvent]:
    """Return that a question is over; one that nobody knows, or that is over, changes nothing."""
    one = state.questions.get(command.question)
    if one is None or one.turn is None:
        return []
    ended = QuestionEnded(
        question=command.question,
        resolution=command.resolution,
        code=command.code,
        tokens=command.tokens,
        asked=command.asked,
        at_ns=command.at_ns,
    )
    breaker = state.breaker
    if not command.asked and breaker.state == "closed":
        after = breaker
    elif command.resolution in FAILURES:
        after = fail(breaker, one.turn, policy.breaking, command.at_ns)
    else:
        after = succeed(breaker, one.turn)
    return [ended, *_changed(breaker, after, command.code, command.at_ns)]


def _lost(policy: AskingPolicy, state: AskingState, at_ns: int) -> Sequence[AskingEvent]:
    """Return that everything under way is lost."""
    events: list[AskingEvent] = []
    for number in state.under_way:
        command = EndQuestion(question=number, resolution="lost", code="", tokens=None, at_ns=at_ns)
        more = _ended(policy, command, state)
        for event in more:
            state = evolve(state, event)
        events += more
    return events


def _changed(before: Breaker, after: Breaker, code: str, at_ns: int) -> Sequence[BreakerChanged]:
    """Return that the breaker stands differently, if it does."""
    if before.state == after.state:
        return []
    return [
        BreakerChanged(
            before=before.state,
            after=after.state,
            failures=after.failures,
            until_ns=after.until_ns,
            wait_ns=after.wait_ns,
            turn=after.turn,
            code=code,
            at_ns=at_ns,
        )
    ]


def _opened(before: AskingState, at_ns: int) -> DayOpened:
    """Return a day's beginning; a day turns where nothing is under way."""
    breaker = before.breaker
    return DayOpened(
        questions=tuple(
            OpenQuestion(question=number, at_ns=one.at_ns, tokens=one.tokens)
            for number, one in before.questions.items()
            if one.counts(at_ns)
        ),
        next_question=before.next_question,
        breaker=breaker.state,
        failures=breaker.failures,
        until_ns=breaker.until_ns,
        wait_ns=breaker.wait_ns,
        turn=breaker.turn,
        at_ns=at_ns,
    )


def evolve(state: AskingState, event: AskingEvent) -> AskingState:
    """Return what a state comes to with an event."""
    at_ns = event.at_ns
    match event:
        case DayOpened():
            return AskingState(
                questions={
                    one.question: Question(at_ns=one.at_ns, tokens=one.tokens, turn=None)
                    for one in event.questions
                },
                next_question=event.next_question,
                breaker=_standing(event.breaker, event),
                at_ns=at_ns,
            )
        case QuestionBegun():
            counting = {number: one for number, one in state.questions.items() if one.counts(at_ns)}
            counting[event.question] = Question(
                at_ns=event.at_ns, tokens=event.tokens, turn=event.turn
            )
            return replace(state, questions=counting, next_question=event.question + 1, at_ns=at_ns)
        case QuestionEnded():
            return _with_end(state, event, at_ns)
        case BreakerChanged():
            return replace(state, breaker=_standing(event.after, event), at_ns=at_ns)


def _standing(state: BreakerState, event: DayOpened | BreakerChanged) -> Breaker:
    """Return the breaker as an event tells it."""
    return Breaker(
        state=state,
        failures=event.failures,
        until_ns=event.until_ns,
        wait_ns=event.wait_ns,
        turn=event.turn,
    )


def _with_end(state: AskingState, event: QuestionEnded, at_ns: int) -> AskingState:
    """Return what a state comes to with the end of a question."""
    one = state.questions.get(event.question)
    if one is None:
        return replace(state, at_ns=at_ns)
    tokens = one.tokens if event.tokens is None else event.tokens
    breaker = state.breaker
    if event.asked and one.turn == breaker.turn and breaker.state == "closed":
        failures = breaker.failures + 1 if event.resolution in FAILURES else 0
        breaker = replace(breaker, failures=failures)
    return replace(
        state,
        questions={**state.questions, event.question: replace(one, tokens=tokens, turn=None)},
        breaker=breaker,
        resolved={
            **state.resolved,
            event.resolution: state.resolved.get(event.resolution, 0) + 1,
        },
        tokens=state.tokens + (event.tokens or 0),
        at_ns=at_ns,
    )
