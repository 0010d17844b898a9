"""What advice may cost: calls and tokens of the last hour, and how many are asked at once.

A call's tokens are known only once it is answered. Until then it is counted with the most that it
may use, so that calls under way together cannot overdraw what none of them would alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

HOUR_NS: Final = 3_600_000_000_000

Refusal = Literal["calls-spent", "too-many"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingPolicy:
    """The limits.

    Attributes:
        calls_per_hour: Questions begun in any hour.
        tokens_per_hour: Used or reserved in any hour.
        tokens_per_question: Most that one question may use.
        at_once: Questions under way.
    """

    calls_per_hour: int
    tokens_per_hour: int
    tokens_per_question: int
    at_once: int


@dataclass(slots=True, kw_only=True)
class Spending:
    """What was spent in the last hour, and what is under way.

    Attributes:
        policy: The limits.
    """

    policy: SpendingPolicy
    _begun: dict[int, int] = field(default_factory=dict)
    _tokens: dict[int, int] = field(default_factory=dict)
    _under_way: set[int] = field(default_factory=set)
    _next: int = 0

    def begin(self, now_ns: int) -> int | Refusal:
        """Return the number of a question that may begin, or why none may.

        Whoever gets a number ends it with ``end``.
        """
        self._forget(now_ns)
        policy = self.policy
        if len(self._under_way) >= policy.at_once:
            return "too-many"
        if len(self._begun) >= policy.calls_per_hour:
            return "calls-spent"
        if self.tokens + policy.tokens_per_question > policy.tokens_per_hour:
            return "calls-spent"
        number, self._next = self._next, self._next + 1
        self._begun[number] = now_ns
        self._tokens[number] = policy.tokens_per_question
        self._under_way.add(number)
        return number

    def end(self, number: int, tokens: int | None) -> None:
        """Take in that a question is over.

        Args:
            number: As ``begin`` gave it.
            tokens: That it used; None where nobody knows, so that its reserve stays spent.
        """
        self._under_way.discard(number)
        if tokens is not None and number in self._tokens:
            self._tokens[number] = tokens

    def drop(self, number: int) -> None:
        """Take back a question that was not asked after all."""
        self._under_way.discard(number)
        self._begun.pop(number, None)
        self._tokens.pop(number, None)

    @property
    def tokens(self) -> int:
        """Used or reserved in the last hour."""
        return sum(self._tokens.values())

    @property
    def under_way(self) -> int:
        """Questions that are not over."""
        return len(self._under_way)

    def calls_left(self, now_ns: int) -> int:
        """Return how many questions may still begin in this hour."""
        self._forget(now_ns)
        return max(0, self.policy.calls_per_hour - len(self._begun))

    def tokens_left(self, now_ns: int) -> int:
        """Return how many tokens are left in this hour."""
        self._forget(now_ns)
        return max(0, self.policy.tokens_per_hour - self.tokens)

    def _forget(self, now_ns: int) -> None:
        """Forget what began more than an hour ago, but for what is under way."""
        old = [number for number, begun_ns in self._begun.items() if begun_ns <= now_ns - HOUR_NS]
        for number in old:
            if number not in self._under_way:
                del self._begun[number], self._tokens[number]
