"""The run report: an observer of the decision loop that sums a run up in constant memory.

It reads what was committed and changes nothing. Given the same decisions it says the same,
whatever the blocks they came in; only the pace, which is measured, differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from torghut.decisions.baselines import TrendBaseline, trend_from_genesis, trend_from_here
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.recording import header_of, symbols_of
from torghut.eventlog.block import Block
from torghut.eventlog.columns import decode_columns
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.clock import WallClock
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import PENDING, ControlKind, RefusalCode, Stream, published_name
from torghut.schemas.rows import DECISION
from torghut.workflows.decision_loop import Committed
from torghut.workflows.report.books import Books, Holdings
from torghut.workflows.report.columns import (
    Codes,
    Failures,
    Floats,
    Grouped,
    Integers,
    Numbers,
    RowArray,
    grouped,
    grown,
)
from torghut.workflows.report.gathering import Decisions, Gathering
from torghut.workflows.report.pace import Pace
from torghut.workflows.report.series import Course, part_of
from torghut.workflows.report.summary import RefusalExample
from torghut.workflows.report.tallies import Tallies

DRAWN: Final = 12
"""Symbols whose course is kept, the first seen; of the others only counts and figures."""

EXAMPLES: Final = 3
"""Refusals of each code that are kept as examples, the first seen."""

TOGETHER: Final = 4096
"""Decisions that are summed up together: small blocks cost no more than large ones, and large ones
need no more memory than small ones."""

NOT_ASKED: Final = "not asked for"
_OTHER_ADMISSION: Final = "declarations changed what is admitted, so it no longer sees the same"


class _Quarantined(msgspec.Struct, frozen=True, gc=False):
    """The part of ``schemas.block.QuarantinedRecord`` that a report shows."""

    source: str
    record: int
    code: str
    excerpt: str


class _Kind(msgspec.Struct, frozen=True, gc=False):
    """The part of a control record that a report counts."""

    kind: str


class _Received(msgspec.Struct, frozen=True, gc=False):
    """The part of ``schemas.block.ReceivedControl`` that a report counts."""

    record: _Kind


class _Any(msgspec.Struct, frozen=True, gc=False):
    """Something that is only counted."""


class _Records(msgspec.Struct, frozen=True, gc=False):
    """The part of ``schemas.block.BlockRecords`` that a report reads."""

    received: tuple[_Received, ...]
    repeated: tuple[_Any, ...]
    applied: tuple[_Any, ...]
    quarantined: tuple[_Quarantined, ...]
    refused: tuple[_Any, ...] = ()


_RECORDS: Final = msgspec.json.Decoder(_Records)


@dataclass(slots=True, kw_only=True, repr=False)
class RunReport:
    """Everything that is summed up; ``observe`` it, then ``summarise`` it.

    Attributes:
        fold: The run's memory: names, parameters and kernel. Read, never changed.
        clock: Tells when a block was told of.
        trend: The static trend baseline, if asked for; it costs as much as the kernel again.
        parts: Names of the source's parts by digest, to point at refused records.
        first_block: Number of the first block taken in; -1 before it.
        blocks: Blocks taken in.
        contexts: Contexts taken in, undecodable ones included.
        gathering: Decisions that wait for others to be summed up with.
    """

    fold: DecisionFold
    clock: WallClock
    trend: TrendBaseline | None
    trend_left_out: str
    parts: Mapping[str, str]
    pace: Pace
    gathering: Gathering
    first_block: int = -1
    blocks: int = 0
    contexts: int = 0
    controls: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    refused_controls: int = 0
    unattributed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[RefusalExample]] = field(default_factory=dict)
    tallies: Tallies = field(default_factory=Tallies)
    books: Books = field(default_factory=Books)
    trend_books: Books = field(default_factory=Books)
    trend_differs: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    holdings: Holdings = field(default_factory=Holdings)
    courses: dict[int, Course] = field(default_factory=dict)
    arm_differs: Counter[str] = field(default_factory=Counter)
    arm_decisions: Counter[str] = field(default_factory=Counter)
    told_blocks: int = 0
    told_contexts: int = 0

    def observe(self, committed: Committed) -> None:
        """Take in a block that just became durable; the loop's observer."""
        before = self.contexts
        self._take(committed.block, committed.contexts, committed.decided.outcomes)
        taken = self.contexts - before
        self.told_blocks += 1
        self.told_contexts += taken
        self.pace.tick(self.clock.now_ns(), committed.timing, taken)

    async def recall(self, log: DecisionLog, *, partition: int = 0) -> None:
        """Take in everything that the log already holds; before the run goes on.

        Raises:
            LogIntegrityError: A block is missing, altered or does not follow its predecessor.
        """
        if self.trend is not None:
            self.trend = trend_from_genesis(self.fold)
        async for block in log.blocks(partition):
            contexts, outcomes = decode_columns(block.inputs)
            self._take(block, contexts, outcomes)

    def _take(self, block: Block, contexts: RowArray, outcomes: Codes) -> None:
        """Sum one block up."""
        if self.first_block < 0:
            self.first_block = block.number
        self.blocks += 1
        self._grow(len(self.fold.symbols))
        records = _RECORDS.decode(block.records)
        self.controls.update(one.record.kind for one in records.received)
        self.repeated += len(records.repeated)
        self.refused_controls += len(records.refused)
        self._refuse(contexts, outcomes, records.quarantined)
        self._compare_arms(block)
        rows, done = np.frombuffer(block.arms[SERVING].rows, DECISION), 0
        if any(one.record.kind == ControlKind.ADVICE_RESOLVED for one in records.received):
            self._take_resolved(block, rows, contexts["symbol"][outcomes == 0])
            return
        for begin in range(0, len(contexts), self.gathering.room):
            inside = slice(begin, begin + self.gathering.room)
            admitted = outcomes[inside] == 0
            trend = self._follow_trend(
                block.number,
                contexts[inside],
                outcomes[inside],
                changed=bool(records.applied) and begin == 0,
            )
            end = done + int(np.count_nonzero(admitted))
            symbols = contexts["symbol"][inside][admitted]
            self._gather(Decisions(symbols=symbols, rows=rows[done:end], trend=trend))
            done = end

    def _take_resolved(self, block: Block, rows: RowArray, decided: Numbers) -> None:
        """Sum up the decisions of a block in which contexts of before were decided too.

        The baseline, which asks nobody, is left out by then.

        Args:
            block: Of the decisions.
            rows: The serving ones.
            decided: Shape (n,): symbols of its own contexts that were decided.
        """
        symbols = symbols_of(rows, header_of(block))
        room = self.gathering.room
        for begin in range(0, len(rows), room):
            piece = slice(begin, begin + room)
            self._gather(Decisions(symbols=symbols[piece], rows=rows[piece], trend=None))
        size = len(self.fold.symbols)
        waited = np.bincount(symbols, minlength=size) - np.bincount(decided, minlength=size)
        self.tallies.outcomes[:, RefusalCode.NONE] += waited

    def _gather(self, decisions: Decisions) -> None:
        """Sum decisions up if they are many, else let them wait for others."""
        if self.gathering.count + len(decisions.rows) > self.gathering.room:
            self.settle()
        if 2 * len(decisions.rows) >= self.gathering.room:
            self.settle()
            self._sum_up(decisions)
        elif len(decisions.rows):
            self.gathering.add(decisions)

    def settle(self) -> None:
        """Sum up what was taken in but not yet summed up."""
        self._sum_up(self.gathering.empty())

    def _sum_up(self, decisions: Decisions) -> None:
        """Sum decisions up."""
        if len(decisions.rows) == 0:
            return
        serving = grouped(decisions.rows, decisions.symbols)
        failures = serving.failures()
        parameters = self.fold.tables.parameters
        self.tallies.take(serving, failures)
        self.books.take(serving, parameters)
        self.holdings.take(serving, parameters)
        equity = None
        if self.trend is not None and decisions.trend is not None:
            self._compare_trend(serving, serving.of(decisions.trend))
            equity = decisions.trend["equity"]
        self._draw(serving, failures, equity)

    def _grow(self, symbols: int) -> None:
        """Make room for that many symbols."""
        for table in (self.tallies, self.books, self.trend_books, self.holdings):
            table.grow(symbols)
        self.trend_differs = grown(self.trend_differs, symbols)

    def _refuse(
        self,
        contexts: RowArray,
        outcomes: Codes,
        quarantined: Sequence[_Quarantined],
    ) -> None:
        """Count what was refused, by code, and keep the first of each as examples."""
        self.tallies.take_outcomes(contexts["symbol"], outcomes)
        self.contexts += len(contexts) + len(quarantined)
        for record in quarantined:
            self.unattributed[record.code] += 1
            part = self.parts.get(record.source, record.source[:12])
            self._exemplify(record.code, f"{part}, record {record.record}", record.excerpt)
        for code in np.flatnonzero(np.bincount(outcomes)).tolist():
            if code in {RefusalCode.NONE, PENDING}:
                continue
            name = RefusalCode(code).code
            room = EXAMPLES - len(self.examples.get(name, ()))
            for place in np.flatnonzero(outcomes == code)[:room].tolist():
                self._exemplify(name, self._where(contexts[place]), "")

    def _where(self, context: np.void) -> str:
        """Return where a refused context is to be found."""
        digest = self.fold.sources[int(context["source"])]
        symbol = self.fold.symbols[int(context["symbol"])].name
        number = int(context["stream"])
        stream = published_name(Stream(number)) if number < len(Stream) else f"stream {number}"
        part = self.parts.get(digest, digest[:12])
        return f"{symbol} {stream} {int(context['sequence'])}, {part}"

    def _exemplify(self, code: str, where: str, excerpt: str) -> None:
        """Keep a refusal as an example, if there are not yet enough."""
        kept = self.examples.setdefault(code, [])
        if len(kept) < EXAMPLES:
            kept.append(RefusalExample(code=code, where=where, excerpt=excerpt))

    def _follow_trend(
        self,
        number: int,
        contexts: RowArray,
        outcomes: Codes,
        *,
        changed: bool,
    ) -> RowArray | None:
        """Return the baseline's rows for the block; none if it does not run, or no longer fits."""
        if self.trend is None or len(contexts) == 0:
            return None
        rows, again = self.trend.decide(contexts, parameters_changed=changed)
        if np.array_equal(again, outcomes):
            return rows
        self.trend = None
        self.trend_left_out = f"block {number}: {_OTHER_ADMISSION}"
        return None

    def _compare_trend(self, serving: Grouped, trend: Grouped) -> None:
        """Book the baseline's decisions, and count those that differ from the serving arm's."""
        self.trend_books.take(trend, self.fold.tables.parameters)
        differs = serving.codes("intent") != trend.codes("intent")
        self.trend_differs[serving.symbols] += np.add.reduceat(
            differs, serving.starts, dtype=np.int64
        )

    def _draw(self, serving: Grouped, failures: Failures, trend: Floats | None) -> None:
        """Carry on the course of the symbols that are drawn."""
        for index, symbol in enumerate(serving.symbols.tolist()):
            course = self.courses.get(symbol)
            if course is None:
                if len(self.courses) >= DRAWN:
                    continue
                course = self.courses[symbol] = Course()
            course.take(part_of(serving, index, failures, trend))

    def _compare_arms(self, block: Block) -> None:
        """Count how often shadow arms would have said something else."""
        intents = np.frombuffer(block.arms[SERVING].rows, DECISION)["intent"]
        for name, arm in block.arms.items():
            if name != SERVING:
                shadow = np.frombuffer(arm.rows, DECISION)["intent"]
                self.arm_decisions[name] += len(shadow)
                self.arm_differs[name] += int(np.count_nonzero(shadow != intents))


def run_report(
    fold: DecisionFold,
    clock: WallClock,
    *,
    static_trend: bool,
    parts: Mapping[str, str] | None = None,
    together: int = TOGETHER,
) -> RunReport:
    """Return a report that begins where ``fold`` now is.

    Args:
        fold: The run's memory, before the loop starts.
        clock: Tells the pace.
        static_trend: Whether the static trend baseline is decided beside the run.
        parts: Names of the source's parts by digest.
        together: Decisions that are summed up together.
    """
    return RunReport(
        fold=fold,
        clock=clock,
        trend=trend_from_here(fold) if static_trend else None,
        trend_left_out="" if static_trend else NOT_ASKED,
        parts=parts or {},
        pace=Pace(began_ns=clock.now_ns()),
        gathering=Gathering(room=together),
    )
