"""A source of rows that a test made, cut into batches like any other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from torghut.market.ports import (
    Arrival,
    Batch,
    Cursor,
    Quarantined,
    Source,
    SourceDescription,
    SourcePart,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArraySource(Source):
    """The rows of one part, with control records and quarantined records between them.

    Attributes:
        rows: Shape (n,), dtype ``CONTEXT``.
        symbols: What ``rows["symbol"]`` numbers.
        arrivals: Control records, by the row they come before.
        quarantined: Bad records, by the row they come before.
    """

    rows: npt.NDArray[np.void]
    symbols: Sequence[str]
    arrivals: Sequence[Arrival] = ()
    quarantined: Sequence[tuple[int, Quarantined]] = ()
    digests: Sequence[str] = field(default=("ab" * 32, "cd" * 32))

    @property
    @override
    def description(self) -> SourceDescription:
        return SourceDescription(
            kind="array",
            parts=[SourcePart(name=f"part-{i}", digest=d) for i, d in enumerate(self.digests)],
            symbols=self.symbols,
            columns=self.rows.dtype.names or (),
            assumptions={},
        )

    @override
    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        start = after.record
        while start < len(self.rows):
            stop = min(start + max_records, len(self.rows))
            last = stop == len(self.rows)
            yield Batch(
                contexts=self.rows[start:stop].copy(),
                controls=[
                    Arrival(row=a.row - start, record=a.record)
                    for a in self.arrivals
                    if start <= a.row < stop or (last and a.row == stop)
                ],
                quarantined=[q for row, q in self.quarantined if start <= row < stop],
                cursor=Cursor(record=stop),
            )
            start = stop
