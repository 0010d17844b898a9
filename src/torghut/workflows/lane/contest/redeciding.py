"""All arms re-decided on the contexts of a log's window: one pass, the same contexts for each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from torghut.evals.lookahead import Answers
from torghut.evals.pairing import ArmBudget
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.digests import sha256_hex
from torghut.schemas.codes import REGIME_LABELS
from torghut.schemas.rows import CONTEXT, RowArray
from torghut.workflows.lane.contest.arms import Arm, unequal_terms
from torghut.workflows.lane.contest.cutting import Beginnings, Window, cuts
from torghut.workflows.lane.contest.disagreeing import Watch
from torghut.workflows.lane.contest.reading import Heeded, Piece, pieces
from torghut.workflows.lane.contest.steps import Account, Codes, Floats, Integers, Steps

S = TypeVar("S", np.float64, np.uint8, np.int64, np.uint32)

Numbers = npt.NDArray[np.uint32]

_BPS: Final = 1e4
_NAMED: Final = np.dtype(
    [("symbol", "<u4"), ("source", "<u2"), ("stream", "u1"), ("sequence", "<u8")]
)
"""What identifies a context within a log."""


def _unmeasured() -> int:
    """Tell no CPU time."""
    return 0


def _untold(_blocks: int) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which contexts are kept as they are: the first so many received from a time on."""

    first_ns: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A log that arms are re-decided from.

    Attributes:
        log: Of decisions.
        partition: Of it.
        cpu: Tells CPU time, in nanoseconds.
        progress: Told how many of the log's blocks are done.
    """

    log: DecisionLog
    partition: int = 0
    cpu: Callable[[], int] = _unmeasured
    progress: Callable[[int], None] = _untold


NO_SAMPLE: Final = Sampling(first_ns=0, most=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmColumns:
    """What one arm made of the n contexts of a window.

    Attributes:
        arm: Digest of the arm.
        net: Gain of each step, costs taken off, of the capital allotted.
        cost: Likewise.
        turnover: Likewise.
        exposure: Likewise, held after the step.
        refused: Contexts that the arm refused.
        digest: sha256 over every row and outcome, 64 hex digits.
        cpu_ns: CPU time of the arm's own deciding, on the contexts before the window too.
    """

    arm: str
    net: Floats
    cost: Floats
    turnover: Floats
    exposure: Floats
    refused: int
    digest: str
    cpu_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redecided:
    """A window re-decided in every arm, aligned by context.

    Attributes:
        receive_ns: Shape (n,), of each context.
        symbol: Shape (n,), numbers into ``symbols``.
        regime: Shape (n,): in which the step was entered, by the reference arm's model.
        contexts: sha256 over what identifies the n contexts, 64 hex digits.
        symbols: Names.
        decided: Contexts that the reference arm decided.
        unmatched: Contexts that one arm decided and another refused.
        fed: Contexts that each arm was given, those before the window included.
        unequal: Symbols traded on other terms or with another budget in some arm.
        budgets: What each arm had to work with, by role.
        horizon_ns: The longest label horizon of the symbols.
        labels: Of the reference arm's regimes, by symbol; none where no model serves it.
        sample: The first contexts of the sampled stretch, dtype ``CONTEXT``.
        sources: Digests of the log's source parts.
        arms: By role.
    """

    receive_ns: Integers
    symbol: Numbers
    regime: Codes
    contexts: str
    symbols: Sequence[str]
    decided: int
    unmatched: int
    fed: int
    unequal: int
    budgets: Mapping[str, ArmBudget]
    horizon_ns: int
    labels: Sequence[Sequence[str]]
    sample: RowArray
    sources: Sequence[str]
    arms: Mapping[str, ArmColumns]


@dataclass(slots=True, kw_only=True)
class _Course:
    """One arm on its way through the log."""

    arm: Arm
    account: Account = field(default_factory=Account)
    net: list[Floats] = field(default_factory=list)
    cost: list[Floats] = field(default_factory=list)
    turnover: list[Floats] = field(default_factory=list)
    exposure: list[Floats] = field(default_factory=list)
    refused: int = 0
    cpu_ns: int = 0
    rows: hashlib._Hash = field(default_factory=hashlib.sha256)
    outcomes: hashlib._Hash = field(default_factory=hashlib.sha256)

    def decide(self, contexts: RowArray, cpu: Callable[[], int]) -> Answers:
        """Return the arm's answers to some contexts."""
        before = cpu()
        answers = self.arm.decide(contexts)
        self.cpu_ns += cpu() - before
        return answers

    def keep(self, steps: Steps, answers: Answers) -> None:
        """Keep what a batch inside the window came to."""
        self.net.append(steps.net)
        self.cost.append(steps.cost)
        self.turnover.append(steps.turnover)
        self.exposure.append(steps.exposure)
        self.refused += int(np.count_nonzero(answers.outcomes))
        # Apart from each other, so that the digests do not depend on where batches end.
        self.rows.update(np.ascontiguousarray(answers.rows).view(np.uint8).data)
        self.outcomes.update(answers.outcomes.data)

    def columns(self) -> ArmColumns:
        """Return everything kept."""
        return ArmColumns(
            arm=self.arm.digest,
            net=_joined(self.net, np.float64),
            cost=_joined(self.cost, np.float64),
            turnover=_joined(self.turnover, np.float64),
            exposure=_joined(self.exposure, np.float64),
            refused=self.refused,
            digest=sha256_hex(self.rows.digest() + self.outcomes.digest()),
            cpu_ns=self.cpu_ns,
        )


@dataclass(slots=True, kw_only=True)
class _Shared:
    """What is the same for every arm."""

    receive_ns: list[Integers] = field(default_factory=list)
    symbol: list[Numbers] = field(default_factory=list)
    regime: list[Codes] = field(default_factory=list)
    running: hashlib._Hash = field(default_factory=hashlib.sha256)
    symbols: Sequence[str] = ()
    decided: int = 0
    unmatched: int = 0
    fed: int = 0
    inside: int = 0
    sources: Sequence[str] = ()
    sampled: list[RowArray] = field(default_factory=list)
    watch: Watch | None = None

    def hear(self, role: str, answers: Answers, steps: Steps) -> None:
        """Let whoever watches see what an arm made of a batch inside the window."""
        if self.watch is not None:
            self.watch.hear(role, answers, steps)

    def sample(self, contexts: RowArray, sampling: Sampling) -> None:
        """Keep what the sample still lacks."""
        lacking = sampling.most - sum(map(len, self.sampled))
        if lacking > 0:
            later = contexts[contexts["receive_ns"] >= sampling.first_ns]
            self.sampled.append(later[:lacking].copy())

    def keep(self, contexts: RowArray, regime: Codes, outcomes: Sequence[Codes]) -> None:
        """Keep what is shared of a batch inside the window; the reference arm's come first."""
        self.receive_ns.append(contexts["receive_ns"].copy())
        self.symbol.append(contexts["symbol"].copy())
        self.regime.append(regime)
        named = np.empty(len(contexts), _NAMED)
        for name in _NAMED.names or ():
            named[name] = contexts[name]
        self.running.update(named.view(np.uint8).data)
        self.inside += len(contexts)
        self.decided += int(np.count_nonzero(outcomes[0] == 0))
        decided = np.stack([one == 0 for one in outcomes])
        self.unmatched += int(np.count_nonzero(decided.any(axis=0) & ~decided.all(axis=0)))
        if self.watch is not None:
            self.watch.take(contexts)


async def redecide(
    reading: Reading,
    arms: Mapping[str, Arm],
    window: Window,
    *,
    fresh_ns: Sequence[int] = (),
    sampling: Sampling = NO_SAMPLE,
    watch: Watch | None = None,
) -> Redecided:
    """Return what newborn ``arms`` make of a window; before it they only learn the market.

    Each is given every context from the log's first on. Its books are emptied where the window
    begins, and at every piece of it that is judged by itself. Memory grows by four floats an arm
    and context of the window, not with the log.

    Args:
        reading: Of a log; of it only contexts, news, fundamentals and limits are read.
        arms: By role; the first is the reference, whose regimes the steps are told by.
        window: Of receive times.
        fresh_ns: Receive times within it, in order, at which books are emptied again.
        sampling: Contexts of the window to keep as they are.
        watch: Told what two of the arms make of each context of the window.

    Raises:
        LogIntegrityError: A block is not as it was written.
        SymbolUndeclaredError: An arm's declarations do not know a symbol of the log.
    """
    courses = {role: _Course(arm=arm.newborn()) for role, arm in arms.items()}
    shared = _Shared(watch=watch)
    begins = Beginnings(due_ns=[window.first_ns, *fresh_ns])
    async for piece in pieces(
        reading.log,
        partition=reading.partition,
        last_ns=window.last_ns,
        progress=reading.progress,
    ):
        for course in courses.values():
            course.arm.meet(piece.symbols, piece.sources)
            course.account.grow(len(piece.symbols))
        shared.symbols, shared.sources = piece.symbols, piece.sources
        stretches, ends = cuts(piece, window, begins)
        heard = _by_row(piece)
        for start, stop in stretches:
            if begins.come(piece, start):
                for course in courses.values():
                    course.arm.empty_books()
                    course.account.empty()
            _tell(heard.get(start, ()), int(piece.contexts["receive_ns"][start]), courses)
            contexts = piece.contexts[start:stop]
            _decide(contexts, courses, shared, reading.cpu, keep=begins.inside)
            shared.sample(contexts, sampling)
        if ends:
            break
    reference = next(iter(courses.values())).arm
    return Redecided(
        receive_ns=_joined(shared.receive_ns, np.int64),
        symbol=_joined(shared.symbol, np.uint32),
        regime=_joined(shared.regime, np.uint8),
        contexts=shared.running.hexdigest(),
        symbols=shared.symbols,
        decided=shared.decided,
        unmatched=shared.unmatched,
        fed=shared.fed,
        unequal=max(unequal_terms(reference, one.arm) for one in courses.values()),
        budgets={role: _budget(one, shared.inside) for role, one in courses.items()},
        horizon_ns=_horizon_ns(reference.terms()),
        labels=_labels(reference.terms()),
        sample=np.concatenate([np.zeros(0, CONTEXT), *shared.sampled]),
        sources=shared.sources,
        arms={role: course.columns() for role, course in courses.items()},
    )


def _budget(course: _Course, contexts: int) -> ArmBudget:
    """Return what an arm had to work with: the same for each, or nothing is to be compared."""
    terms, budgets = course.arm.terms(), course.arm.budgets()
    trading = terms["fee_ratio"] + terms["slippage_ratio"] + terms["half_spread_ratio"]
    return ArmBudget(
        contexts=contexts - course.refused,
        capital=float(sum(min(pair) for pair in budgets)),
        cost_bps=float(np.sum(trading)) * _BPS,
        latency_ns=int(terms["latency_ns"].max(initial=0)),
    )


def _horizon_ns(terms: RowArray) -> int:
    """Return the longest label horizon of any symbol."""
    horizons = terms["horizon_samples"] * terms["sample_ns"]
    return int(horizons.max(initial=0.0))


def _labels(terms: RowArray) -> Sequence[Sequence[str]]:
    """Return the labels of the regimes of each symbol's model."""
    return [REGIME_LABELS.get(count, ()) for count in terms["regimes"].tolist()]


def _by_row(piece: Piece) -> Mapping[int, Sequence[Heeded]]:
    """Return the records of a piece by the row that they apply before."""
    found: dict[int, list[Heeded]] = {}
    for one in piece.heeded:
        found.setdefault(one.row, []).append(one)
    return found


def _tell(heard: Sequence[Heeded], now_ns: int, courses: Mapping[str, _Course]) -> None:
    """Let every arm hear what applies before a context received at ``now_ns``."""
    for one in heard:
        for course in courses.values():
            course.arm.hear(one.record, one.symbol, now_ns)


def _decide(
    contexts: RowArray,
    courses: Mapping[str, _Course],
    shared: _Shared,
    cpu: Callable[[], int],
    *,
    keep: bool,
) -> None:
    """Let every arm decide the same contexts, and keep what they come to inside the window."""
    outcomes: list[Codes] = []
    regime: Codes | None = None
    reference = next(iter(courses.values()))
    for role, course in courses.items():
        answers = course.decide(contexts, cpu)
        steps = course.account.take(contexts, answers, reference.arm.terms())
        regime = steps.regime if regime is None else regime
        outcomes.append(answers.outcomes)
        if keep:
            course.keep(steps, answers)
            shared.hear(role, answers, steps)
    shared.fed += len(contexts)
    if keep and regime is not None:
        shared.keep(contexts, regime, outcomes)


def _joined(parts: Sequence[npt.NDArray[S]], kind: type[S]) -> npt.NDArray[S]:
    """Return ``parts`` one after the other, of at least none."""
    return np.concatenate([np.zeros(0, kind), *parts])
