"""Single records gathered into one batch, each with its own cursor until then."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from torghut.market.ports import Arrival, Batch, ContextArray, Cursor, Quarantined
from torghut.schemas.rows import CONTEXT


@dataclass(slots=True, kw_only=True)
class Gathered:
    """Consecutive records on their way into one batch.

    Attributes:
        records: How many there are.
        cursor: Behind the last of them; None before the first.
    """

    records: int = 0
    cursor: Cursor | None = None
    _count: int = 0
    _contexts: list[ContextArray] = field(default_factory=list)
    _quarantined: list[Quarantined] = field(default_factory=list)
    _controls: list[Arrival] = field(default_factory=list)

    def add(self, record: Batch) -> None:
        """Gather one more record; its arrays may be used again by the source."""
        self.records += 1
        self._quarantined.extend(record.quarantined)
        self._controls.extend(
            Arrival(row=self._count + arrival.row, record=arrival.record)
            for arrival in record.controls
        )
        if len(record.contexts):
            self._contexts.append(record.contexts.copy())
            self._count += len(record.contexts)
        self.cursor = record.cursor

    def batch(self) -> Batch:
        """Return everything gathered as one batch."""
        return Batch(
            contexts=np.concatenate([np.zeros(0, CONTEXT), *self._contexts]),
            quarantined=self._quarantined,
            controls=self._controls,
            cursor=self.cursor or Cursor(),
        )
