"""What advice would have been worth: a log is decided once without it and once under it.

Both courses hear the same contexts and control records and trade on paper; what was reported of the
log's own trades crosses into neither. The advised course gets each recorded answer where it stands
in the log. It soon holds another position than the log did, so some of its contexts ask about what
nobody was asked then: those are decided by the fallback, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.control import set_for_good
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.recording import Recorded, read_block
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.ids import SERVING, ContextId, format_context_id, source_key_of_words
from torghut.market.ports import Arrival
from torghut.schemas.codes import Mode, Stream, published_name
from torghut.schemas.control import (
    VERDICTS,
    AdviceOutcome,
    AdviceResolved,
    ControlRecord,
    FillReported,
    ModeChanged,
    OrderReported,
    PositionReported,
    ReasoningModeChanged,
)
from torghut.schemas.rows import DECISION, RowArray
from torghut.workflows.opening import check_version, fetch_cited, genesis_fold

_UNRECORDED: Final = "reasoning.unrecorded"
_ACTIVE: Final = ReasoningModeChanged(
    control_id="hindsight:mode", symbol="*", mode="active", reason="what advice would have done"
)


@dataclass(slots=True, kw_only=True)
class SymbolHindsight:
    """What advice came to for one symbol.

    Attributes:
        asked: Questions on record.
        answers: What became of them, by resolution.
        heeded: Contexts that the advised course decided by a recorded verdict.
        agreed: Of those the ones whose target is that of the course without advice.
        smaller: Of those the ones whose target is nearer to nothing than without advice.
        larger: Of those the ones whose target is farther.
        unrecorded: Contexts that asked in the advised course alone: the fallback decided.
        without: Paper equity of the course without advice, as of its last decision, in the quote
            currency.
        under: Likewise, of the advised course.
    """

    asked: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    heeded: int = 0
    agreed: int = 0
    smaller: int = 0
    larger: int = 0
    unrecorded: int = 0
    without: float = 0.0
    under: float = 0.0


@dataclass(slots=True, kw_only=True)
class Hindsight:
    """What advice would have been worth.

    Attributes:
        contexts: Of the log.
        symbols: By name; those alone that were asked about.
    """

    contexts: int = 0
    symbols: dict[str, SymbolHindsight] = field(default_factory=dict)

    def of(self, symbol: str) -> SymbolHindsight:
        """Return what is counted of a symbol."""
        return self.symbols.setdefault(symbol, SymbolHindsight())


async def look_back(
    log: DecisionLog,
    kernel: DecisionKernel,
    *,
    partition: int = 0,
    progress: Callable[[Recorded], None] = lambda _: None,
) -> Hindsight:
    """Return what the recorded advice of a partition would have been worth.

    Raises:
        EmptyLogError: There is no first block.
        KernelVersionError: A block was decided by another version of the kernel.
        LogIntegrityError: The log does not hold together.
    """
    found = Hindsight()
    answers: dict[str, AdviceOutcome] = {}
    last = (await log.head(partition)).number  # a log that grows meanwhile is looked at up to here
    async for block in log.blocks(partition):
        if block.number > last:
            break
        for record in read_block(block).advice:
            answers.setdefault(record.context_id, record)
    for one in answers.values():
        found.of(one.symbol).asked += 1
        found.of(one.symbol).answers[one.resolution] += 1
    courses = _Courses(
        plain=await genesis_fold(log, kernel, partition=partition),
        advised=await genesis_fold(log, kernel, partition=partition),
        answers=answers,
        found=found,
    )
    async for recorded in _blocks(log, courses, partition, last):
        courses.take(recorded)
        progress(recorded)
    courses.end()
    return found


async def _blocks(
    log: DecisionLog, courses: _Courses, partition: int, last: int
) -> AsyncIterator[Recorded]:
    """Yield each block of a log, with what both courses need to decide it known to them."""
    async for block in log.blocks(partition):
        if block.number > last:
            return
        recorded = read_block(block)
        for fold in (courses.plain, courses.advised):
            check_version(fold, recorded.header, block.number)
            await fetch_cited(log, fold, recorded)
            for _, name in sorted(recorded.header.symbols.items()):
                _born(fold, name)
            for _, digest in sorted(recorded.header.sources.items()):
                fold.source_index(digest)
        yield recorded


def _born(fold: DecisionFold, name: str) -> None:
    """Let a symbol be known, and trade on paper for good where it would trade live."""
    born = len(fold.symbols)
    index = fold.symbol_index(name)
    if index < born:
        return
    state = fold.arms[SERVING][index]
    set_for_good(state, "mode", Mode.PAPER if state["mode"] == Mode.LIVE else int(state["mode"]))


@dataclass(slots=True, kw_only=True)
class _Courses:
    """Both courses, as of the last block taken.

    Attributes:
        plain: Without advice.
        advised: Under it.
        answers: On record, by the context that they are about.
        found: What comes of it.
    """

    plain: DecisionFold
    advised: DecisionFold
    answers: dict[str, AdviceOutcome]
    found: Hindsight
    _targets: dict[str, float] = field(default_factory=dict)
    _begun: bool = False

    def take(self, recorded: Recorded) -> None:
        """Decide a block in both courses, and compare.

        The advised course is decided context by context, so that what nobody was asked about is
        decided at once, however the log was cut into blocks.
        """
        common = [
            Arrival(row=arrival.row, record=record)
            for arrival in recorded.received
            if (record := _common(arrival.record)) is not None
        ]
        plain = self.plain.decide(recorded.contexts, common)
        targets = _rows(plain)["target"]
        ranks = np.cumsum(plain.outcomes == 0) - 1
        here: dict[int, list[Arrival]] = {}
        for one in self._advised(recorded):
            here.setdefault(one.row, []).append(Arrival(row=0, record=one.record))
        for row, outcome in enumerate(plain.outcomes.tolist()):
            without = float(targets[ranks[row]]) if outcome == 0 else 0.0
            contexts = recorded.contexts[row : row + 1]
            self._take_advised(contexts, here.get(row, ()), without)
        last = len(recorded.contexts)
        self._take_advised(recorded.contexts[:0], here.get(last, ()), 0.0)
        self.found.contexts += len(recorded.contexts)
        for symbol, equity in _equities(self.plain, _rows(plain)):
            if symbol in self.found.symbols:
                self.found.symbols[symbol].without = equity

    def _take_advised(
        self, contexts: RowArray, arrivals: Sequence[Arrival], without: float
    ) -> None:
        """Decide one context at most in the advised course; it is decided at once if it must."""
        advised = self.advised.decide(contexts, arrivals)
        unanswered = self._remember(contexts, advised, without)
        self._compare(advised)
        for symbol, equity in _equities(self.advised, _rows(advised)):
            if symbol in self.found.symbols:
                self.found.symbols[symbol].under = equity
        if unanswered is not None:
            self._take_advised(contexts[:0], [Arrival(row=0, record=unanswered)], 0.0)

    def end(self) -> None:
        """Forget the symbols about which nobody was asked."""
        for name in [name for name, one in self.found.symbols.items() if not one.asked]:
            del self.found.symbols[name]

    def _advised(self, recorded: Recorded) -> Iterator[Arrival]:
        """Yield what the advised course hears with a block, in the order of the log."""
        if not self._begun:
            self._begun = True
            yield Arrival(row=0, record=_ACTIVE)
        for arrival in recorded.received:
            if isinstance(arrival.record, AdviceOutcome):
                yield Arrival(row=arrival.row, record=_resolving(arrival.record))
            elif (record := _common(arrival.record)) is not None:
                yield Arrival(row=arrival.row, record=record)

    def _remember(
        self, contexts: RowArray, advised: Decided, without: float
    ) -> AdviceResolved | None:
        """Remember what the other course holds of a context that waits.

        Returns:
            What resolves it where nobody was asked; None where somebody was, or nothing waits.
        """
        for asked in advised.asked:
            symbol = self.advised.symbols[int(contexts["symbol"][asked.context])].name
            name = _context_id(asked.row, symbol)
            self._targets[name] = without
            if name not in self.answers:
                self.found.of(symbol).unrecorded += 1
                return AdviceResolved(
                    control_id=f"hindsight:{name}",
                    symbol=symbol,
                    context_id=name,
                    at_ns=int(contexts["receive_ns"][asked.context]),
                    resolution="failed",
                    code=_UNRECORDED,
                )
        return None

    def _compare(self, advised: Decided) -> None:
        """Compare what the advised course made of verdicts with the course without advice."""
        rows = _rows(advised)
        resolutions = [a.record for a in advised.received if isinstance(a.record, AdviceResolved)]
        for place, record in zip(advised.resolved, resolutions, strict=True):
            without = self._targets.pop(record.context_id)
            if record.resolution not in VERDICTS:
                continue
            found = self.found.of(record.symbol)
            under = float(rows["target"][place])
            found.heeded += 1
            found.agreed += under == without
            found.smaller += abs(under) < abs(without)
            found.larger += abs(under) > abs(without)


def _common(record: ControlRecord) -> ControlRecord | None:
    """Return a record as both courses hear it; None where neither does."""
    own = FillReported | OrderReported | PositionReported
    if isinstance(record, own | ReasoningModeChanged | AdviceOutcome):
        return None
    if isinstance(record, ModeChanged) and record.mode == "live":
        return ModeChanged.model_validate({**record.model_dump(), "mode": "paper"})
    return record


def _resolving(record: AdviceOutcome) -> AdviceResolved:
    """Return a recorded answer as what resolves a context that waits."""
    fields = record.model_dump(exclude={"kind"}, exclude_none=True)
    return AdviceResolved.model_validate(fields)


def _rows(decided: Decided) -> RowArray:
    """Return the decisions of a block, dtype ``DECISION``."""
    return np.frombuffer(decided.arms[SERVING].rows, DECISION)


def _equities(fold: DecisionFold, rows: RowArray) -> Iterator[tuple[str, float]]:
    """Yield the paper equity of each symbol that was decided, as of its last decision."""
    names = dict(
        zip(
            fold.tables.parameters["symbol_key"].tolist(),
            (facts.name for facts in fold.symbols),
            strict=True,
        )
    )
    last = dict(zip(rows["symbol_key"].tolist(), rows["equity"].tolist(), strict=True))
    for key, equity in last.items():
        yield names[key], equity


def _context_id(row: bytes, symbol: str) -> str:
    """Return which context a row is about."""
    one = np.frombuffer(row, DECISION)[0]
    return format_context_id(
        ContextId(
            source_key=source_key_of_words(int(one["source_low"]), int(one["source_high"])),
            symbol=symbol,
            stream=published_name(Stream(int(one["stream"]))),
            sequence=int(one["source_sequence"]),
        )
    )
