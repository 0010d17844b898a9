"""A page: the outcomes of some thousand consecutive records, cut into batches of any size."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.adapters.sources.decoding.verdicts import Decoded, Verdict, kept
from torghut.market.ports import Arrival, Batch, ContextArray, Cursor, Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import ControlRecord
from torghut.schemas.rows import CONTEXT, Integers

Mask = npt.NDArray[np.bool_]

_PAGE_RECORDS: Final = 8_192
_MOST_PAGE_RECORDS: Final = 65_536


def page_records(max_records: int) -> int:
    """Return a page's capacity: a multiple of the batch, so that batches come out full."""
    if max_records > _MOST_PAGE_RECORDS:
        return _MOST_PAGE_RECORDS
    return -(-_PAGE_RECORDS // max_records) * max_records


@dataclass(slots=True)
class _Kept:
    """What is no row, with the record that each came from, ascending."""

    records: list[int] = field(default_factory=list)
    items: list[Quarantined] = field(default_factory=list)

    def add(self, item: Quarantined) -> None:
        """Append what is kept of a record."""
        self.records.append(item.record)
        self.items.append(item)

    def between(self, first: int, last: int) -> Sequence[Quarantined]:
        """Return what came from the records ``first`` to before ``last``."""
        return self.items[bisect_left(self.records, first) : bisect_left(self.records, last)]


class Page:
    """Consecutive records of one part, each with its one outcome; filled, cut, and filled again.

    Attributes:
        part: Index of the part.
        first_record: Ordinal of the first record in its part.
        records: How many records it holds.
    """

    def __init__(self, capacity: int) -> None:
        self._rows: ContextArray = np.zeros(capacity, CONTEXT)
        self._before: Integers = np.zeros(capacity + 1, np.int64)  # contexts before each record
        self._ends: Integers = np.zeros(capacity, np.int64)  # offset behind each record
        self.restart(part=0, first_record=0)

    def restart(self, *, part: int, first_record: int) -> None:
        """Empty the page; batches cut from it are no longer valid."""
        self.part = part
        self.first_record = first_record
        self.records = 0
        self._quarantined = _Kept()
        self._refused = _Kept()
        self._controls: list[tuple[int, ControlRecord]] = []

    @property
    def next_record(self) -> int:
        """Return the ordinal of the record that comes next."""
        return self.first_record + self.records

    @property
    def room(self) -> int:
        """Return how many more records fit."""
        return len(self._ends) - self.records

    def blank_rows(self, count: int) -> ContextArray:
        """Return the rows of the next ``count`` records, to be filled and settled."""
        first = int(self._before[self.records])
        return self._rows[first : first + count]

    def settle(self, rows: ContextArray, index: int, verdict: Verdict, line: bytes) -> bool:
        """Take a judge's verdict on one of the next records and say if it is a context."""
        record = self.next_record + index
        match verdict:
            case Decoded():
                rows[index] = verdict.row(self.part)
                if verdict.refusal is not RefusalCode.NONE:
                    self._refused.add(self._kept(record, verdict.refusal, line))
                return True
            case RefusalCode():
                self._quarantined.add(self._kept(record, verdict, line))
                return False
            case _:
                self._controls.append((record, verdict))
                return False

    def quarantine(self, item: Quarantined, end: int) -> None:
        """Count one record that was kept elsewhere."""
        self._quarantined.add(item)
        self.count(np.zeros(1, np.bool_), np.array([end], np.int64))

    def count(self, is_context: Mask, ends: Integers) -> None:
        """Close the blank rows up to those of contexts, and count the records as held."""
        first, last = self.records, self.records + len(ends)
        if not is_context.all():
            rows = self.blank_rows(len(ends))
            contexts = rows[is_context]
            rows[: len(contexts)] = contexts
        self._before[first + 1 : last + 1] = self._before[first] + np.cumsum(is_context)
        self._ends[first:last] = ends
        self.records = last

    def batches(self, max_records: int, after: Cursor | None) -> Iterator[Batch]:
        """Yield the records in batches; ``after`` replaces the cursor behind the last one."""
        for first in range(0, self.records, max_records):
            last = min(first + max_records, self.records)
            low, high = self.first_record + first, self.first_record + last
            cursor = Cursor(part=self.part, record=high, offset=int(self._ends[last - 1]))
            if last == self.records and after is not None:
                cursor = after
            yield Batch(
                contexts=self._rows[self._before[first] : self._before[last]],
                quarantined=self._quarantined.between(low, high),
                controls=self._arrivals(first, last),
                refused=self._refused.between(low, high),
                cursor=cursor,
            )

    def _arrivals(self, first: int, last: int) -> Sequence[Arrival]:
        """Return the control records among some records, and the contexts before each of them."""
        low = self.first_record + first
        return [
            Arrival(
                row=int(self._before[record - self.first_record] - self._before[first]),
                record=control,
            )
            for record, control in self._controls
            if low <= record < self.first_record + last
        ]

    def _kept(self, record: int, refusal: RefusalCode, line: bytes) -> Quarantined:
        """Return what is kept of a refused record."""
        return kept(self.part, record, refusal, sha256(line).hexdigest(), line)
