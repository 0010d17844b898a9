"""A batch and what became of it as a block of the log, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from torghut.decisions.block_text import EMPTY_RECORDS, Counts, cursor_text, header_bytes
from torghut.decisions.fold.batch import Applied, Decided, occurring
from torghut.decisions.fold.folding import DecisionFold
from torghut.eventlog.block import Arm, Block, Head
from torghut.eventlog.columns import decode_columns, encode_columns
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.ids import parse_context_id, source_key, symbol_key
from torghut.market.ports import Arrival, Cursor, Quarantined
from torghut.schemas.block import (
    BLOCK_RECORDS,
    AppliedControl,
    BlockHeader,
    BlockRecords,
    QuarantinedRecord,
    ReceivedControl,
    RefusedControl,
    RepeatedControl,
    read_block_header,
    read_block_records,
)
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import (
    AdviceOutcome,
    AdviceResolved,
    DeclarationsChanged,
    PackageChanged,
)
from torghut.schemas.rows import RowArray

_ADMITTED: Final = bytes([RefusalCode.NONE])
_CURSOR: Final = TypeAdapter(Cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A block's content, parsed.

    Attributes:
        contexts: Shape (n,), dtype ``CONTEXT``, numbered by the run's tables.
        outcomes: Shape (n,), uint8.
        received: Control records new in this block.
        applied: Where control records applied.
    """

    header: BlockHeader
    contexts: npt.NDArray[np.void]
    outcomes: npt.NDArray[np.uint8]
    received: Sequence[Arrival]
    applied: Sequence[Applied]

    @property
    def resolutions(self) -> Sequence[tuple[int, AdviceResolved]]:
        """Of each arm's rows those of contexts that had waited, and what resolved them."""
        return resolutions_of(self.outcomes, self.received)

    @property
    def advice(self) -> Sequence[AdviceOutcome]:
        """What became of questions for advice, in order."""
        return [one.record for one in self.received if isinstance(one.record, AdviceOutcome)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One batch as it was taken from its source.

    Attributes:
        contexts: Shape (n,), numbered by the run's tables.
        quarantined: Records that were no context, with the digest of their source part.
        cursor: The input position after the batch.
        first_symbol: Number of symbols known before the batch.
    """

    contexts: npt.NDArray[np.void]
    quarantined: Sequence[tuple[str, Quarantined]]
    cursor: Cursor
    first_symbol: int


def record_batch(fold: DecisionFold, taken: Taken, decided: Decided, head: Head) -> Block:
    """Return the block that follows ``head`` and holds ``taken`` and ``decided``."""
    named = occurring(taken.contexts["symbol"])
    if taken.first_symbol < len(fold.symbols):
        named |= set(range(taken.first_symbol, len(fold.symbols)))
    sources = occurring(taken.contexts["source"])
    if decided.resolved:
        named |= {one.symbol for one in decided.applied if one.resolution}
        sources |= _sources_resolved(fold, decided)
    outcomes = decided.outcomes.tobytes()
    pending = len(decided.asked)
    refused = len(outcomes) - outcomes.count(_ADMITTED) - pending
    header = header_bytes(
        kernel=fold.kernel,
        counts=Counts(
            contexts=len(taken.contexts) + len(taken.quarantined),
            control_records=len(decided.received),
            decisions=decided.count,
            quarantined=len(taken.quarantined) + refused,
            pending=pending,
            resolved=len(decided.resolved),
        ),
        symbols={i: fold.symbols[i].name for i in named},
        sources={i: fold.sources[i] for i in sources},
        lineages=decided.lineages,
        genesis=fold.genesis if head.number < 0 else None,
    )
    return Block(
        partition=head.partition,
        number=head.number + 1,
        previous=head.digest,
        header=header,
        cursor=cursor_text(taken.cursor),
        inputs=encode_columns(taken.contexts, decided.outcomes),
        records=_records(taken, decided),
        arms={name: Arm(rows=a.rows, leaves=a.leaves) for name, a in decided.arms.items()},
        cites=_cited(fold, decided, head),
    )


def header_of(block: Block) -> BlockHeader:
    """Return the header of ``block``, parsed."""
    return read_block_header(block.header)


def read_block(block: Block) -> Recorded:
    """Return what ``block`` holds, parsed."""
    header = header_of(block)
    records = read_block_records(block.records)
    contexts, outcomes = decode_columns(block.inputs)
    return Recorded(
        header=header,
        contexts=contexts,
        outcomes=outcomes,
        received=[Arrival(row=r.row, record=r.record) for r in records.received],
        applied=[
            Applied(
                control_id=a.control_id,
                symbol=a.symbol,
                position=a.position,
                resolution=a.resolution,
            )
            for a in records.applied
        ],
    )


def resolutions_of(
    outcomes: npt.NDArray[np.uint8], received: Sequence[Arrival]
) -> Sequence[tuple[int, AdviceResolved]]:
    """Return which of a block's rows are of contexts that had waited, and what resolved them.

    Rows stand in the order decided: a resolution's comes after those of the contexts before it.

    Args:
        outcomes: Shape (n,), uint8: of the block's contexts.
        received: Its control records, in order.
    """
    found: list[tuple[int, AdviceResolved]] = []
    for arrival in received:
        if isinstance(arrival.record, AdviceResolved):
            before = int(np.count_nonzero(outcomes[: arrival.row] == RefusalCode.NONE))
            found.append((before + len(found), arrival.record))
    return found


def symbols_of(rows: RowArray, header: BlockHeader) -> npt.NDArray[np.uint32]:
    """Return the number of each decision's symbol, shape (n,), by the header's table.

    Rows of contexts that had waited are not of the block's own contexts, so it takes their keys.

    Raises:
        KeyError: The header does not name a symbol.
    """
    numbers = {symbol_key(name): number for number, name in header.symbols.items()}
    return np.array([numbers[key] for key in rows["symbol_key"].tolist()], np.uint32)


def learn_names(fold: DecisionFold, recorded: Recorded) -> None:
    """Give the fold the symbols and sources that a block's contexts are the first to name.

    A symbol that a control record names first is born when that record is received.
    """
    present = occurring(recorded.contexts["symbol"])
    for index, name in sorted(recorded.header.symbols.items()):
        if index in present:
            fold.symbol_index(name)
    for _, digest in sorted(recorded.header.sources.items()):
        fold.source_index(digest)


def parse_cursor(text: str) -> Cursor:
    """Return the cursor that ``text`` spells; the start of the source where it is empty."""
    return _CURSOR.validate_json(text) if text else Cursor()


def _records(taken: Taken, decided: Decided) -> bytes:
    """Return everything in a batch that is neither a context nor a decision, as JSON."""
    controls = decided.received or decided.repeated or decided.refused or decided.applied
    if not controls and not taken.quarantined:
        return EMPTY_RECORDS
    records = BlockRecords(
        received=tuple(ReceivedControl(row=a.row, record=a.record) for a in decided.received),
        repeated=tuple(
            RepeatedControl(row=a.row, control_id=a.record.control_id) for a in decided.repeated
        ),
        refused=tuple(
            RefusedControl(row=r.arrival.row, code=r.code, record=r.arrival.record)
            for r in decided.refused
        ),
        applied=tuple(
            AppliedControl(
                control_id=a.control_id,
                symbol=a.symbol,
                position=a.position,
                resolution=a.resolution,
            )
            for a in decided.applied
        ),
        quarantined=tuple(_quarantine(digest, q) for digest, q in taken.quarantined),
    )
    return canonical_bytes(BLOCK_RECORDS.dump_python(records, mode="json"))


def _cited(fold: DecisionFold, decided: Decided, head: Head) -> list[str]:
    """Return the digests of the objects that a replay of this block will ask for."""
    cited: list[str] = []
    if head.number < 0:
        cited = [fold.genesis.declarations.digest, *fold.genesis.packages.values()]
    for record in (arrival.record for arrival in decided.received):
        if isinstance(record, DeclarationsChanged):
            cited.append(record.declarations)
        elif isinstance(record, PackageChanged) and record.package:
            cited.append(record.package)
    return sorted(set(cited))


def _sources_resolved(fold: DecisionFold, decided: Decided) -> set[int]:
    """Return the numbers of the source parts of contexts that had waited."""
    keys = {
        parse_context_id(arrival.record.context_id).source_key
        for arrival in decided.received
        if isinstance(arrival.record, AdviceResolved)
    }
    return {i for i, digest in enumerate(fold.sources) if source_key(digest) in keys}


def _quarantine(digest: str, quarantined: Quarantined) -> QuarantinedRecord:
    """Return a quarantined record as it is published."""
    return QuarantinedRecord(
        source=digest,
        record=quarantined.record,
        code=RefusalCode(quarantined.refusal).code,
        digest=quarantined.digest,
        excerpt=quarantined.excerpt,
    )
