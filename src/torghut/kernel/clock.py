"""Time and names as inputs: the core is told them through these two ports and never asks."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tells wall time."""

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        ...


class IdSource(Protocol):
    """Makes names that nobody has used before."""

    def new_id(self) -> str:
        """Return a name of 1 to 64 characters out of ``A-Z a-z 0-9 . _ -``."""
        ...
