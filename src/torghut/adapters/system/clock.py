"""The machine's wall clock, its steady clock, and random names."""

from __future__ import annotations

import time
import uuid

from typing_extensions import override

from torghut.kernel.clock import IdSource, SteadyClock, SteadyNs, WallClock, WallNs


class SystemClock(WallClock):
    """The machine's wall clock."""

    @override
    def now_ns(self) -> WallNs:
        return WallNs(time.time_ns())


class MonotonicClock(SteadyClock):
    """The time since the machine was started."""

    @override
    def now_ns(self) -> SteadyNs:
        return SteadyNs(time.monotonic_ns())


def cpu_ns() -> int:
    """Return the CPU time of this process so far, in nanoseconds."""
    return time.process_time_ns()


class RandomIds(IdSource):
    """Names that nobody has used before, by chance."""

    @override
    def new_id(self) -> str:
        return str(uuid.uuid4())
