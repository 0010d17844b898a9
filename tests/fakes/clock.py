"""Clocks that only the test moves, and ids that only the test numbers."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from torghut.kernel.clock import IdSource, SteadyClock, SteadyNs, WallClock, WallNs


@dataclass(slots=True)
class HandClock(WallClock):
    """A wall clock that stands still until it is set."""

    time_ns: int = 1_700_000_000_000_000_000

    @override
    def now_ns(self) -> WallNs:
        return WallNs(self.time_ns)


@dataclass(slots=True)
class Stopwatch(SteadyClock):
    """A steady clock that stands still until time is added."""

    time_ns: int = 0

    @override
    def now_ns(self) -> SteadyNs:
        return SteadyNs(self.time_ns)


@dataclass(slots=True)
class SteppingClock(SteadyClock):
    """A steady clock that goes on by a little whenever it is looked at."""

    time_ns: int = 0
    step_ns: int = 10

    @override
    def now_ns(self) -> SteadyNs:
        self.time_ns += self.step_ns
        return SteadyNs(self.time_ns)


@dataclass(slots=True)
class CountingIds(IdSource):
    """Ids that count up from 1."""

    last: int = 0

    @override
    def new_id(self) -> str:
        self.last += 1
        return f"id-{self.last}"
