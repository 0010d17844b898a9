"""Arms: what decides a comparison's contexts, each with its own memory and its own paper book.

Nothing recorded of one arm reaches another: an arm hears contexts, news, fundamentals and limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from torghut.decisions.baselines import BOOK_FIELDS
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.control import apply_control
from torghut.decisions.fold.lineage import lineage_words
from torghut.decisions.fold.symbols import SymbolFacts, appended, start_regime
from torghut.decisions.fold.tables import GrowingTables
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.parameters import initial_states
from torghut.evals.lookahead import Answers
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.router.package import RegimeModel
from torghut.schemas.codes import Expert, Mode, RouterMode, published_name
from torghut.schemas.control import ControlRecord, FundamentalsArrived, LimitsAllotted, NewsArrived
from torghut.schemas.rows import DECISION, STATE, RowArray

Heard = NewsArrived | FundamentalsArrived | LimitsAllotted
"""The control records that are the same for every arm; all others are the serving arm's own."""

TERMS: Final = (
    "lot",
    "multiplier",
    "fee_ratio",
    "slippage_ratio",
    "half_spread_ratio",
    "latency_ns",
)
"""What trading costs and how it is filled; arms of one comparison have these alike."""


class Arm(Protocol):
    """Decides contexts in order, remembering what it will, and keeps a paper book."""

    @property
    def digest(self) -> str:
        """What names it: sha256 over everything that it decides by, 64 hex digits."""
        ...

    def newborn(self) -> Arm:
        """Return the same arm as it was before it saw anything."""
        ...

    def meet(self, symbols: Sequence[str], sources: Sequence[str]) -> None:
        """Learn the names of all symbols and source parts so far, in the order numbered."""
        ...

    def hear(self, record: Heard, symbol: int, now_ns: int) -> None:
        """Take in a control record that applies to ``symbol`` before its next context."""
        ...

    def empty_books(self) -> None:
        """Forget every position, order and gain; what is known of the market stays."""
        ...

    def decide(self, contexts: RowArray) -> Answers:
        """Return the arm's rows, dtype ``DECISION``, and outcomes; valid until the next call."""
        ...

    def terms(self) -> RowArray:
        """Return the parameters of every symbol met, dtype ``PARAMETERS``, and budgets below."""
        ...

    def budgets(self) -> Sequence[tuple[float, float]]:
        """Return allotment and notional cap of every symbol met."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPlan:
    """What a kernel arm decides by.

    Attributes:
        declarations: Experts, policies, instruments.
        packages: The regime model of each router name; names without one are left out.
        only: The one expert that all weight is on; None where the router weighs.
    """

    declarations: Declarations
    packages: Mapping[str, RegimeModel] = field(default_factory=dict)
    only: Expert | None = None

    def digest(self, kernel_version: int) -> str:
        """Return what names the arm, 64 hex digits."""
        named: JsonObject = {
            "declarations": self.declarations.digest,
            "kernel_version": kernel_version,
            "only": "" if self.only is None else published_name(self.only),
            "packages": {name: model.digest for name, model in self.packages.items()},
        }
        return sha256_hex(canonical_bytes(named))


class KernelArm(Arm):
    """The decision kernel under a plan: newborn states, a paper book, nothing of the log's own.

    Args:
        kernel: Compiled, or the reference.
        plan: What it decides by.
    """

    def __init__(self, kernel: DecisionKernel, plan: ArmPlan) -> None:
        self._kernel = kernel
        self._plan = plan
        self._tables = GrowingTables(packages={one.digest: one for one in plan.packages.values()})
        self._tables.add_declarations(plan.declarations)
        self._states = np.zeros(0, STATE)
        self._decisions = np.zeros(0, DECISION)

    @property
    def digest(self) -> str:
        """What names it."""
        return self._plan.digest(self._kernel.version)

    def newborn(self) -> KernelArm:
        """Return the same arm as it was before it saw anything."""
        return KernelArm(self._kernel, self._plan)

    def meet(self, symbols: Sequence[str], sources: Sequence[str]) -> None:
        """Let the symbols that are new be born."""
        for source in sources[len(self._tables.sources) :]:
            self._tables.source_index(source)
        for name in symbols[len(self._states) :]:
            self._birth(name)

    def hear(self, record: Heard, symbol: int, now_ns: int) -> None:
        """Take in what is the same for every arm."""
        apply_control(record, now_ns, self._states[symbol])

    def empty_books(self) -> None:
        """Forget every position, order and gain."""
        for name in BOOK_FIELDS:
            self._states[name] = 0

    def decide(self, contexts: RowArray) -> Answers:
        """Return rows and outcomes, valid until the next call."""
        if len(self._decisions) < len(contexts):
            self._decisions = np.zeros(len(contexts), DECISION)
        outcomes = np.zeros(len(contexts), np.uint8)
        _, written = self._kernel.decide(
            contexts, self._states, self._tables.current, self._decisions, outcomes
        )
        return Answers(rows=self._decisions[:written], outcomes=outcomes)

    def terms(self) -> RowArray:
        """Return the parameters of every symbol met."""
        return self._tables.current.parameters

    def budgets(self) -> Sequence[tuple[float, float]]:
        """Return allotment and notional cap of every symbol met."""
        pairs = zip(
            self._states["allotment"].tolist(), self._states["notional_cap"].tolist(), strict=True
        )
        return list(pairs)

    def _birth(self, name: str) -> None:
        """Add a symbol with what its declarations say of a newborn, on paper."""
        declarations = self._plan.declarations
        model = self._plan.packages.get(declarations.instrument(name).router)
        facts = SymbolFacts(
            name=name,
            declarations=declarations.digest,
            package="" if model is None else model.digest,
        )
        row = self._tables.row(facts)
        if self._plan.only is not None:
            row["static_weights"] = 0.0
            row["static_weights"][:, self._plan.only] = 1.0
        self._tables.add_symbol(row)
        newborn = initial_states(declarations, (name,))
        # Never live: reported fills are the serving arm's, and must not cross into another.
        newborn["mode"] = Mode.PAPER
        newborn["router_mode"] = RouterMode.LIVE if self._plan.only is None else RouterMode.STATIC
        newborn["lineage"] = lineage_words(self.digest)
        self._states = appended(self._states, newborn)
        start_regime([self._states], len(self._states) - 1, self._tables.current.parameters)


def is_heard(record: ControlRecord) -> bool:
    """Say whether a control record is the same for every arm."""
    return isinstance(record, NewsArrived | FundamentalsArrived | LimitsAllotted)


def unequal_terms(one: Arm, other: Arm) -> int:
    """Return for how many symbols two arms trade on other terms, or with another budget."""
    differ = np.zeros(len(one.terms()), np.bool_)
    for name in TERMS:
        differ |= np.not_equal(one.terms()[name], other.terms()[name])
    budgets = zip(one.budgets(), other.budgets(), strict=True)
    differ |= np.array([mine != theirs for mine, theirs in budgets], np.bool_)
    return int(np.count_nonzero(differ))
