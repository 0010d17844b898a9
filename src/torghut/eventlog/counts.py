"""How much is in a partition, counted from what its blocks hold."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from torghut.eventlog.block import Block
from torghut.eventlog.columns import count_rows
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.projections import Projection
from torghut.eventlog.verification import block_place
from torghut.kernel.ids import SERVING
from torghut.schemas.block import read_block_header
from torghut.schemas.types import Message

Count = Annotated[int, Field(ge=0, lt=2**53)]


class PartitionCounts(Message):
    """What a partition holds, to the unit: contexts = decisions + quarantined + waiting.

    Counted as in ``schemas.block.BlockCounts``: ``quarantined`` is all that was not decided,
    refused contexts and records that were no context. ``waiting`` are those that wait for advice.
    """

    contexts: Count = 0
    decisions: Count = 0
    quarantined: Count = 0
    control_records: Count = 0
    blocks: Count = 0
    waiting: Count = 0


def add_block(counts: PartitionCounts, block: Block) -> PartitionCounts:
    """Return ``counts`` with ``block`` counted in.

    Raises:
        LogIntegrityError: What the block's header says is not what the block holds.
    """
    said = read_block_header(block.header).counts
    decisions = block.arms[SERVING].count
    undecodable = said.contexts - count_rows(block.inputs)
    refused = count_rows(block.inputs) - said.pending - (decisions - said.resolved)
    if said.decisions != decisions or said.quarantined != undecodable + refused:
        raise LogIntegrityError(
            place=block_place(block.partition, block.number),
            expected=f"{said.decisions} decisions and {said.quarantined} quarantined",
            found=f"{decisions} and {undecodable + refused}",
        )
    return PartitionCounts(
        contexts=counts.contexts + said.contexts,
        decisions=counts.decisions + said.decisions,
        quarantined=counts.quarantined + said.quarantined,
        control_records=counts.control_records + said.control_records,
        blocks=counts.blocks + 1,
        waiting=counts.waiting + said.pending - said.resolved,
    )


COUNTS: Final[Projection[PartitionCounts]] = Projection(
    key="projection/counts.v1",
    initial=PartitionCounts(),
    apply=add_block,
    encode=lambda counts: counts.model_dump_json().encode(),
    decode=PartitionCounts.model_validate_json,
)
"""What each partition holds."""
