"""What became of a block's contexts, as the lines that subscribers are sent.

The same lines come of a block that was just decided and of one that is read back from the log, but
for when its contexts came in, which no log knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

from torghut.decisions.block_text import EMPTY_RECORDS
from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.lineage import Lineage
from torghut.decisions.recording import header_of, read_block
from torghut.decisions.render_context import RenderContext
from torghut.decisions.rendering import RowUnrenderableError, render_json
from torghut.eventlog.block import Block
from torghut.eventlog.columns import count_rows, decode_columns
from torghut.eventlog.errors import LogIntegrityError, LogReadError
from torghut.eventlog.verification import block_place
from torghut.kernel.digests import DIGEST_BYTES
from torghut.kernel.ids import SERVING, SOURCE_KEY_DIGITS
from torghut.market.ports import Arrival
from torghut.schemas.block import BlockHeader, read_block_records
from torghut.schemas.codes import PENDING, RefusalCode, Stream, published_names
from torghut.schemas.control import AdviceResolved
from torghut.schemas.leaf import leaf_version, row_bytes
from torghut.schemas.refusal import RecordQuarantined
from torghut.schemas.rows import RowArray
from torghut.workflows.live.intake.stamping import Stamp
from torghut.workflows.live.told.lines import Line
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.refusals import refusal_json

_STREAMS: Final = published_names(Stream)
_SYMBOL: Final = slice(10, 18)
_LINEAGE: Final = slice(-DIGEST_BYTES, None)
"""The bytes of a row that name its symbol and its lineage, in every layout."""

_RENDERINGS_MAX: Final = 4096
_NUMBERED: Final = ("symbol", "source", "stream", "sequence")
_HISTORY: Final = b'"ingress_wall_ns":null,"speed":1.0,'

Named = tuple[str, str, str]
"""Symbol, digest of the source, and id of a context."""

Waited = tuple[int, str, str]
"""Of a context that had waited: the row that its resolution came before, symbol, and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A block's contexts, what became of them, and the names of what they mention.

    Attributes:
        partition: Of the block.
        number: Of the block.
        contexts: Shape (n,), dtype ``CONTEXT``.
        outcomes: Shape (n,): refusal codes, 0 where decided, 255 where it waits for advice.
        rows: The serving decisions, packed.
        waited: Contexts of before that were decided here, in order.
        names: Of each context: symbol, digest of its source, context id.
        lineages: By digest.
    """

    partition: int
    number: int
    contexts: RowArray
    outcomes: Sequence[int]
    rows: bytes
    names: Sequence[Named]
    lineages: Mapping[str, Lineage]
    waited: Sequence[Waited] = ()

    @property
    def answered(self) -> Sequence[tuple[int, str, str, int]]:
        """Everything that has an outcome here or waits, in the order in which that became of it.

        Number of the context, or -1 for one of before; symbol, id, and outcome.
        """
        found: list[tuple[int, str, str, int]] = []
        waited = list(reversed(self.waited))
        for number, ((symbol, _, name), code) in enumerate(
            zip(self.names, self.outcomes, strict=True)
        ):
            while waited and waited[-1][0] <= number:
                found.append((-1, *waited.pop()[1:], 0))
            found.append((number, symbol, name, code))
        while waited:
            found.append((-1, *waited.pop()[1:], 0))
        return found

    @property
    def decisions(self) -> Sequence[bytes]:
        """The serving decisions, one by one."""
        rows = self.rows
        size = row_bytes(leaf_version(rows)) if rows else 1
        return [rows[start : start + size] for start in range(0, len(rows), size)]


def settled_now(
    block: Block, contexts: RowArray, decided: Decided, names: Sequence[Named]
) -> Settled:
    """Return what became of a batch that was just decided."""
    return Settled(
        partition=block.partition,
        number=block.number,
        contexts=contexts,
        outcomes=decided.outcomes.tolist(),
        rows=decided.arms[SERVING].rows,
        names=names,
        lineages=decided.lineages,
        waited=_waited(decided.received) if decided.resolved else (),
    )


def settled_then(block: Block) -> Settled:
    """Return what became of the contexts of a block that is read back.

    Raises:
        LogIntegrityError: Its header does not name a symbol or a source.
    """
    header = header_of(block)
    contexts, outcomes = decode_columns(block.inputs)
    return Settled(
        partition=block.partition,
        number=block.number,
        contexts=contexts,
        outcomes=outcomes.tolist(),
        rows=block.arms[SERVING].rows,
        names=list(_names(block, header, contexts)),
        lineages={
            digest: Lineage(**spelled.model_dump()) for digest, spelled in header.lineages.items()
        },
        waited=_waited(read_block(block).received) if header.counts.resolved else (),
    )


def _waited(received: Sequence[Arrival]) -> Sequence[Waited]:
    """Return the contexts of before that control records resolve."""
    return [
        (arrival.row, arrival.record.symbol, arrival.record.context_id)
        for arrival in received
        if isinstance(arrival.record, AdviceResolved)
    ]


class Renderings:
    """What rows need to be rendered, looked up once for each symbol and lineage.

    Args:
        rules: What was in force.
    """

    def __init__(self, rules: Rulebook) -> None:
        self._rules = rules
        self._known: dict[bytes, RenderContext] = {}

    def known(self, settled: Settled) -> Sequence[RenderContext] | None:
        """Return what each decision needs, in order; None where the log has to be asked."""
        found: list[RenderContext] = []
        for row in settled.decisions:
            context = self._known.get(row[_SYMBOL] + row[_LINEAGE])
            if context is None:
                return self._known_by_lineage(settled)
            found.append(context)
        return found

    def _known_by_lineage(self, settled: Settled) -> Sequence[RenderContext] | None:
        """Return the same where some lineages are new."""
        found: list[RenderContext] = []
        for row, symbol in _decided(settled):
            lineage = settled.lineages.get(row[_LINEAGE].hex())
            context = None if lineage is None else self._rules.known_rendering(symbol, lineage)
            if context is None:
                return None
            found.append(self._keep(row, context))
        return found

    async def of(self, settled: Settled) -> Sequence[RenderContext]:
        """Return what each decision needs, in order, looking up what is not known yet.

        Raises:
            LogReadError: The log cannot be read for now.
            LogIntegrityError: The block's header does not name a lineage.
        """
        return [await self._of(row, symbol, settled) for row, symbol in _decided(settled)]

    async def _of(self, row: bytes, symbol: str, settled: Settled) -> RenderContext:
        """Return what ``row``, which is about ``symbol``, needs."""
        found = self._known.get(row[_SYMBOL] + row[_LINEAGE])
        if found is None:
            found = self._keep(row, await self._rules.rendering(symbol, _lineage(settled, row)))
        return found

    def _keep(self, row: bytes, context: RenderContext) -> RenderContext:
        """Keep what ``row`` needs, and return it."""
        if len(self._known) >= _RENDERINGS_MAX:
            self._known.clear()
        self._known[row[_SYMBOL] + row[_LINEAGE]] = context
        return context


Moment = tuple[Stamp, float | None]
"""When a context came in, and at which speed it was played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """When the contexts came in of which a block tells.

    Attributes:
        contexts: Its own, in order.
        waited: Those that had waited, by id, as far as it is known.
    """

    contexts: Sequence[Moment]
    waited: Mapping[str, Moment] = field(default_factory=dict)

    def of(self, number: int, name: str) -> Moment | None:
        """Return when a context came in; a number below 0 is one that had waited."""
        return self.waited.get(name) if number < 0 else self.contexts[number]


async def outcomes_of(
    settled: Settled, renderings: Renderings, came: Came | None = None
) -> Sequence[Line]:
    """Return every outcome of a block, in order.

    Args:
        settled: The block's contexts.
        renderings: What rows need to be rendered.
        came: None where nobody knows.

    Raises:
        LogReadError: The log cannot be read for now.
        LogIntegrityError: The block names a lineage that its header does not.
        RowUnrenderableError: A row is not what its layout, symbol or lineage allow.
    """
    return _lines(settled, await renderings.of(settled), came)


async def spelled(settled: Settled, renderings: Renderings, came: Came) -> Sequence[Line] | None:
    """Return every outcome of a block as ``outcomes_of``; None while the log cannot be read.

    Raises:
        RowUnrenderableError: They cannot be told.
    """
    try:
        return await outcomes_of(settled, renderings, came)
    except LogReadError:
        return None


def spelled_now(settled: Settled, renderings: Renderings, came: Came) -> Sequence[Line] | None:
    """Return the same at once; None where it needs the log, or cannot be told."""
    known = renderings.known(settled)
    try:
        return None if known is None else _lines(settled, known, came)
    except RowUnrenderableError:
        return None


def _lines(
    settled: Settled, contexts: Sequence[RenderContext], came: Came | None
) -> Sequence[Line]:
    """Return every outcome of a block; ``contexts`` are what its decisions need, in order.

    What waits for advice takes a place as well, and has no line before its decision comes.
    """
    found: list[Line] = []
    decisions = zip(settled.decisions, contexts, strict=True)
    for place, (number, symbol, context_id, code) in enumerate(settled.answered):
        if code == PENDING:
            continue
        if code:
            kind, name, refused = b"live.refused.v1", b"refusal", settled.contexts[number]
            source = settled.names[number][1]
            body = refusal_json(refused, RefusalCode(code), symbol=symbol, source=source)
        else:
            kind, name = b"live.decided.v1", b"decision"
            body = render_json(*next(decisions))
        moment = None if came is None else came.of(number, context_id)
        text = b'{"type":"%s","position":"%d:%d:%d",%s"%s":%s}' % (
            kind,
            settled.partition,
            settled.number,
            place,
            _HISTORY if moment is None else _measured(*moment),
            name,
            body,
        )
        trace, came_ns = (b"", None) if moment is None else (moment[0].trace, moment[0].came_ns)
        found.append(Line(name=context_id, place=place, text=text, trace=trace, came_ns=came_ns))
    return found


def _measured(stamp: Stamp, speed: float | None) -> bytes:
    """Return the part of a line that says when its context came in."""
    played = b"null" if speed is None else repr(float(speed)).encode()
    return b'"ingress_wall_ns":"%d","speed":%s,' % (stamp.wall_ns, played)


def with_asides(
    block: Block, lines: Sequence[Line], traces: Sequence[bytes] = ()
) -> Sequence[Line]:
    """Return a block's outcomes, and aside behind them its records that were no contexts.

    Args:
        block: That was kept.
        lines: Its outcomes.
        traces: Of each record that was no context; nothing where nobody knows any more.
    """
    if block.records == EMPTY_RECORDS:
        return lines
    first = count_rows(block.inputs) + header_of(block).counts.resolved
    return [*lines, *_quarantined(block, first, traces)]


def _quarantined(block: Block, first: int, traces: Sequence[bytes]) -> Iterator[Line]:
    """Yield the records of a block that were no contexts, behind its ``first`` places."""
    records = read_block_records(block.records).quarantined
    traced = zip(records, traces or repeat(b""), strict=False)
    for place, (kept, trace) in enumerate(traced, first):
        message = RecordQuarantined(**kept.model_dump())
        yield Line(
            name=f"{kept.source}:{kept.record}",
            place=place,
            text=message.model_dump_json().encode(),
            trace=trace,
            aside=True,
        )


def _stream_name(stream: int) -> str:
    """Return the word for a kind of message."""
    return _STREAMS[stream] if stream < len(_STREAMS) else "other"


def _names(block: Block, header: BlockHeader, contexts: RowArray) -> Iterator[Named]:
    """Yield what names each context of a block."""
    numbers = (contexts[name].tolist() for name in _NUMBERED)
    for symbol_at, source_at, stream, sequence in zip(*numbers, strict=True):
        symbol, source = header.symbols.get(symbol_at), header.sources.get(source_at)
        if symbol is None or source is None:
            raise LogIntegrityError(
                place=block_place(block.partition, block.number),
                expected="a symbol and a source that the block's header names",
                found=f"symbol {symbol}, source {source}",
            )
        yield (
            symbol,
            source,
            f"{source[:SOURCE_KEY_DIGITS]}:{symbol}:{_stream_name(stream)}:{sequence}",
        )


def _decided(settled: Settled) -> Iterator[tuple[bytes, str]]:
    """Yield each decision with its symbol, in order."""
    symbols = [symbol for _, symbol, _, code in settled.answered if not code]
    return zip(settled.decisions, symbols, strict=True)


def _lineage(settled: Settled, row: bytes) -> Lineage:
    """Return what a decision rests on."""
    digest = row[_LINEAGE].hex()
    found = settled.lineages.get(digest)
    if found is None:
        raise LogIntegrityError(
            place=block_place(settled.partition, settled.number),
            expected="a lineage that the block's header names",
            found=digest,
        )
    return found
