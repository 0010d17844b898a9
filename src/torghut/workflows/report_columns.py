"""A block's decisions seen by symbol: the same rows, each symbol's together and in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

RowArray = npt.NDArray[np.void]
Integers = npt.NDArray[np.int64]

N = TypeVar("N", np.int64, np.float64)

_RADIX: Final = 2**16
"""Below this many symbols numpy sorts their numbers by radix, in linear time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Decisions by symbol; ``order`` alone is moved, never the rows, which are large.

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

    def column(self, name: str) -> npt.NDArray[np.generic]:
        """Return a field of all rows, by symbol."""
        return self.rows[name][self.order]

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


def grouped(rows: RowArray, symbols: npt.NDArray[np.generic]) -> Grouped:
    """Return ``rows``, at least one, by symbol.

    Args:
        rows: Shape (n,), dtype ``DECISION``.
        symbols: Shape (n,): the number of each row's symbol.
    """
    small = symbols.astype(np.uint16) if int(symbols.max()) < _RADIX else symbols
    order = np.argsort(small, kind="stable")
    sorted_symbols = small[order].astype(np.int64)
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
