"""Given events, when a command, then events: a decider's whole test in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torghut.eventlog.decider import Decider

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Given(Generic[C, E, S]):
    """A decider after events."""

    decider: Decider[C, E, S]
    state: S

    def when(self, command: C) -> Sequence[E]:
        """Return the events that ``command`` causes; a refusal is raised."""
        return list(self.decider.decide(command, self.state))


@dataclass(frozen=True, slots=True)
class Spec(Generic[C, E, S]):
    """A decider to be tested."""

    decider: Decider[C, E, S]

    def given(self, *events: E) -> Given[C, E, S]:
        """Return the decider as it is after ``events``."""
        return Given(self.decider, self.decider.fold(events))
