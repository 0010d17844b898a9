"""Keeping snapshots without holding the loop up: they are only a cache."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from torghut.eventlog.ports import DecisionLog, Snapshot
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S
from torghut.workflows.decision_loop import keep_snapshot


async def keep_within(
    log: DecisionLog, memory: Snapshot, counts: Snapshot, *, budget_ms: int
) -> Sequence[str]:
    """Keep what a loop remembers and what it counted; return what stood in the way, in words."""
    keeping = asyncio.gather(
        keep_snapshot(log, memory), log.save_snapshot(counts), return_exceptions=True
    )
    done, _ = await asyncio.wait([keeping], timeout=budget_ms / MS_PER_S)
    if not done:
        return ["it takes long"]
    faults = [one for one in keeping.result() if one is not None]
    for fault in faults:
        if not isinstance(fault, TorghutError):
            raise fault
    return [str(fault) for fault in faults]
