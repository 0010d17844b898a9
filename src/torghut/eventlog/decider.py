"""An aggregate as data: where it starts, how it decides, how it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider(Generic[C, E, S]):
    """An aggregate as data: where it starts, how it decides, how it changes.

    Attributes:
        initial: State of a stream that has no events yet.
        decide: Turns a command and the current state into new events, or raises
            a ``TorghutError``. Pure: no clock, randomness, or I/O.
        evolve: Applies one event to a state. Total: accepts every recorded event.
    """

    initial: S
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]

    def fold(self, events: Iterable[E]) -> S:
        """Return the state after ``events``, oldest first."""
        return reduce(self.evolve, events, self.initial)
