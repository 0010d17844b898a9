"""Observations are numbered: the last one again is harmless, any other but the next is refused."""

from __future__ import annotations

from torghut.governance.safety.errors import OutOfOrderError


def is_again(what: str, *, last: int, found: int, same: bool) -> bool:
    """Say whether observation ``found`` is the last one, delivered again.

    Args:
        what: Is numbered.
        last: Number of the last one on record; 0 before the first.
        found: Number of the one that is told.
        same: Whether it tells the same as the last one did.

    Raises:
        OutOfOrderError: It is neither that nor the next one.
    """
    if found == last + 1:
        return False
    if found == last and same:
        return True
    raise OutOfOrderError(what=what, expected=last + 1, found=found)
