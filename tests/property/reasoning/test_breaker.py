"""Whoever calls, answers and fails in whatever order: an open breaker keeps its time, one tries."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from torghut.reasoning.breaker import Breaker, BreakerPolicy, admit, fail, succeed

POLICIES: Final = st.builds(
    lambda failures, open_ns, more_ns: BreakerPolicy(
        failures=failures, open_ns=open_ns, open_max_ns=open_ns + more_ns
    ),
    st.integers(1, 4),
    st.integers(1, 50),
    st.integers(0, 400),
)


class BreakerMachine(RuleBasedStateMachine):
    """Calls that are let through or not, and answered late, well, badly or never."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.policy = BreakerPolicy(failures=1, open_ns=1, open_max_ns=1)
        self.breaker = Breaker()
        self.now_ns = 0
        self.count = 0
        self.counted: set[int] = set()
        self.trial: int | None = None
        self.row = 0
        self.closed_until_ns = 0
        self.wait_ns = 0

    @initialize(policy=POLICIES)
    def declare(self, policy: BreakerPolicy) -> None:
        """Some policy is in force."""
        self.policy = policy

    @rule(by_ns=st.integers(0, 20) | st.integers(0, 1000))
    def let_time_pass(self, by_ns: int) -> None:
        """The steady clock goes on."""
        self.now_ns += by_ns

    @rule(target=calls)
    def call(self) -> MultipleResults[tuple[int, int]]:
        """Somebody wants to call."""
        before = self.breaker
        self.breaker, turn = admit(before, self.now_ns)
        if self.wait_ns and (self.trial is not None or self.now_ns < self.closed_until_ns):
            assert turn is None
            assert self.breaker == before
            return multiple()
        assert turn is not None
        self.count += 1
        if self.wait_ns:
            self.trial = self.count
        else:
            self.counted.add(self.count)
        return multiple((self.count, turn))

    @rule(answered=consumes(calls), well=st.booleans())
    def answer(self, answered: tuple[int, int], *, well: bool) -> None:
        """A call is over: it counts if it tries, or if nothing changed since it began."""
        call, turn = answered
        before = self.breaker
        if well:
            self.breaker = succeed(before, turn)
        else:
            self.breaker = fail(before, turn, self.policy, self.now_ns)
        if call == self.trial:
            self._tried(well=well)
        elif call not in self.counted:
            assert self.breaker == before
        elif well:
            self.row = 0
        else:
            self.row += 1
            if self.row == self.policy.failures:
                self._opened(self.policy.open_ns)

    def _tried(self, *, well: bool) -> None:
        self.trial = None
        if well:
            self.row = self.wait_ns = 0
        else:
            self._opened(min(2 * self.wait_ns, self.policy.open_max_ns))

    def _opened(self, wait_ns: int) -> None:
        self.wait_ns = wait_ns
        self.closed_until_ns = self.now_ns + wait_ns
        self.counted.clear()

    @invariant()
    def stands_as_it_must(self) -> None:
        """Its state and its time are those of a plain second reading."""
        expected = "half-open" if self.trial is not None else "open" if self.wait_ns else "closed"
        assert self.breaker.state == expected
        if expected == "open":
            assert self.breaker.until_ns == self.closed_until_ns
            assert self.policy.open_ns <= self.breaker.wait_ns <= self.policy.open_max_ns


TestBreaker = BreakerMachine.TestCase
