"""The end of a window, exact to the record: a log never moves past what it left unread.

What lies behind the end can then be decided later, as far as the source is in order of time: where
a part or a context further on lies inside the window again, what was left before it is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from torghut.market.ports import Batch, Cursor, Source, SourceDescription
from torghut.workflows.running.gathering import Gathered


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingSource(Source):
    """A source without the contexts received after ``to_ns``.

    A record that is no context goes with the context before it.

    Attributes:
        source: All of it.
        to_ns: The last receive time that is taken.
    """

    source: Source
    to_ns: int

    @property
    @override
    def description(self) -> SourceDescription:
        return self.source.description

    @override
    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        behind_end = False
        for batch in self.source.batches(after=after, max_records=max_records):
            late = batch.contexts["receive_ns"] > self.to_ns
            if not behind_end and not late.any():
                yield batch
            elif not late.all() or not behind_end:
                yield from self._split(after, batch.cursor, behind_end=behind_end)
            behind_end = bool(late[-1]) if len(late) else behind_end
            after = batch.cursor

    def _split(self, after: Cursor, until: Cursor, *, behind_end: bool) -> Iterator[Batch]:
        """Yield what is taken between two cursors, each run of records with its own cursor."""
        taken = Gathered()
        for record in self.source.batches(after=after, max_records=1):
            late = record.contexts["receive_ns"] > self.to_ns
            behind_end = bool(np.any(late)) if len(late) else behind_end
            if not behind_end:
                taken.add(record)
            elif taken.records:
                yield taken.batch()
                taken = Gathered()
            if record.cursor == until:
                break
        if taken.records:
            yield taken.batch()
