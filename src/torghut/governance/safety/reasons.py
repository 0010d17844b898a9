"""A reason that a person gives for something that must be explained."""

from __future__ import annotations

from torghut.governance.safety.errors import ReasonMissingError
from torghut.schemas.control import REASON_MAX


def reason_text(text: str) -> str:
    """Return a reason without what surrounds it.

    Raises:
        ReasonMissingError: It is none, or longer than is recorded.
    """
    reason = text.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise ReasonMissingError(found=text)
    return reason
