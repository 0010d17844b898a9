"""What there is to learn from: questions on a log's record, and what became of the market after.

A question is worth raising for if the proposed change of position earned more than it cost until
its symbol's label horizon was over. Which questions train and which test is a matter of time alone,
with an embargo between them as long as a horizon; chance has no part in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, cast

import numpy as np

from torghut.artifacts.ports import ArtifactStore
from torghut.decisions.declarations import Declarations
from torghut.decisions.recording import Recorded, read_block
from torghut.evals.splitting import Window, split_window
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.ids import parse_context_id
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.codes import PENDING
from torghut.schemas.control import VERDICTS, ResolutionName
from torghut.schemas.declarations.rollout.evaluation import SplitPolicy
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.workflows.reasoning.recording import AdviceRecordMissingError, load_record

VETOES: Final = frozenset({"veto", "defer"})
"""What keeps exposure from being raised as proposed."""

_BPS: Final = 1e4
_LATE_MAX: Final = 0.25
"""Of a horizon: a price that comes later than so long after its end is another horizon's."""


class NothingToLearnError(TorghutError):
    """A log holds too few questions whose outcome is known."""

    code: ClassVar[str] = "reasoning.nothing-to-learn"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(
            f"expected {expected}, found {found}; let a service run in shadow mode for longer"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question, and what raising exposure as proposed would have earned.

    Attributes:
        context_id: What names it.
        shown: To whoever advises.
        at_ns: When it was received.
        worth_bps: Of the proposal until its horizon, net of costs.
    """

    context_id: str
    shown: AdviceContext
    at_ns: int
    worth_bps: float

    @property
    def good(self) -> bool:
        """Whether it was worth more than nothing."""
        return self.worth_bps > 0.0

    def agrees(self, outcome: ResolutionName) -> bool:
        """Say whether an outcome is the answer of hindsight; what is no verdict is not."""
        return outcome in VERDICTS and (outcome in VETOES) != self.good


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Examples of one piece of time, frozen: named by the digest of all of them.

    Attributes:
        examples: In the order of time.
        digest: Of their canonical JSON, 64 hex digits.
    """

    examples: Sequence[Example]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What a log offers.

    Attributes:
        train: To compile from.
        test: To judge by; later, and apart by an embargo.
        embargo_ns: Between them.
        missing: Questions whose record is not among the artifacts.
        open: Questions that say nothing: their horizon is not over, or ended while nothing was
            quoted, or they raise nothing.
        partition: Of the log.
        block: Last block that was read.
        head: Its digest, which covers all blocks before.
    """

    train: Suite
    test: Suite
    embargo_ns: int
    missing: int
    open: int
    partition: int
    block: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What of a log is read.

    Attributes:
        partition: Of it.
        until: Last block; None for all that there is.
    """

    partition: int = 0
    until: int | None = None


WHOLE: Final = Extent()
"""All of a log that has one partition."""


async def lessons(
    log: DecisionLog,
    store: ArtifactStore,
    declarations: Declarations,
    split: SplitPolicy,
    *,
    extent: Extent = WHOLE,
    progress: Callable[[Recorded], None] = lambda _: None,
) -> Lessons:
    """Return what a partition of a log offers to learn from.

    Args:
        log: With the questions.
        store: Of their records.
        declarations: What positions cost, and over how long they are meant to pay.
        split: How time is cut.
        extent: What of the log is read.
        progress: Told of each block.

    Raises:
        NothingToLearnError: No question's outcome is known, or one piece of time has none.
        WindowNotSplitError: The questions are too close together for an embargo.
        AdviceRecordAlteredError: A record is not what the log cites.
    """
    market = _Market()
    asked: list[AdviceRecord] = []
    missing = 0
    number, head = -1, ""
    async for block in log.blocks(extent.partition):
        if extent.until is not None and block.number > extent.until:
            break
        number, head = block.number, block.digest
        recorded = read_block(block)
        market.take(recorded)
        for digest in (one.advice for one in recorded.advice if one.advice is not None):
            try:
                asked.append(load_record(store, digest))
            except AdviceRecordMissingError:
                missing += 1
        progress(recorded)
    found = [one for record in asked if (one := market.example(record, declarations)) is not None]
    if not found:
        raise NothingToLearnError(
            expected="a question whose horizon is over", found=f"{len(asked)} without"
        )
    found.sort(key=lambda one: (one.at_ns, one.context_id))
    horizon_ns = max(_horizon_ns(declarations, one.shown.symbol) for one in found)
    window = Window(first_ns=found[0].at_ns, last_ns=found[-1].at_ns, horizon_ns=horizon_ns)
    pieces = split_window(window, split)
    train = [one for one in found if one.at_ns <= pieces.fit.last_ns]
    test = [one for one in found if one.at_ns >= pieces.test.first_ns]
    if not train or not test:
        raise NothingToLearnError(
            expected="questions at both ends of the time",
            found=f"{len(train)} early, {len(test)} late",
        )
    return Lessons(
        train=_suite(train),
        test=_suite(test),
        embargo_ns=pieces.embargo_ns,
        missing=missing,
        open=len(asked) - len(found),
        partition=extent.partition,
        block=number,
        head=head,
    )


@dataclass(slots=True)
class _Market:
    """Every quote of a log that was admitted, by symbol."""

    names: dict[int, str] = field(default_factory=dict)
    times: dict[str, list[int]] = field(default_factory=dict)
    mids: dict[str, list[float]] = field(default_factory=dict)
    places: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def take(self, recorded: Recorded) -> None:
        """Take in a block's quotes; what was refused was never the market."""
        self.names |= {int(index): name for index, name in recorded.header.symbols.items()}
        admitted = (recorded.outcomes == 0) | (recorded.outcomes == PENDING)
        contexts = recorded.contexts[admitted & (recorded.contexts["bid"] > 0.0)]
        for symbol in np.unique(contexts["symbol"]).tolist():
            own = contexts[contexts["symbol"] == symbol]
            name = self.names[symbol]
            times, mids = self.times.setdefault(name, []), self.mids.setdefault(name, [])
            pairs = zip(own["sequence"].tolist(), own["event_ns"].tolist(), strict=True)
            for place, (sequence, event_ns) in enumerate(pairs, start=len(times)):
                self.places.setdefault((name, sequence, event_ns), place)
            times += own["receive_ns"].tolist()
            mids += (0.5 * (own["bid"] + own["ask"])).tolist()

    def example(self, record: AdviceRecord, declarations: Declarations) -> Example | None:
        """Return a question with its outcome; None where that is not known."""
        shown = record.shown
        sequence = parse_context_id(record.context_id).sequence
        place = self.places.get((shown.symbol, sequence, shown.event_ns))
        if place is None:
            return None
        times, mids = self.times[shown.symbol], self.mids[shown.symbol]
        horizon_ns = _horizon_ns(declarations, shown.symbol)
        ends_ns = times[place] + horizon_ns
        end = bisect_left(times, ends_ns)
        if end < len(times) and times[end] - ends_ns > horizon_ns * _LATE_MAX:
            return None
        facts = {one.id: one.value for one in shown.facts}
        proposed, position = facts.get("book:proposed"), facts.get("book:position")
        if end >= len(times) or not isinstance(proposed, float) or not isinstance(position, float):
            return None
        if abs(proposed) <= abs(position) and proposed * position >= 0.0:
            return None  # it raises nothing, so a veto would stop nothing
        along = 1.0 if proposed > position else -1.0
        spread = facts.get("market:spread")
        costs = declarations.instrument(shown.symbol).costs
        cost_bps = 2.0 * (costs.fee_bps + costs.slippage_bps)
        cost_bps += spread if isinstance(spread, float) else 2.0 * costs.half_spread_bps
        return Example(
            context_id=record.context_id,
            shown=shown,
            at_ns=times[place],
            worth_bps=along * (mids[end] / mids[place] - 1.0) * _BPS - cost_bps,
        )


def _horizon_ns(declarations: Declarations, symbol: str) -> int:
    """Return over how long a symbol's positions are meant to pay."""
    sampling = declarations.instrument(symbol).sampling
    return sampling.horizon_samples * sampling.sample_interval_ms * NS_PER_MS


def _suite(examples: Sequence[Example]) -> Suite:
    """Return examples under their digest."""
    return Suite(examples=examples, digest=sha256_hex(canonical_bytes(_as_json(examples))))


def _as_json(examples: Sequence[Example]) -> JsonObject:
    """Return examples as they are named."""
    return {
        "examples": [
            {
                "at_ns": str(one.at_ns),
                "context_id": one.context_id,
                "shown": cast("JsonObject", one.shown.model_dump(mode="json")),
                "worth_bps": one.worth_bps,
            }
            for one in examples
        ]
    }
