"""Time and names as inputs: the core is told them through these ports and never asks.

There are two clocks, whose times differ in type: where one belongs, the other is a type error.
"""

from __future__ import annotations

from typing import NewType, Protocol

WallNs = NewType("WallNs", int)
"""Nanoseconds since 1970 UTC, as people and other machines count; it may be set back."""

SteadyNs = NewType("SteadyNs", int)
"""Nanoseconds since a moment of the clock's own; two readings of one clock may be subtracted."""


class WallClock(Protocol):
    """Tells what time it is."""

    def now_ns(self) -> WallNs:
        """Return nanoseconds since 1970 UTC."""
        ...


class SteadyClock(Protocol):
    """Tells only how much time has passed between two looks; nobody can set it."""

    def now_ns(self) -> SteadyNs:
        """Return nanoseconds since a moment of its own; never less than before."""
        ...


class IdSource(Protocol):
    """Makes names that nobody has used before."""

    def new_id(self) -> str:
        """Return a name of 1 to 64 characters out of ``A-Z a-z 0-9 . _ -``."""
        ...
