"""How often each thing happened to each symbol: intents, experts, reasons, gates, refusals.

Counted over runs of alike decisions, so that a block costs little and no decision is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.schemas.codes import (
    MAX_REGIMES,
    Expert,
    Gate,
    GateStatus,
    Intent,
    Mode,
    Path,
    Reason,
    RefusalCode,
    Trigger,
)
from torghut.workflows.report_columns import Grouped, Integers, grown

_FIELDS: Final = {
    "intent": len(Intent),
    "lead": len(Expert),
    "path": len(Path),
    "mode": len(Mode),
    "regime": MAX_REGIMES + 1,  # the last one: no package
}
"""Fields of a decision with one value each, and how many values there are."""

_WARM: Final = ("intent", "lead")
"""Fields that are also counted from the end of the warm-up on."""

_BITS: Final = {"reasons": len(Reason), "triggers": len(Trigger), "gates": len(Gate)}


@dataclass(slots=True, kw_only=True)
class Tallies:
    """Counts by symbol; every table has one row a symbol.

    Attributes:
        outcomes: Shape (s, refusal codes): contexts by refusal code, code 0 decided.
        values: Shape (s, values) for each of ``intent lead path mode regime``.
        warm: As ``values`` for ``intent lead``, of decisions after the warm-up.
        bits: Shape (s, bits) for ``reasons triggers gates``; a gate is counted where it failed.
        first_ns: Shape (s,): receive time of the first decision; 0 without one.
        last_ns: Shape (s,): receive time of the last decision.
    """

    outcomes: Integers = field(default_factory=lambda: _table(len(RefusalCode)))
    values: dict[str, Integers] = field(
        default_factory=lambda: {name: _table(count) for name, count in _FIELDS.items()}
    )
    warm: dict[str, Integers] = field(
        default_factory=lambda: {name: _table(_FIELDS[name]) for name in _WARM}
    )
    bits: dict[str, Integers] = field(
        default_factory=lambda: {name: _table(count) for name, count in _BITS.items()}
    )
    first_ns: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    last_ns: Integers = field(default_factory=lambda: np.zeros(0, np.int64))

    def grow(self, symbols: int) -> None:
        """Make room for that many symbols."""
        self.outcomes = grown(self.outcomes, symbols)
        for tables in (self.values, self.warm, self.bits):
            tables.update({name: grown(table, symbols) for name, table in tables.items()})
        self.first_ns = grown(self.first_ns, symbols)
        self.last_ns = grown(self.last_ns, symbols)

    def take_outcomes(
        self, symbols: npt.NDArray[np.generic], outcomes: npt.NDArray[np.uint8]
    ) -> None:
        """Count what became of contexts.

        Args:
            symbols: Shape (n,): the symbol's number of each context.
            outcomes: Shape (n,): refusal codes, 0 decided.
        """
        codes = self.outcomes.shape[1]
        pairs = symbols.astype(np.int64) * codes + outcomes
        present, counts = np.unique(pairs, return_counts=True)
        self.outcomes.reshape(-1)[present] += counts

    def take(self, decided: Grouped, failed: npt.NDArray[np.bool_]) -> None:
        """Count decisions.

        Args:
            decided: A block's decisions.
            failed: Shape (n, gates): the gates that each failed, in the order of ``decided``.
        """
        runs = _runs(decided, failed)
        for name, table in self.values.items():
            _add_values(table, runs, name, runs.lengths)
        warm_lengths = np.where(runs.failed[:, Gate.WARM_UP], 0, runs.lengths)
        for name, table in self.warm.items():
            _add_values(table, runs, name, warm_lengths)
        for name, table in self.bits.items():
            bits = runs.failed if name == "gates" else _unpacked(runs.columns[name])
            _add_bits(table, runs, bits)
        receive_ns = decided.rows["receive_ns"]
        firsts = receive_ns[decided.order[decided.starts]]
        known = self.first_ns[decided.symbols]
        self.first_ns[decided.symbols] = np.where(known == 0, firsts, known)
        self.last_ns[decided.symbols] = receive_ns[decided.order[decided.ends - 1]]


def failed_gates(decided: Grouped) -> npt.NDArray[np.bool_]:
    """Return which gates each decision failed, shape (n, gates), in the order of ``decided``."""
    failed: npt.NDArray[np.bool_] = decided.column("gate_status") == GateStatus.FAIL
    return failed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """Decisions of one symbol in a row that are alike in everything counted.

    Attributes:
        lengths: Shape (r,): how many decisions each run is.
        symbols: Shape (r,): the symbol's number.
        groups: Shape (p,): the symbols present; ``starts``: where the runs of each begin.
        columns: The fields counted, of each run's decisions.
        failed: Shape (r, gates).
    """

    lengths: Integers
    symbols: Integers
    groups: Integers
    starts: Integers
    columns: dict[str, npt.NDArray[np.generic]]
    failed: npt.NDArray[np.bool_]


def _runs(decided: Grouped, failed: npt.NDArray[np.bool_]) -> _Runs:
    """Cut ``decided`` where anything that is counted changes, or the symbol does."""
    count = len(decided.order)
    columns = {name: decided.column(name) for name in (*_FIELDS, "reasons", "triggers")}
    gates = np.packbits(failed, axis=1).view(np.uint16).ravel()
    changed = np.zeros(count, np.bool_)
    changed[decided.starts] = True
    for column in (*columns.values(), gates):
        changed[1:] |= column[1:] != column[:-1]
    firsts = np.flatnonzero(changed)
    return _Runs(
        lengths=np.diff(firsts, append=count),
        symbols=decided.symbols[decided.group[firsts]],
        groups=decided.symbols,
        starts=np.searchsorted(firsts, decided.starts),
        columns={name: column[firsts] for name, column in columns.items()},
        failed=failed[firsts],
    )


def _add_values(table: Integers, runs: _Runs, name: str, lengths: Integers) -> None:
    """Count decisions by the value of a field; values beyond the table are its last one."""
    values = table.shape[1]
    value = np.minimum(runs.columns[name].astype(np.int64), values - 1)
    counts = np.bincount(runs.symbols * values + value, weights=lengths)
    present = np.flatnonzero(counts)
    # Weighted counts are float64, exact far beyond the rows of any block.
    table.reshape(-1)[present] += counts[present].astype(np.int64)


def _add_bits(table: Integers, runs: _Runs, bits: npt.NDArray[np.generic]) -> None:
    """Count decisions by each bit, shape (r, bits)."""
    weighted = bits[:, : table.shape[1]] * runs.lengths[:, np.newaxis]
    table[runs.groups] += np.add.reduceat(weighted, runs.starts, axis=0)


def _unpacked(words: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Return the bits of unsigned integers, lowest first, shape (n, bits)."""
    octets = np.ascontiguousarray(words).view(np.uint8).reshape(len(words), -1)
    return np.unpackbits(octets, axis=1, bitorder="little")


def _table(columns: int) -> Integers:
    """Return a table of counts without rows."""
    return np.zeros((0, columns), np.int64)
