"""Whether a package was fitted on the very time that it is to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FitWindow:
    """What a package has seen.

    Attributes:
        package: Name and digest.
        first_ns: Receive time of the first context that it was fitted on.
        last_ns: The same of the last.
    """

    package: str
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOverlap:
    """Time that a package was fitted on and decides.

    Attributes:
        package: Name and digest.
        first_ns: Where the overlap begins.
        last_ns: Where it ends.
    """

    package: str
    first_ns: int
    last_ns: int


def overlaps(
    windows: Sequence[FitWindow], *, first_ns: int, last_ns: int
) -> tuple[WindowOverlap, ...]:
    """Return the packages whose fit window shares time with a run from first to last, both in.

    What such a package decides there is no evidence of anything, whatever a look-ahead test says.
    """
    return tuple(
        WindowOverlap(
            package=one.package,
            first_ns=max(one.first_ns, first_ns),
            last_ns=min(one.last_ns, last_ns),
        )
        for one in windows
        if one.first_ns <= last_ns and first_ns <= one.last_ns
    )
