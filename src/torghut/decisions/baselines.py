"""The static trend baseline: the same kernel, gates and costs, with all weight on one expert.

It sees every context that the serving arm saw and keeps a paper book of its own. Control records
are not mirrored into it: a stop, a changed allotment or reported fills leave it as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.kernel.engine import Tables, empty_tables
from torghut.decisions.parameters import initial_states
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Expert, Mode, RouterMode
from torghut.schemas.rows import DECISION, STATE, RowArray

BOOK_FIELDS: Final = (
    "paper_position",
    "paper_cash",
    "traded_notional",
    "equity_peak",
    "drawdown",
    "order_live",
    "order_quantity",
    "order_due_ns",
    "reported_known",
    "reported_position",
    "reported_fills",
    "reported_ns",
    "mismatch_ns",
    "target",
    "target_ns",
    "target_stream",
    "target_low",
    "target_high",
    "target_sequence",
    "target_open",
)
"""What a state remembers of its own trading; the rest it remembers of the market."""


@dataclass(slots=True, kw_only=True)
class TrendBaseline:
    """What following the trend alone would have decided, context by context.

    Attributes:
        fold: The run whose symbols, parameters and kernel it shares; never changed.
        states: One row a symbol, with a book of its own.
    """

    fold: DecisionFold
    states: RowArray = field(default_factory=lambda: np.zeros(0, STATE))
    _shared: Tables | None = None
    _tables: Tables = field(default_factory=empty_tables)
    _decisions: RowArray = field(default_factory=lambda: np.zeros(0, DECISION))

    def decide(
        self, contexts: RowArray, *, parameters_changed: bool
    ) -> tuple[RowArray, npt.NDArray[np.uint8]]:
        """Decide a batch; return its rows, valid until the next batch, and the refusal codes.

        Args:
            contexts: Shape (n,), dtype ``CONTEXT``, numbered by the fold's tables.
            parameters_changed: Control records applied since the last batch, so that the fold's
                parameters may be others.
        """
        if parameters_changed or self._shared is not self.fold.tables:
            self._adopt(self.fold.tables)
        if len(self._decisions) < len(contexts):
            self._decisions = np.zeros(len(contexts), DECISION)
        outcomes = np.zeros(len(contexts), np.uint8)
        _, written = self.fold.kernel.decide(
            contexts, self.states, self._tables, self._decisions, outcomes
        )
        return self._decisions[:written], outcomes

    def _adopt(self, shared: Tables) -> None:
        """Take over the fold's parameters with the baseline's weights, and new symbols."""
        parameters = shared.parameters.copy()
        parameters["static_weights"] = 0.0
        parameters["static_weights"][:, Expert.TREND] = 1.0
        # No control record is mirrored, so none is due.
        self._tables = replace(shared, parameters=parameters, due_ns=np.zeros_like(shared.due_ns))
        self._shared = shared
        known = len(self.states)
        names = tuple(facts.name for facts in self.fold.symbols[known:])
        if not names:
            return
        born = initial_states(self.fold.genesis.declarations, names)
        born["posterior"] = parameters["start"][known:]
        born["entropy"] = 1.0
        self.states = np.concatenate([self.states, _with_own_book(born)])


def trend_from_genesis(fold: DecisionFold) -> TrendBaseline:
    """Return the baseline of a log that is taken in from its first block."""
    return TrendBaseline(fold=fold)


def trend_from_here(fold: DecisionFold) -> TrendBaseline:
    """Return a baseline that knows the market as ``fold`` now does, and holds nothing."""
    return TrendBaseline(fold=fold, states=_with_own_book(fold.arms[SERVING].copy()))


def _with_own_book(states: RowArray) -> RowArray:
    """Return ``states``, changed in place, with an empty paper book under static weights."""
    for name in BOOK_FIELDS:
        states[name] = 0
    # Never live: reported fills are the serving arm's, and must not cross into another.
    states["mode"] = Mode.PAPER
    states["router_mode"] = RouterMode.STATIC
    return states
