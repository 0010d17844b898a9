"""What asking for advice needs of the shell: a program that thinks, and a place for records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torghut.reasoning.verdict import Committee
from torghut.schemas.reasoning.context import AdviceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What a program came to.

    Attributes:
        committee: The answers of its steps.
        tokens: That the calls used together; None where one of them did not say.
    """

    committee: Committee
    tokens: int | None


class Program(Protocol):
    """Whatever answers the committee's four steps."""

    async def think(self, shown: AdviceContext, *, deadline_ns: int) -> Thought:
        """Return the committee's answers.

        Args:
            shown: All that it may see.
            deadline_ns: On the steady clock; nothing goes on after it.

        Raises:
            AdviceFaultError: There are none.
        """
        ...


class Caller(Protocol):
    """Whatever brings a request to a model's endpoint, and its reply back."""

    async def call(self, body: Mapping[str, object], *, step: str, deadline_ns: int) -> bytes:
        """Return the body of the reply, whole.

        Args:
            body: The request, as JSON values.
            step: What is asked, for people.
            deadline_ns: On the steady clock.

        Raises:
            AdviceFaultError: There is none.
        """
        ...


class BreakerWitness(Protocol):
    """Is told whenever the circuit breaker changes its state."""

    def changed(self, before: str, after: str, code: str) -> None:
        """Take in a change, and the code of the fault that led to it; empty for none."""
        ...
