"""What compiling and evaluating may cost is a bound on calls, on tokens and on time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from typing_extensions import override

from tests.fakes.clock import Stopwatch
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.errors import BudgetSpentError, DeadlineError, EndpointUnreachableError
from torghut.schemas.declarations.rollout.programs import ProgramBudget
from torghut.workflows.reasoning.ports import Caller
from torghut.workflows.reasoning.programs.metering import MeteredCaller, Spending


@dataclass(slots=True)
class FakeCaller(Caller):
    """Answers, or does not.

    Attributes:
        reply: What comes.
        fault: What is raised in its place.
        calls: That came.
        deadline_ns: Of the last one.
        takes_s: Each.
    """

    steady: Stopwatch
    reply: bytes = b'{"usage":{"prompt_tokens":70,"completion_tokens":30}}'
    fault: Exception | None = None
    calls: int = 0
    deadline_ns: int = 0
    takes_s: int = 0

    @override
    async def call(self, body: bytes, *, step: str, deadline_ns: int) -> bytes:
        self.calls += 1
        self.deadline_ns = deadline_ns
        self.steady.time_ns += self.takes_s * NS_PER_S
        if self.fault is not None:
            raise self.fault
        return self.reply


def metered(
    inner: FakeCaller, *, calls: int = 100, tokens: int = 100_000, seconds: int = 100
) -> MeteredCaller:
    """Return a caller with a budget."""
    budget = ProgramBudget(calls_max=calls, tokens_max=tokens, seconds_max=seconds)
    return MeteredCaller(inner, Spending(budget=budget, unsaid_tokens=1000), inner.steady)


def call(caller: MeteredCaller, count: int = 1, *, deadline_ns: int = 1 << 60) -> None:
    """Make calls."""
    for _ in range(count):
        asyncio.run(caller.call(b"{}", step="signal", deadline_ns=deadline_ns))


def test_calls_pass_while_there_is_something_left_and_never_after() -> None:
    inner = FakeCaller(Stopwatch())
    caller = metered(inner, calls=3)
    call(caller, 3)
    caller.check()

    for _ in range(2):
        with pytest.raises(BudgetSpentError, match="at most 3 calls"):
            call(caller)

    assert inner.calls == caller.calls == 3
    with pytest.raises(BudgetSpentError):
        caller.check()


def test_tokens_are_counted_as_replies_say() -> None:
    caller = metered(FakeCaller(Stopwatch()), tokens=250)
    call(caller, 3)

    assert caller.tokens == 300
    with pytest.raises(BudgetSpentError, match="250 tokens"):
        call(caller)


@pytest.mark.parametrize(
    "reply", [b"{}", b"no json", b'{"usage":{"prompt_tokens":-1,"completion_tokens":1}}']
)
def test_call_that_does_not_say_counts_as_declared(reply: bytes) -> None:
    caller = metered(FakeCaller(Stopwatch(), reply=reply))

    call(caller)

    assert caller.tokens == 1000


def test_call_that_failed_is_paid_for_too() -> None:
    fault = EndpointUnreachableError(found="a reset")
    caller = metered(FakeCaller(Stopwatch(), fault=fault), calls=1)
    with pytest.raises(EndpointUnreachableError):
        call(caller)

    assert (caller.calls, caller.tokens) == (1, 1000)
    with pytest.raises(BudgetSpentError):
        call(caller)


def test_time_ends_the_budget_and_the_call_that_is_under_way() -> None:
    steady = Stopwatch()
    inner = FakeCaller(steady, takes_s=60)
    caller = metered(inner, seconds=100)
    call(caller)
    assert inner.deadline_ns == 100 * NS_PER_S

    inner.fault = DeadlineError(step="signal")
    with pytest.raises(BudgetSpentError, match="100 seconds"):
        call(caller)


def test_deadline_of_a_question_is_no_end_of_the_budget() -> None:
    inner = FakeCaller(Stopwatch(), fault=DeadlineError(step="signal"))
    caller = metered(inner)

    with pytest.raises(DeadlineError):
        call(caller, deadline_ns=5)

    assert inner.deadline_ns == 5
    caller.check()
