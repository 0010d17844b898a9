"""Whatever begins, ends or is dropped in whatever order: no hour sees more than is declared."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from torghut.reasoning.spending import HOUR_NS, Spending, SpendingPolicy

RESERVE: Final = 10
POLICIES: Final = st.builds(
    SpendingPolicy,
    calls_per_hour=st.integers(1, 6),
    tokens_per_hour=st.integers(RESERVE, 6 * RESERVE),
    tokens_per_question=st.just(RESERVE),
    at_once=st.integers(1, 4),
)
STEPS_NS: Final = st.sampled_from([0, 1, HOUR_NS // 3, HOUR_NS // 2, HOUR_NS - 1, HOUR_NS])
WHICH: Final = st.integers(0, 5)


class SpendingMachine(RuleBasedStateMachine):
    """Questions that begin, use what they may, are forgotten or taken back, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = SpendingPolicy(
            calls_per_hour=1, tokens_per_hour=1, tokens_per_question=1, at_once=1
        )
        self.spending = Spending(policy=self.policy)
        self.now_ns = 0
        self.under_way: list[int] = []
        self.numbers: set[int] = set()
        self.begun: dict[int, int] = {}
        self.used: dict[int, int] = {}

    @initialize(policy=POLICIES)
    def declare(self, policy: SpendingPolicy) -> None:
        """Some limits are in force."""
        self.policy = policy
        self.spending = Spending(policy=policy)

    @rule(by_ns=STEPS_NS)
    def let_time_pass(self, by_ns: int) -> None:
        """The steady clock goes on."""
        self.now_ns += by_ns

    @rule()
    def begin(self) -> None:
        """A question is to begin, and does unless a limit would be passed."""
        calls, tokens = self._spent(self.now_ns)
        found = self.spending.begin(self.now_ns)
        if len(self.under_way) == self.policy.at_once:
            assert found == "too-many"
        elif calls == self.policy.calls_per_hour or tokens + RESERVE > self.policy.tokens_per_hour:
            assert found == "calls-spent"
        else:
            assert isinstance(found, int)
            assert found not in self.numbers
            self.numbers.add(found)
            self.under_way.append(found)
            self.begun[found], self.used[found] = self.now_ns, RESERVE

    @precondition(lambda self: self.under_way)
    @rule(which=WHICH, tokens=st.none() | st.integers(0, RESERVE))
    def end(self, which: int, tokens: int | None) -> None:
        """A question is over, and says what it used or does not."""
        number = self.under_way.pop(which % len(self.under_way))
        self.spending.end(number, tokens)
        if tokens is not None:
            self.used[number] = tokens

    @precondition(lambda self: self.under_way)
    @rule(which=WHICH)
    def drop(self, which: int) -> None:
        """A question was not asked after all."""
        number = self.under_way.pop(which % len(self.under_way))
        self.spending.drop(number)
        del self.begun[number], self.used[number]

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
    def no_more_at_once_than_is_declared(self) -> None:
        """Count what is under way."""
        assert self.spending.under_way == len(self.under_way) <= self.policy.at_once

    @invariant()
    def what_is_left_is_what_was_not_spent(self) -> None:
        """Ask for what is left."""
        calls, tokens = self._spent(self.now_ns)
        assert self.spending.calls_left(self.now_ns) == self.policy.calls_per_hour - calls
        assert self.spending.tokens_left(self.now_ns) == self.policy.tokens_per_hour - tokens


TestSpending = SpendingMachine.TestCase
