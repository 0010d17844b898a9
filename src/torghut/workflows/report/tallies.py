"""How often each thing happened to each symbol: intents, experts, reasons, gates, refusals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.schemas.codes import (
    MAX_REGIMES,
    PENDING,
    Expert,
    Gate,
    Intent,
    Mode,
    Path,
    Reason,
    RefusalCode,
    Trigger,
)
from torghut.workflows.report.columns import (
    Codes,
    Failures,
    Flags,
    Grouped,
    Integers,
    Numbers,
    grown,
)

NO_REGIME: Final = MAX_REGIMES
"""Where decisions without a regime are counted: there was no package."""

_COURSES: Final = ("warm", "intent", "lead")
_STATES: Final = ("path", "mode", "regime")
_SIZES: Final = {
    "warm": 2,
    "intent": len(Intent),
    "lead": len(Expert),
    "path": len(Path),
    "mode": len(Mode),
    "regime": MAX_REGIMES + 1,
}
"""What has one value in each decision, and how many values there are."""


def _table(*columns: int) -> Integers:
    """Return a table of counts without symbols."""
    return np.zeros((0, *columns), np.int64)


@dataclass(slots=True, kw_only=True)
class Tallies:
    """Counts by symbol; every table's first axis is the symbol.

    Attributes:
        outcomes: Shape (s, refusal codes): contexts by refusal code, code 0 decided.
        courses: Shape (s, warm, intents, experts): decisions before and after the warm-up, by
            intent and by the expert with the largest weight.
        states: Shape (s, paths, modes, regimes): decisions by path, mode and regime; the last
            regime is none.
        reasons: Shape (s, reasons).
        triggers: Shape (s, triggers).
        gates: Shape (s, gates): decisions that failed each.
        first_ns: Shape (s,): receive time of the first decision; 0 without one.
        last_ns: Shape (s,): receive time of the last decision.
    """

    outcomes: Integers = field(default_factory=lambda: _table(len(RefusalCode)))
    courses: Integers = field(default_factory=lambda: _table(*(_SIZES[n] for n in _COURSES)))
    states: Integers = field(default_factory=lambda: _table(*(_SIZES[n] for n in _STATES)))
    reasons: Integers = field(default_factory=lambda: _table(len(Reason)))
    triggers: Integers = field(default_factory=lambda: _table(len(Trigger)))
    gates: Integers = field(default_factory=lambda: _table(len(Gate)))
    first_ns: Integers = field(default_factory=_table)
    last_ns: Integers = field(default_factory=_table)

    def grow(self, symbols: int) -> None:
        """Make room for that many symbols."""
        self.outcomes = grown(self.outcomes, symbols)
        self.courses = grown(self.courses, symbols)
        self.states = grown(self.states, symbols)
        self.reasons = grown(self.reasons, symbols)
        self.triggers = grown(self.triggers, symbols)
        self.gates = grown(self.gates, symbols)
        self.first_ns = grown(self.first_ns, symbols)
        self.last_ns = grown(self.last_ns, symbols)

    def take_outcomes(self, symbols: Numbers, outcomes: Codes) -> None:
        """Count what became of contexts.

        Args:
            symbols: Shape (n,): the symbol's number of each context.
            outcomes: Shape (n,): refusal codes, 0 decided. What waits for advice is counted when
                its decision comes.
        """
        if (waits := outcomes == PENDING).any():
            symbols, outcomes = symbols[~waits], outcomes[~waits]
        codes = self.outcomes.shape[1]
        pairs = symbols.astype(np.int64) * codes + outcomes
        counts = np.bincount(pairs, minlength=self.outcomes.size)
        self.outcomes += counts.reshape(self.outcomes.shape)

    def take(self, decided: Grouped, failures: Failures) -> None:
        """Count decisions.

        Args:
            decided: A block's decisions.
            failures: Which gates they failed.
        """
        warm: Codes = (~failures.flags[Gate.WARM_UP]).view(np.uint8)
        _add_values(self.courses, decided, (warm, decided.codes("intent"), decided.codes("lead")))
        regime = np.minimum(decided.codes("regime"), NO_REGIME)
        _add_values(self.states, decided, (decided.codes("path"), decided.codes("mode"), regime))
        _add_flags(self.gates, decided, ((g, failures.flags[g]) for g in failures.gates))
        reasons, triggers = decided.reasons(), decided.codes("triggers")
        some, asked = int(np.bitwise_or.reduce(reasons)), int(np.bitwise_or.reduce(triggers))
        _add_flags(
            self.reasons,
            decided,
            ((bit, reasons & np.uint64(1 << bit) != 0) for bit in Reason if some >> bit & 1),
        )
        _add_flags(
            self.triggers,
            decided,
            ((bit, triggers & np.uint8(1 << bit) != 0) for bit in Trigger if asked >> bit & 1),
        )
        receive_ns = decided.rows["receive_ns"]
        firsts = receive_ns[decided.order[decided.starts]]
        known = self.first_ns[decided.symbols]
        self.first_ns[decided.symbols] = np.where(known == 0, firsts, known)
        self.last_ns[decided.symbols] = receive_ns[decided.order[decided.ends - 1]]


def _add_values(table: Integers, decided: Grouped, columns: Iterable[Codes]) -> None:
    """Count decisions by the values that ``columns`` have together."""
    shape = table.shape[1:]
    key = decided.group
    for column, size in zip(columns, shape, strict=True):
        key = key * size + column
    groups = len(decided.symbols)
    counts = np.bincount(key, minlength=groups * int(np.prod(shape)))
    table[decided.symbols] += counts.reshape(groups, *shape)


def _add_flags(table: Integers, decided: Grouped, flags: Iterable[tuple[int, Flags]]) -> None:
    """Count decisions by each flag."""
    for column, flag in flags:
        table[decided.symbols, column] += np.add.reduceat(flag, decided.starts, dtype=np.int64)
