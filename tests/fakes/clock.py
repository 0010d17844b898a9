"""A clock that only the test moves, and ids that only the test numbers."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from torghut.kernel.clock import Clock, IdSource


@dataclass(slots=True)
class HandClock(Clock):
    """A clock that stands still until it is set."""

    time_ns: int = 1_700_000_000_000_000_000

    @override
    def now_ns(self) -> int:
        return self.time_ns


@dataclass(slots=True)
class SteppingClock(Clock):
    """A clock that goes on by a little whenever it is looked at."""

    time_ns: int = 0
    step_ns: int = 10

    @override
    def now_ns(self) -> int:
        self.time_ns += self.step_ns
        return self.time_ns


@dataclass(slots=True)
class CountingIds(IdSource):
    """Ids that count up from 1."""

    last: int = 0

    @override
    def new_id(self) -> str:
        self.last += 1
        return f"id-{self.last}"
