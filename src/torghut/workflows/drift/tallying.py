"""A window of a decision log under way: its blocks taken in one after the other.

Memory does not grow with the window. Small blocks are put together before they are measured, so
they cost no more than large ones; blocks cut elsewhere give the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

import numpy as np

from torghut.decisions.block_text import EMPTY_RECORDS
from torghut.decisions.recording import symbols_of
from torghut.drift.calibration import PromiseTally
from torghut.drift.data import DataTally
from torghut.drift.model import advice_errors, is_asked, is_unanswered
from torghut.drift.performance import Paid, PortfolioTally, fallbacks, performance
from torghut.drift.regime import RegimeTally
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.verification import block_place
from torghut.kernel.ids import SERVING
from torghut.schemas.block import BlockHeader, read_block_header
from torghut.schemas.codes import ControlKind
from torghut.schemas.declarations.safety import DriftCode, DriftDetectors
from torghut.schemas.governing.fields import Reading
from torghut.schemas.rows import Bytes, Floats, Integers, RowArray
from torghut.workflows.drift.courses import SymbolCourse, Tallies, new_course, symbol_rows
from torghut.workflows.drift.reported import RECORDS, ReportedFills
from torghut.workflows.drift.spans import Opened, Span
from torghut.workflows.drift.terms import Terms
from torghut.workflows.lookup.scanning import rows_of
from torghut.workflows.lookup.shadowed import shadowed_in
from torghut.workflows.report.books import Books
from torghut.workflows.report.columns import Grouped, Numbers, grouped, grown
from torghut.workflows.report.gathering import Decisions, Gathering

TOGETHER: Final = 4096
"""Decisions that are measured together."""


@dataclass(slots=True, kw_only=True)
class WindowTally:
    """A window under way.

    Attributes:
        span: Of the window.
        detectors: How features are watched.
        terms: Symbols, and what is declared for each.
        counting: Whether the decisions that wait are of the window; else they are only learnt from.
        partition: Whose blocks are taken in.
        asked: Questions for advice that ended in the window.
        unanswered: Of those, without a verdict.
        portfolios: By partition.
        equity: By symbol, at its last decision.
        marked: By symbol: 1 once it has one.
        allotment: By symbol, at its last decision.
        first_ns: Receive time of the first decision of the window; -1 before it.
        last_ns: Receive time of the last.
        passed_ns: Latest receive time of the partition so far.
    """

    span: Span
    detectors: DriftDetectors
    terms: Terms = field(default_factory=Terms)
    gathering: Gathering = field(default_factory=lambda: Gathering(room=TOGETHER))
    counting: bool = False
    partition: int = 0
    data: DataTally = field(default_factory=DataTally)
    regime: RegimeTally = field(default_factory=RegimeTally)
    promises: PromiseTally = field(default_factory=PromiseTally)
    books: Books = field(default_factory=Books)
    reported: ReportedFills = field(default_factory=ReportedFills)
    fell_back: int = 0
    asked: int = 0
    unanswered: int = 0
    portfolios: dict[int, PortfolioTally] = field(default_factory=dict)
    courses: list[SymbolCourse] = field(default_factory=list)
    equity: Floats = field(default_factory=lambda: np.zeros(0))
    marked: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    allotment: Floats = field(default_factory=lambda: np.zeros(0))
    first_ns: int = -1
    last_ns: int = -1
    passed_ns: int = -1

    async def fetch(self, log: DecisionLog, found: Opened) -> None:
        """Read what a block needs that is not in it, before it is taken.

        Raises:
            ObjectMissingError: The log does not have declarations that it cites.
            LogIntegrityError: Their bytes are not those that were written.
        """
        for digest in _declared(_header(found.block.header)):
            await self.terms.fetch(log, digest)

    def take(self, found: Opened) -> None:
        """Measure one block, all of it or, where this is broken off, nobody knows how much.

        Raises:
            LogIntegrityError: It names what is not there.
        """
        if found.block.partition != self.partition:
            self.partition, self.passed_ns = found.block.partition, -1
        header = _header(found.block.header)
        outcomes = self._counted(found)
        self.data.take_outcomes(outcomes)
        self._take_shadowed(found)
        self.passed_ns = max(self.passed_ns, found.latest_ns)
        rows, numbers = rows_of(found.block, SERVING), self._numbers(header, found)
        if len(outcomes) or (not len(found.contexts) and self._is_inside(self.passed_ns)):
            self._take_records(found, rows, numbers)
        if len(rows) == 0:
            return
        for piece in self._pieces(header, found, rows, numbers):
            self._split(rows[piece], numbers[piece])
        self.reported.remember(rows, numbers, len(self.courses))

    def copied(self) -> Self:
        """Return another that goes on from here by itself."""
        # What never changes is shared: policies, and declarations, which are large.
        shared = (self.detectors, self.span, *self.terms.declared.values())
        return deepcopy(self, {id(one): one for one in shared})

    def _counted(self, found: Opened) -> Bytes:
        """Return the outcomes of a block's contexts that are in the window."""
        low, high = self.span.from_ns, self.span.to_ns
        if low <= found.lowest_ns and found.highest_ns <= high:
            return found.outcomes
        times = found.contexts["receive_ns"]
        return found.outcomes[(times >= low) & (times <= high)]

    def _take_records(self, found: Opened, rows: RowArray, numbers: Numbers) -> None:
        """Count a block's records that are no contexts, and the fills among its control records."""
        if found.block.records == EMPTY_RECORDS:
            return
        records = RECORDS.decode(found.block.records)
        self.data.take_quarantined([one.code for one in records.quarantined])
        if records.received:
            decided = np.concatenate([[0], np.cumsum(found.outcomes == 0)])
            resolved = np.cumsum(
                [0, *(one.record.kind == ControlKind.ADVICE_RESOLVED for one in records.received)]
            )
            placed = [
                (int(decided[one.row] + before), one.record)
                for one, before in zip(records.received, resolved, strict=False)
            ]
            self.reported.take(placed, rows, numbers, self.terms)

    def _take_shadowed(self, found: Opened) -> None:
        """Count what a block records of questions that nothing waited for."""
        inside = [one for one in shadowed_in(found.block) if self._is_inside(one.at_ns)]
        self.asked += len(inside)
        self.unanswered += sum(not one.answered for one in inside)

    def _is_inside(self, time_ns: int) -> bool:
        """Return whether a time is in the window."""
        return self.span.from_ns <= time_ns <= self.span.to_ns

    def _numbers(self, header: BlockHeader, found: Opened) -> Numbers:
        """Return the number of each decision's symbol, shape (decisions,)."""
        present = found.contexts["symbol"][found.outcomes == 0]
        if header.counts.resolved:  # contexts of other blocks were decided here too
            present = symbols_of(rows_of(found.block, SERVING), header)
        if len(present) == 0:
            return np.zeros(0, np.uint32)
        table = np.zeros(int(present.max()) + 1, np.uint32)
        for index in sorted(set(present.tolist())):
            if index not in header.symbols:
                raise LogIntegrityError(
                    place=block_place(found.block.partition, found.block.number),
                    expected="decisions of symbols that its header names",
                    found=f"symbol {index}",
                )
            number = self.terms.number(header.symbols[index])
            table[index] = number
            if number == len(self.courses):
                self._add_symbol()
        numbers: Numbers = table[present]
        return numbers

    def _add_symbol(self) -> None:
        """Make room for one more symbol."""
        count = len(self.courses) + 1
        name = self.terms.names[-1]
        self.courses.append(new_course(name, self.detectors.half_life_samples))
        self.books.grow(count)
        self.equity, self.allotment = grown(self.equity, count), grown(self.allotment, count)
        self.marked = grown(self.marked, count)

    def _pieces(
        self, header: BlockHeader, found: Opened, rows: RowArray, numbers: Numbers
    ) -> Iterator[slice[int, int, None]]:
        """Yield runs of decisions of which each symbol's were made under the same declarations."""
        digests = _declared(header)
        if len(digests) == 1:
            self._hold(dict.fromkeys(sorted(set(numbers.tolist())), digests[0]))
            yield slice(0, len(rows))
            return
        begin = 0
        for place, (number, lineage) in enumerate(
            zip(numbers.tolist(), np.ascontiguousarray(rows["lineage"]), strict=True)
        ):
            named = header.lineages.get(lineage.tobytes().hex())
            if named is None:
                raise LogIntegrityError(
                    place=f"{block_place(found.block.partition, found.block.number)}, row {place}",
                    expected="a lineage that the block's header names",
                    found=lineage.tobytes().hex(),
                )
            if self.terms.digests[number] != named.declarations:
                if place > begin:
                    yield slice(begin, place)
                self._hold({number: named.declarations})
                begin = place
        yield slice(begin, len(rows))

    def _hold(self, digests: Mapping[int, str]) -> None:
        """Let declarations hold for symbols from the next decision on."""
        changed = {n: digest for n, digest in digests.items() if self.terms.digests[n] != digest}
        if changed:
            self.settle()
        for number, digest in changed.items():
            self.terms.hold(number, digest)
            self.courses[number].redeclared()

    def _split(self, rows: RowArray, numbers: Numbers) -> None:
        """Take decisions in: those before the window for what is learnt, then those inside."""
        times = np.ascontiguousarray(rows["receive_ns"])
        inside = (times >= self.span.from_ns) & (times <= self.span.to_ns)
        if inside.all():
            self._gather(rows, numbers, counting=True)
            return
        early = (times >= self.span.reference_ns) & (times < self.span.from_ns)
        self._gather(rows[early], numbers[early], counting=False)
        self._gather(rows[inside], numbers[inside], counting=True)

    def _gather(self, rows: RowArray, numbers: Numbers, *, counting: bool) -> None:
        """Let decisions wait for others, or measure them if they are many."""
        if len(rows) == 0:
            return
        if counting != self.counting or self.gathering.count + len(rows) > TOGETHER:
            self.settle()
            self.counting = counting
        if len(rows) * 2 >= TOGETHER:
            for begin in range(0, len(rows), TOGETHER):
                self.settle()
                end = begin + TOGETHER
                self._measure(rows[begin:end], numbers[begin:end])
        else:
            self.gathering.add(Decisions(symbols=numbers, rows=rows, trend=None))

    def settle(self) -> None:
        """Measure what waits."""
        waiting = self.gathering.empty()
        if len(waiting.rows):
            self._measure(waiting.rows, waiting.symbols)

    def _measure(self, rows: RowArray, numbers: Numbers) -> None:
        """Measure decisions in the order decided, n > 0, all inside the window or none."""
        decided = grouped(rows, numbers)
        tallies = Tallies(regime=self.regime, promises=self.promises) if self.counting else None
        for number, own in symbol_rows(decided):
            course = self.courses[number]
            sampled, gaps = course.take(own, self.terms.parameters[number], tallies)
            course.feel(sampled, gaps, self.span.watched_ns, self.detectors)
        if self.counting:
            self._count(decided, numbers)

    def _count(self, decided: Grouped, numbers: Numbers) -> None:
        """Count decisions of the window."""
        rows, parameters = decided.rows, self.terms.parameters
        required = parameters["domain_required"][numbers] != 0
        self.data.take_decisions(np.ascontiguousarray(rows["age_ns"]), required)
        reasons = np.ascontiguousarray(rows["reasons"])
        self.regime.take_reasons(reasons[np.array(self.terms.routed)[numbers]])
        self.fell_back += fallbacks(reasons)
        self.asked += int(np.count_nonzero(is_asked(reasons)))
        self.unanswered += int(np.count_nonzero(is_unanswered(reasons)))
        self.books.take(decided, parameters)
        self._mark(decided)
        first_ns, self.last_ns = (
            int(rows["receive_ns"].min()),
            max(self.last_ns, int(rows["receive_ns"].max())),
        )
        self.first_ns = first_ns if self.first_ns < 0 else min(self.first_ns, first_ns)

    def _mark(self, decided: Grouped) -> None:
        """Go on with the portfolio's course; a symbol's begins at its first decision here."""
        equity = decided.floats("equity")
        before = np.concatenate([[0.0], equity[:-1]])
        first = decided.starts
        known = self.marked[decided.symbols] == 1
        before[first] = np.where(known, self.equity[decided.symbols], equity[first])
        changes = np.empty(len(equity))
        changes[decided.order] = equity - before
        last = decided.ends - 1
        self.equity[decided.symbols] = equity[last]
        self.allotment[decided.symbols] = decided.floats("allotment")[last]
        self.marked[decided.symbols] = 1
        portfolio = self.portfolios.setdefault(self.partition, PortfolioTally())
        portfolio.take(changes, float(self.allotment[: len(self.courses)].sum()))

    @property
    def decisions(self) -> int:
        """Return how many decisions of the window were measured."""
        return sum(one.decisions for one in self.portfolios.values())

    def readings(self) -> Mapping[DriftCode, Reading]:
        """Return a reading for every check."""
        books = self.books
        on_paper = Paid(
            costs=float(books.fees.sum() + books.slippage.sum()),
            turnover=float(books.turnover.sum()),
            fills=int(books.fills.sum()),
        )
        return {
            **self.data.readings(nothing_required_by=self.terms.nothing_required_by()),
            **self.promises.readings(),
            **advice_errors(
                off_by=self.terms.advice_off_by(), asked=self.asked, failed=self.unanswered
            ),
            **self.regime.readings(not_routed_by=self.terms.not_routed_by()),
            **performance(self.portfolios, self.reported.paid(on_paper), self.fell_back),
        }


@lru_cache(maxsize=512)
def _header(body: bytes) -> BlockHeader:
    """Return a block's header, parsed; small blocks have the same ones again and again."""
    return read_block_header(body)


def _declared(header: BlockHeader) -> Sequence[str]:
    """Return the digests of the declarations under which a block's serving decisions were made."""
    lineages = header.lineages.values()
    return sorted({one.declarations for one in lineages if one.arm == SERVING})
