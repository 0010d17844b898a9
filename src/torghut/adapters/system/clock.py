"""The wall clock, the steady clock, and random names."""

from __future__ import annotations

import time
import uuid

from typing_extensions import override

from torghut.kernel.clock import Clock, IdSource


class SystemClock(Clock):
    """The machine's wall clock."""

    @override
    def now_ns(self) -> int:
        return time.time_ns()


class SteadyClock(Clock):
    """A clock that nobody can set: it only tells how much time has passed between two looks."""

    @override
    def now_ns(self) -> int:
        return time.monotonic_ns()


class RandomIds(IdSource):
    """Names that nobody has used before, by chance."""

    @override
    def new_id(self) -> str:
        return str(uuid.uuid4())
