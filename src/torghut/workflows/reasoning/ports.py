"""What asking for advice needs of the shell: a program that thinks, and a place for records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from torghut.reasoning.verdict import Committee
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.record import AdviceRecord, ModelParameters
from torghut.schemas.reasoning.steps import StepName

NEVER_NS: Final = 1 << 62
"""A deadline that does not come: a replay has all the time that it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What a program came to.

    Attributes:
        committee: The answers of its steps.
        tokens: That the calls used together; None where one of them did not say.
    """

    committee: Committee
    tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an endpoint.

    Attributes:
        step: That was asked.
        request: Digest of the request's canonical JSON.
        reply: As it came; None where none came whole.
        tokens: That it used; None where nobody knows.
        elapsed_ns: It took so long.
        code: Of its fault; empty without one.
    """

    step: StepName
    request: str
    reply: bytes | None
    tokens: int | None
    elapsed_ns: int
    code: str


@dataclass(slots=True)
class Transcript:
    """The calls of one question, as they are made.

    Attributes:
        calls: In order.
    """

    calls: list[Call] = field(default_factory=list)


class Program(Protocol):
    """Whatever answers the committee's four steps."""

    @property
    def parameters(self) -> ModelParameters:
        """What is pinned of the model."""
        ...

    @property
    def digest(self) -> str | None:
        """Of the package that it is served from; None where it is not compiled."""
        ...

    async def think(
        self, shown: AdviceContext, *, deadline_ns: int, transcript: Transcript
    ) -> Thought:
        """Return the committee's answers.

        Args:
            shown: All that it may see.
            deadline_ns: On the steady clock; nothing goes on after it.
            transcript: Takes down each call, also where there is no answer.

        Raises:
            AdviceFaultError: There are none.
        """
        ...


class Caller(Protocol):
    """Whatever brings a request to a model's endpoint, and its reply back."""

    async def call(self, body: bytes, *, step: str, deadline_ns: int) -> bytes:
        """Return the body of the reply, whole.

        Args:
            body: The request, as canonical JSON.
            step: What is asked, for people.
            deadline_ns: On the steady clock.

        Raises:
            AdviceFaultError: There is none.
        """
        ...


class RecordKeeper(Protocol):
    """A place for what was asked and answered."""

    async def keep(self, record: AdviceRecord) -> str:
        """Keep a record durably; return its digest, 64 hex digits.

        Raises:
            ArtifactUnwritableError: It cannot be kept.
        """
        ...


class AskingWitness(Protocol):
    """Is told when the circuit breaker changes its state, and of what could not be kept."""

    def changed(self, before: str, after: str, code: str) -> None:
        """Take in a change, and the code of the fault that led to it; empty for none."""
        ...

    def unkept(self, context_id: str, fault: Exception) -> None:
        """Take in that what was asked and answered could not be kept."""
        ...

    def unread(self, source: str, found: str) -> None:
        """Take in that passages could not be read, or not all of them."""
        ...

    def failed(self, context_id: str, defect: Exception) -> None:
        """Take in that a question ended by an error that nobody foresaw."""
        ...
