"""The trading loop's own machine: its clocks, its chance, its environment; tests put in others.

A client runs outside of the service and enters no decision. So it may ask what the core may not.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

URL_VARIABLE: Final = "TORGHUT_URL"
TOKEN_FILE_VARIABLE: Final = "TORGHUT_TOKEN_FILE"  # noqa: S105 - the name of a variable

_CHANCES: Final = 2**32


def _steady_ns() -> int:
    """Return a clock that nobody sets and that goes on while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


def _chance() -> float:
    """Return a number in [0, 1) that nobody foresees."""
    return secrets.randbelow(_CHANCES) / _CHANCES


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where time and chance come from.

    Attributes:
        wall_ns: Nanoseconds since 1970 UTC.
        steady_ns: Nanoseconds since a moment of its own; never less than before.
        chance: A number in [0, 1), to spread attempts to connect.
    """

    wall_ns: Callable[[], int] = time.time_ns
    steady_ns: Callable[[], int] = _steady_ns
    chance: Callable[[], float] = _chance


def variable(name: str) -> str | None:
    """Return an environment variable; an empty one counts as not set."""
    return os.environ.get(name) or None
