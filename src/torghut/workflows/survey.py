"""What deciding a source would do: every record judged by decoder and kernel, nothing kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from math import isnan
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.kernel.ids import SERVING
from torghut.market.ports import Batch, Cursor, Quarantined, Source, SourceDescription
from torghut.schemas.codes import ContextFlag, Reason, RefusalCode, Stream, published_name
from torghut.schemas.rows import CONTEXT, DECISION

EXAMPLES: Final = 3
"""Examples kept of each refusal code."""

BY_SOURCE: Final = "source"
BY_KERNEL: Final = "kernel"

_BATCH_RECORDS: Final = 8192
_GAP: Final = np.uint64(1 << Reason.SEQUENCE_GAP)

RowArray = npt.NDArray[np.void]
_Verdict = tuple[RefusalCode, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One way in which records would be refused.

    Attributes:
        code: The published code.
        judge: ``source`` if decoding found it, ``kernel`` if admission did.
        count: How many would be.
        examples: The first of them, in words.
    """

    code: str
    judge: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolSurvey:
    """What there is of one symbol.

    Attributes:
        symbol: The declared instrument.
        contexts: Contexts found.
        decided: Those that would be decided.
        gaps: Decisions that would note a gap before them.
        streams: Contexts by kind of message.
        first_ns: Earliest receive time of those that would be decided; 0 without any.
        last_ns: And the latest.
    """

    symbol: str
    contexts: int
    decided: int
    gaps: int
    streams: dict[str, int]
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What deciding a source would do; ``contexts`` = ``decided`` + ``refused``.

    Attributes:
        description: What the source says of itself.
        contexts: Records found but for control records; ``undecodable`` ones included.
        decided: Contexts that would be decided.
        refused: Contexts that would be refused.
        undecodable: Records that are no context at all.
        controls: Control records found in the stream, by kind.
        marks: Contexts by what had to be assumed about them, ``receive-time-assumed``.
        symbols: In the source's order; those that were seen.
        refusals: Most frequent first.
        whole: Whether the source was read to its end.
    """

    description: SourceDescription
    contexts: int
    decided: int
    refused: int
    undecodable: int
    controls: dict[str, int]
    marks: dict[str, int]
    symbols: tuple[SymbolSurvey, ...]
    refusals: tuple[Refused, ...]
    whole: bool

    @property
    def first_ns(self) -> int:
        """Return the earliest receive time; 0 if nothing would be decided."""
        return min((one.first_ns for one in self.symbols if one.decided), default=0)

    @property
    def last_ns(self) -> int:
        """Return the latest receive time."""
        return max((one.last_ns for one in self.symbols), default=0)


Told = Callable[[Cursor, int], None]
"""Told after each batch how far reading is and how many records that were."""


def survey(
    source: Source,
    kernel: DecisionKernel,
    declarations: Declarations,
    *,
    limit: int | None = None,
    told: Told = lambda _cursor, _records: None,
) -> Survey:
    """Return what deciding ``source`` would do, judged by the kernel on newborn states.

    Args:
        source: Read from its beginning.
        kernel: The one that would decide.
        declarations: Those that would be in force.
        limit: Records after which to stop reading; None for all.
        told: Told how far reading is.

    Raises:
        SourceError: The source cannot be read to its end.
    """
    genesis = Genesis(declarations=declarations, packages={})
    found = _Found(source, DecisionFold(kernel=kernel, genesis=genesis))
    whole = True
    size = min(_BATCH_RECORDS, limit or _BATCH_RECORDS)
    for batch in source.batches(after=Cursor(), max_records=size):
        if limit is not None and found.records >= limit:
            whole = False
            break
        found.take(batch)
        told(batch.cursor, found.records)
    return found.survey(whole=whole)


def bytes_read(description: SourceDescription, cursor: Cursor) -> int:
    """Return how much of a source lies before ``cursor``, out of ``bytes_total``."""
    before = sum(part.bytes_total for part in description.parts[: cursor.part])
    return before + cursor.offset


def bytes_total(description: SourceDescription) -> int:
    """Return the expanded size of a source; 0 where it is unknown."""
    return sum(part.bytes_total for part in description.parts)


class _Found:
    """What has been found so far; tables have a row for each of the source's symbols."""

    def __init__(self, source: Source, fold: DecisionFold) -> None:
        self._description = source.description
        self._fold = fold
        for symbol in self._description.symbols:
            fold.symbol_index(symbol)
        parts = [fold.source_index(part.digest) for part in self._description.parts]
        self._parts = np.array(parts, np.uint16)
        symbols = len(self._description.symbols)
        self._streams = np.zeros((symbols, 256), np.int64)
        self._decided = np.zeros(symbols, np.int64)
        self._gaps = np.zeros(symbols, np.int64)
        self._first_ns = np.full(symbols, np.iinfo(np.int64).max)
        self._last_ns = np.zeros(symbols, np.int64)
        self._undecodable = 0
        self._controls: Counter[str] = Counter()
        self._marks: Counter[str] = Counter()
        self._refused: Counter[_Verdict] = Counter()
        self._examples: dict[_Verdict, list[str]] = {}
        self.records = 0

    def take(self, batch: Batch) -> None:
        """Judge one batch and count what becomes of it."""
        contexts = np.zeros(len(batch.contexts), CONTEXT)
        contexts[:] = batch.contexts
        contexts["source"] = self._parts[batch.contexts["source"]]
        decided = self._fold.decide(contexts, batch.controls)
        self.records += len(contexts) + len(batch.quarantined) + len(batch.controls)
        self._undecodable += len(batch.quarantined)
        self._controls.update(arrival.record.kind for arrival in batch.controls)
        np.add.at(self._streams, (contexts["symbol"], contexts["stream"]), 1)
        for flag in ContextFlag:
            if marked := int(np.count_nonzero(contexts["marks"] & flag)):
                self._marks[published_name(flag)] += marked
        self._take_decided(contexts, decided)
        self._take_refused(batch, decided.outcomes)
        for record in batch.quarantined:
            self._refuse((record.refusal, BY_SOURCE), 1, [self._found_at(record)])

    def survey(self, *, whole: bool) -> Survey:
        """Return what was found."""
        refused = self._refused.most_common()
        contexts = int(self._streams.sum()) + self._undecodable
        return Survey(
            description=self._description,
            contexts=contexts,
            decided=int(self._decided.sum()),
            refused=sum(count for _, count in refused),
            undecodable=self._undecodable,
            controls=dict(sorted(self._controls.items())),
            marks=dict(self._marks),
            symbols=tuple(
                self._symbol(index) for index in np.flatnonzero(self._streams.any(axis=1)).tolist()
            ),
            refusals=tuple(
                Refused(
                    code=verdict[0].code,
                    judge=verdict[1],
                    count=count,
                    examples=tuple(self._examples[verdict]),
                )
                for verdict, count in refused
            ),
            whole=whole,
        )

    def _take_decided(self, contexts: RowArray, decided: Decided) -> None:
        """Count what was decided, and between which times."""
        admitted = contexts[decided.outcomes == 0]
        rows = np.frombuffer(decided.arms[SERVING].rows, DECISION)
        symbols = admitted["symbol"]
        np.add.at(self._decided, symbols, 1)
        np.add.at(self._gaps, symbols[(rows["reasons"] & _GAP) != 0], 1)
        np.minimum.at(self._first_ns, symbols, admitted["receive_ns"])
        np.maximum.at(self._last_ns, symbols, admitted["receive_ns"])

    def _take_refused(self, batch: Batch, outcomes: npt.NDArray[np.uint8]) -> None:
        """Count what was refused, by who found the fault."""
        found = batch.contexts["refusal"]
        seen = dict(zip(np.flatnonzero(found).tolist(), batch.refused, strict=False))
        for code in np.unique(outcomes[outcomes != 0]).tolist():
            by_source = np.flatnonzero((outcomes == code) & (found == code)).tolist()
            by_kernel = np.flatnonzero((outcomes == code) & (found != code)).tolist()
            if by_source:
                texts = (self._found_at(seen[row]) for row in by_source if row in seen)
                self._refuse((RefusalCode(code), BY_SOURCE), len(by_source), texts)
            if by_kernel:
                texts = (self._context(batch.contexts[row]) for row in by_kernel)
                self._refuse((RefusalCode(code), BY_KERNEL), len(by_kernel), texts)

    def _refuse(self, verdict: _Verdict, count: int, texts: Iterable[str]) -> None:
        """Count refusals, and keep the first of all as examples."""
        self._refused[verdict] += count
        kept = self._examples.setdefault(verdict, [])
        kept.extend(islice(texts, EXAMPLES - len(kept)))

    def _found_at(self, record: Quarantined) -> str:
        """Return where a record is and how it begins."""
        part = self._description.parts[record.part].name
        return f"{part}, record {record.record}: {record.excerpt}"

    def _context(self, context: np.void) -> str:
        """Return where a context is and what it says."""
        part = self._description.parts[int(context["source"])].name
        symbol = self._description.symbols[int(context["symbol"])]
        number = int(context["stream"])
        stream = published_name(Stream(number)) if number < len(Stream) else f"stream {number}"
        prices = {name: float(context[name]) for name in ("bid", "ask", "last")}
        values = [f"{name} {price:.10g}" for name, price in prices.items() if not isnan(price)]
        said = ", ".join(values) or "no price"
        return f"{part}, {symbol} {stream} {int(context['sequence'])}: {said}"

    def _symbol(self, index: int) -> SymbolSurvey:
        """Return what there is of one symbol."""
        streams = self._streams[index]
        decided = int(self._decided[index])
        return SymbolSurvey(
            symbol=self._description.symbols[index],
            contexts=int(streams.sum()),
            decided=decided,
            gaps=int(self._gaps[index]),
            streams={
                published_name(stream): int(streams[stream]) for stream in Stream if streams[stream]
            },
            first_ns=int(self._first_ns[index]) if decided else 0,
            last_ns=int(self._last_ns[index]),
        )
