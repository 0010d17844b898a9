"""What became of the control records of a block, as the lines that ``control tail`` shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torghut.decisions.recording import header_of
from torghut.eventlog.block import Block
from torghut.schemas.block import BlockRecords, read_block_records
from torghut.schemas.live.delivery import ControlApplied, ControlRecorded
from torghut.workflows.live.told.lines import Line


async def control_lines(block: Block) -> Sequence[Line]:
    """Return a line for every control record of ``block``, and for every place where one applied.

    Raises:
        MessageContentError: The block's records do not fit their schema.
    """
    records = read_block_records(block.records)
    lines = [*_recorded(block, records), *_applied(block, records)]
    return sorted(lines, key=lambda line: line.place)


def _recorded(block: Block, records: BlockRecords) -> Iterator[Line]:
    """Yield what was taken, came again, or was refused."""
    for received in records.received:
        yield _line(
            received.row,
            ControlRecorded(
                position=_position(block, received.row),
                control_id=received.record.control_id,
                status="taken",
                code="",
                record=received.record,
            ),
        )
    for repeated in records.repeated:
        yield _line(
            repeated.row,
            ControlRecorded(
                position=_position(block, repeated.row),
                control_id=repeated.control_id,
                status="repeated",
                code="",
                record=None,
            ),
        )
    for refused in records.refused:
        yield _line(
            refused.row,
            ControlRecorded(
                position=_position(block, refused.row),
                control_id=refused.record.control_id,
                status="refused",
                code=refused.code,
                record=refused.record,
            ),
        )


def _applied(block: Block, records: BlockRecords) -> Iterator[Line]:
    """Yield where records took effect; behind what was recorded in the same block."""
    last = max((one.row for one in records.received), default=0)
    symbols = header_of(block).symbols if records.applied else {}
    for applied in records.applied:
        yield _line(
            last,
            ControlApplied(
                position=_position(block, last),
                control_id=applied.control_id,
                symbol=symbols[applied.symbol],
                contexts_before=applied.position,
            ),
        )


def _position(block: Block, row: int) -> str:
    """Return where something stands that came before the context ``row``."""
    return f"{block.partition}:{block.number}:{row}"


def _line(place: int, message: ControlRecorded | ControlApplied) -> Line:
    """Return a message as a line."""
    return Line(name=message.control_id, place=place, text=message.model_dump_json().encode())
