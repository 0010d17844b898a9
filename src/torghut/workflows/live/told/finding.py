"""What became of one context first, looked for in the log from its end: mostly it is new."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import numpy as np

from torghut.eventlog.block import Block
from torghut.eventlog.columns import decode_columns
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.ids import DecisionId, format_context_id
from torghut.schemas.codes import RefusalCode
from torghut.workflows.live.told.lines import Line
from torghut.workflows.lookup.scanning import newest_first

REPEATED: Final = b'"code":"%s"}}' % RefusalCode.DUPLICATE.code.encode()
"""How the line of a context ends that was refused because it had been seen before."""


async def first_outcome(
    log: DecisionLog,
    wanted: DecisionId,
    lines_of: Callable[[Block], Awaitable[Sequence[Line]]],
) -> bytes | None:
    """Return the line of the outcome that a context had first; None where the log has none.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    name = format_context_id(wanted.context)
    for partition in await log.partitions():
        async for block in newest_first(log, partition):
            contexts, _ = decode_columns(block.inputs)
            if not np.any(contexts["sequence"] == np.uint64(wanted.context.sequence)):
                continue
            for line in await lines_of(block):
                if line.name == name and not line.text.endswith(REPEATED):
                    return line.text
    return None
