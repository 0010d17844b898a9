"""Whatever begins, ends or is lost in whatever order: no hour sees more than is declared."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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
    evolve,
)
from torghut.schemas.control import ResolutionName
from torghut.schemas.reasoning.ledger import ASKING_EVENT, AskingEvent

RESERVE: Final = 10
CONTEXT: Final = f"{'cd' * 16}:binance-spot:ETHUSDT:quote:7"
POLICIES: Final = st.builds(
    AskingPolicy,
    calls_per_hour=st.integers(1, 6),
    tokens_per_hour=st.integers(RESERVE, 6 * RESERVE),
    tokens_per_question=st.just(RESERVE),
    at_once=st.integers(1, 4),
    breaking=st.builds(
        BreakerPolicy,
        failures=st.integers(1, 3),
        open_ns=st.just(HOUR_NS // 10),
        open_max_ns=st.just(HOUR_NS),
    ),
)
STEPS_NS: Final = st.sampled_from([0, 1, HOUR_NS // 3, HOUR_NS // 2, HOUR_NS - 1, HOUR_NS])
WHICH: Final = st.integers(0, 5)
RESOLUTIONS: Final = st.sampled_from(["approve", "veto", "failed", "timed-out", "invalid"])


class LedgerMachine(RuleBasedStateMachine):
    """Questions that begin, use what they may, are lost or carried over, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.state = AskingState()
        self.stream: list[AskingEvent] = []
        self.now_ns = 0
        self.under_way: list[int] = []
        self.begun: dict[int, int] = {}
        self.used: dict[int, int] = {}

    @initialize(policy=POLICIES)
    def declare(self, policy: AskingPolicy) -> None:
        """Some limits are in force."""
        self.policy = policy
        self.decider = asking_decider(policy)

    @rule(by_ns=STEPS_NS)
    def let_time_pass(self, by_ns: int) -> None:
        """The clock goes on."""
        self.now_ns += by_ns

    @rule()
    def begin(self) -> None:
        """A question is to begin, and does unless a limit or the breaker forbids it."""
        calls, tokens = self._spent(self.now_ns)
        number, breaker = self.state.next_question, self.state.breaker
        try:
            self._run(BeginQuestion(context_id=CONTEXT, at_ns=self.now_ns))
        except AskRefusedError as refused:
            if refused.resolution == "too-many":
                assert len(self.under_way) == self.policy.at_once
            elif refused.resolution == "calls-spent":
                over = tokens + RESERVE > self.policy.tokens_per_hour
                assert calls == self.policy.calls_per_hour or over
            else:
                waits = breaker.state == "open" and self.now_ns < breaker.until_ns
                assert waits or breaker.state == "half-open"
            return
        assert number not in self.begun
        assert breaker.state == "closed" or self.state.breaker.state == "half-open"
        self.under_way.append(number)
        self.begun[number], self.used[number] = self.now_ns, RESERVE

    @precondition(lambda self: self.under_way)
    @rule(which=WHICH, tokens=st.none() | st.integers(0, RESERVE), resolution=RESOLUTIONS)
    def end(self, which: int, tokens: int | None, resolution: ResolutionName) -> None:
        """A question is over, and says what it used or does not."""
        number = self.under_way.pop(which % len(self.under_way))
        self._run(
            EndQuestion(
                question=number,
                resolution=resolution,
                code="",
                tokens=tokens,
                at_ns=self.now_ns,
            )
        )
        if tokens is not None:
            self.used[number] = tokens

    @rule()
    def die(self) -> None:
        """Whoever asks dies, and comes back."""
        self._run(LoseQuestions(at_ns=self.now_ns))
        self.under_way.clear()

    @precondition(lambda self: not self.under_way)
    @rule()
    def another_day(self) -> None:
        """Another stream begins."""
        before, self.state, self.stream = self.state, AskingState(), []
        self._run(OpenDay(before=before, at_ns=self.now_ns))

    def _run(self, command: AskingCommand) -> None:
        """Take a command in."""
        for event in self.decider.decide(command, self.state):
            self.state = evolve(self.state, event)
            self.stream.append(event)

    def _spent(self, until_ns: int) -> tuple[int, int]:
        """Return calls and tokens of the hour that ends at a time, and of what is under way."""
        within = [
            number
            for number, at_ns in self.begun.items()
            if at_ns <= until_ns and (until_ns - HOUR_NS < at_ns or number in self.under_way)
        ]
        return len(within), sum(self.used[number] for number in within)

    @invariant()
    def no_hour_sees_more_than_is_declared(self) -> None:
        """Look at every hour that ends when something began."""
        for at_ns in self.begun.values():
            calls, tokens = self._spent(at_ns)
            assert calls <= self.policy.calls_per_hour
            assert tokens <= self.policy.tokens_per_hour

    @invariant()
    def what_is_counted_is_what_was_spent(self) -> None:
        """Compare with the model."""
        assert self.state.counted(self.now_ns) == self._spent(self.now_ns)
        assert sorted(self.state.under_way) == sorted(self.under_way)

    @invariant()
    def stream_comes_to_the_same_when_it_is_read_again(self) -> None:
        """Read what was written."""
        bodies = [event.model_dump_json() for event in self.stream]
        again = AskingState()
        for body in bodies:
            again = evolve(again, ASKING_EVENT.validate_json(body))
        assert again == self.state


TestLedger = LedgerMachine.TestCase
