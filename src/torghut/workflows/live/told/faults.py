"""What senders are told of something that was not taken."""

from __future__ import annotations

from typing import Final

from torghut.kernel.errors import TorghutError
from torghut.schemas.live.delivery import Fault
from torghut.workflows.live.errors import NotTakenError

_DETAIL_MAX: Final = 2000


def fault_of(error: TorghutError, *, context_id: str = "", control_id: str = "") -> Fault:
    """Return what is told of ``error``.

    Args:
        error: Why it was not taken.
        context_id: Of the context, if it was one.
        control_id: Of the control record, if it was one.
    """
    return Fault(
        code=error.code,
        detail=str(error)[:_DETAIL_MAX],
        context_id=context_id,
        control_id=control_id,
        retry_after_ms=error.retry_after_ms if isinstance(error, NotTakenError) else None,
    )
