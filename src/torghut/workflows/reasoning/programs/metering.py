"""A caller that keeps to a budget of calls, tokens and time, for work that nobody trades by.

The hour's share of the policy is for those who trade. Compiling and evaluating have a budget of
their own, and what is spent stays spent: an optimiser that goes on after a fault asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.errors import BudgetSpentError, DeadlineError
from torghut.reasoning.replies import tokens_said
from torghut.schemas.declarations.rollout.programs import ProgramBudget
from torghut.workflows.reasoning.ports import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What some work may cost.

    Attributes:
        budget: As declared.
        unsaid_tokens: Counted for a call that does not say how many it used.
    """

    budget: ProgramBudget
    unsaid_tokens: int


class MeteredCaller(Caller):
    """Passes calls on while the budget lasts, whose time begins now.

    Args:
        caller: Brings requests to the endpoint.
        spending: What they may cost.
        steady: Measures.
    """

    def __init__(self, caller: Caller, spending: Spending, steady: SteadyClock) -> None:
        self._caller = caller
        self._budget = spending.budget
        self._unsaid_tokens = spending.unsaid_tokens
        self._steady = steady
        self._ends_ns = steady.now_ns() + spending.budget.seconds_max * NS_PER_S
        self._spent: BudgetSpentError | None = None
        self.calls = 0
        self.tokens = 0

    def check(self) -> None:
        """Raise what ended the budget, for whoever asked through something that goes on.

        Raises:
            BudgetSpentError: It is spent, and more was asked.
        """
        if self._spent is not None:
            raise self._spent

    @override
    async def call(self, body: bytes, *, step: str, deadline_ns: int) -> bytes:
        """Pass a call on.

        Raises:
            BudgetSpentError: Nothing is left.
        """
        self._spent = self._spent or self._over()
        self.check()
        self.calls += 1
        said: int | None = None
        try:
            reply = await self._caller.call(
                body, step=step, deadline_ns=min(deadline_ns, self._ends_ns)
            )
            said = tokens_said(reply)
        except DeadlineError as error:
            if self._is_late():  # its own time ended it, and nobody else was late
                self._spent = self._late()
                raise self._spent from error
            raise
        finally:
            self.tokens += self._unsaid_tokens if said is None else said
        return reply

    def _is_late(self) -> bool:
        """Say whether the time is over."""
        return self._steady.now_ns() >= self._ends_ns

    def _late(self) -> BudgetSpentError:
        """Return that it is."""
        return BudgetSpentError(what="seconds", most=self._budget.seconds_max)

    def _over(self) -> BudgetSpentError | None:
        """Return what is spent; None while everything lasts."""
        budget = self._budget
        if self.calls >= budget.calls_max:
            return BudgetSpentError(what="calls", most=budget.calls_max)
        if self.tokens >= budget.tokens_max:
            return BudgetSpentError(what="tokens", most=budget.tokens_max)
        return self._late() if self._is_late() else None
