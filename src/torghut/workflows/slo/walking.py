"""Goes through a log's blocks once for all windows that are asked for, newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from torghut.eventlog.columns import decode_columns
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.ids import SERVING
from torghut.schemas.rows import INT64_LAST_NS
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.scanning import newest_first, rows_of
from torghut.workflows.slo.counting import OpenedBlock, Span, WindowCounts, add_block

_OVERLAP_NS: Final = 3_600 * 1_000_000_000
"""How much older than a span a whole block must be before nothing of it is behind that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one walk came to.

    Attributes:
        windows: What happened in each window, in their order.
        accepted: Contexts that the log took in each further span, in their order.
    """

    windows: Sequence[WindowCounts]
    accepted: Sequence[int]


async def count_window(
    log: DecisionLog, *, after_ns: int = -1, to_ns: int = INT64_LAST_NS
) -> WindowCounts:
    """Return what happened after ``after_ns`` and up to ``to_ns``, by receive time.

    Raises:
        LogIntegrityError: A block is not as it was written.
        ObjectMissingError: The log does not keep declarations that it cites.
    """
    counted = await count_windows(log, [Span(after_ns=after_ns, to_ns=to_ns)])
    return counted.windows[0]


async def count_windows(
    log: DecisionLog, windows: Sequence[Span], spans: Sequence[Span] = ()
) -> Counted:
    """Return what happened in each of ``windows``, and how much came in each of ``spans``.

    Raises:
        LogIntegrityError: A block is not as it was written.
        ObjectMissingError: The log does not keep declarations that it cites.
    """
    counts, accepted = [WindowCounts() for _ in windows], [0 for _ in spans]
    rulebook = Rulebook(log, run_id="")
    for partition in await log.partitions():
        open_ = list(zip(windows, counts, strict=True))
        oldest_ns = min((one.after_ns for one in spans), default=INT64_LAST_NS)
        async for opened in _opened(log, partition):
            for place, span in enumerate(spans):
                accepted[place] += int(np.count_nonzero(span.of(opened.times_ns)))
            # Also the newest block of all says which symbols there are, however old it is.
            for window, found in open_:
                await add_block(found, opened, rulebook, window)
            open_ = [one for one in open_ if not _is_before(opened, one[0].after_ns)]
            if not open_ and _is_before(opened, oldest_ns):
                break
    return Counted(windows=counts, accepted=accepted)


async def last_received_ns(log: DecisionLog) -> int:
    """Return the receive time of the newest decision; 0 without one."""
    newest = 0
    for partition in await log.partitions():
        async for block in newest_first(log, partition):
            rows = rows_of(block, SERVING)
            if len(rows):
                newest = max(newest, int(rows["receive_ns"].max()))
                break
    return newest


async def _opened(log: DecisionLog, partition: int) -> AsyncIterator[OpenedBlock]:
    """Yield every block of ``partition``, newest first."""
    async for block in newest_first(log, partition):
        contexts, _ = decode_columns(block.inputs)
        yield OpenedBlock(
            block=block, times_ns=contexts["receive_ns"], rows=rows_of(block, SERVING)
        )


def _is_before(opened: OpenedBlock, after_ns: int) -> bool:
    """Say whether a block is so old that no block behind it has anything after ``after_ns``."""
    times_ns = opened.times_ns
    return bool(len(times_ns)) and int(times_ns.max()) < after_ns - _OVERLAP_NS
