"""A block's decisions seen by symbol: column by column, each symbol's together and in order.

Rows are large and packed, so a column is copied out whole before it is put in order: several
times faster than picking its numbers from the rows one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from torghut.schemas.codes import Gate, GateStatus

RowArray = npt.NDArray[np.void]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.uint32]

N = TypeVar("N", np.int64, np.float64)

_RADIX: Final = 2**16
"""Below this many symbols numpy sorts their numbers by radix, in linear time."""

_STATUS: Final = np.dtype((np.void, len(Gate)))
"""The gates of a row as one thing, which is copied faster than as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failed gates of a block's decisions, by symbol.

    Attributes:
        flags: Shape (gates, n): whether a decision failed a gate.
        gates: The gates that any decision failed.
    """

    flags: Flags
    gates: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Decisions by symbol.

    Attributes:
        rows: Shape (n,), dtype ``DECISION``, in the order decided.
        order: Shape (n,): places in ``rows``, each symbol's together, in the order decided.
        symbols: Shape (p,): the symbols present, ascending.
        starts: Shape (p,): where each symbol's places begin in ``order``.
        ends: Shape (p,): and where they end.
        group: Shape (n,): which of ``symbols`` each place belongs to.
    """

    rows: RowArray
    order: Integers
    symbols: Integers
    starts: Integers
    ends: Integers
    group: Integers
    _codes: dict[str, Codes] = field(default_factory=dict)
    _floats: dict[str, Floats] = field(default_factory=dict)

    def codes(self, name: str) -> Codes:
        """Return a field of one byte, by symbol."""
        if name not in self._codes:
            self._codes[name] = np.ascontiguousarray(self.rows[name])[self.order]
        return self._codes[name]

    def floats(self, name: str) -> Floats:
        """Return a field of float64, by symbol."""
        if name not in self._floats:
            self._floats[name] = np.ascontiguousarray(self.rows[name])[self.order]
        return self._floats[name]

    def reasons(self) -> Words:
        """Return the reason bits, by symbol."""
        reasons: Words = np.ascontiguousarray(self.rows["reasons"])[self.order]
        return reasons

    def gate_values(self, gate: Gate) -> Floats:
        """Return what one gate judged, by symbol."""
        values: Floats = np.ascontiguousarray(self.rows["gate_value"][:, gate])[self.order]
        return values

    def failures(self) -> Failures:
        """Return which gates failed."""
        packed = np.ascontiguousarray(self.rows["gate_status"].view(_STATUS)).ravel()
        statuses: Codes = packed[self.order].view(np.uint8).reshape(len(packed), len(Gate))
        flags = np.empty((len(Gate), len(packed)), np.bool_)
        np.equal(statuses.T, GateStatus.FAIL, out=flags)
        return Failures(flags=flags, gates=np.flatnonzero(flags.any(axis=1)).tolist())

    def of(self, rows: RowArray) -> Grouped:
        """Return other decisions of the same contexts, seen in the same order."""
        return Grouped(
            rows=rows,
            order=self.order,
            symbols=self.symbols,
            starts=self.starts,
            ends=self.ends,
            group=self.group,
        )


def grouped(rows: RowArray, symbols: Numbers) -> Grouped:
    """Return ``rows``, at least one, by symbol.

    Args:
        rows: Shape (n,), dtype ``DECISION``.
        symbols: Shape (n,): the number of each row's symbol.
    """
    order = _order(symbols)
    sorted_symbols = symbols[order].astype(np.int64)
    changes = np.flatnonzero(sorted_symbols[1:] != sorted_symbols[:-1]) + 1
    starts = np.concatenate([[0], changes])
    ends = np.concatenate([changes, [len(order)]])
    group = np.repeat(np.arange(len(starts)), ends - starts)
    return Grouped(
        rows=rows,
        order=order,
        symbols=sorted_symbols[starts],
        starts=starts,
        ends=ends,
        group=group,
    )


def grown(table: npt.NDArray[N], count: int, fill: float = 0) -> npt.NDArray[N]:
    """Return ``table`` with at least ``count`` rows, the new ones ``fill``."""
    if len(table) >= count:
        return table
    wider = np.full((max(count, 2 * len(table)), *table.shape[1:]), fill, table.dtype)
    wider[: len(table)] = table
    return wider


def _order(symbols: Numbers) -> Integers:
    """Return the places of the numbers in ascending order, equal ones as they stand."""
    highest = int(symbols.max())
    if highest == int(symbols.min()):
        return np.arange(len(symbols))
    sortable = symbols.astype(np.uint16) if highest < _RADIX else symbols
    return np.argsort(sortable, kind="stable")
