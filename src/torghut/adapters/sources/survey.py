"""A survey: what a source holds and what would be refused, found by reading it and writing nothing.

Only what is found while decoding is told here. What the kernel refuses (a crossed book, a jump)
needs the state of each symbol, and is counted by whoever runs the kernel over the same batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.market.ports import Batch, Cursor, Quarantined, Source, SourcePart
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream

EXAMPLES: Final = 3
"""How many records are shown for each code and part."""

_BATCH_RECORDS: Final = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From the first to the last of some instants, in ns since 1970."""

    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalSurvey:
    """One code in one part.

    Attributes:
        code: Published, such as ``market.wrong-type``.
        count: How many records.
        examples: The first of them.
    """

    code: str
    count: int
    examples: Sequence[Quarantined]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSurvey:
    """What one part holds.

    Attributes:
        name: As in the source's description.
        digest: sha256, 64 hex digits.
        contexts: Records with a row, those refused while decoding included.
        quarantined: Records without one.
        controls: Control records.
        streams: Contexts by symbol and stream, ``("fxcm:EURUSD", "quote")``.
        marks: Contexts by what was assumed about them, ``receive-time-assumed``.
        event: From the earliest to the latest event, of contexts not refused; None without any.
        receive: The same of receive times.
        refusals: What was refused while decoding, the most frequent first.
    """

    name: str
    digest: str
    contexts: int
    quarantined: int
    controls: int
    streams: Mapping[tuple[str, str], int]
    marks: Mapping[str, int]
    event: Span | None
    receive: Span | None
    refusals: Sequence[RefusalSurvey]

    @property
    def records(self) -> int:
        """Return how many records were read: each is exactly one of the three."""
        return self.contexts + self.quarantined + self.controls


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReport:
    """What a source holds.

    Attributes:
        kind: Name of the layout.
        columns: As found.
        assumptions: Zone, units, what is assumed, in words.
        licence: Of the data, where known.
        declared: Symbols that the source could name.
        parts: Those that were read, in reading order.
        complete: Whether all was read; otherwise the limit was reached.
    """

    kind: str
    columns: Sequence[str]
    assumptions: Mapping[str, str]
    licence: str
    declared: Sequence[str]
    parts: Sequence[PartSurvey]
    complete: bool


@dataclass(slots=True)
class _Tally:
    """A part's survey while it is taken."""

    part: SourcePart
    contexts: int = 0
    quarantined: int = 0
    controls: int = 0
    streams: Counter[tuple[str, str]] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    times: dict[str, Span] = field(default_factory=dict)
    refusals: Counter[RefusalCode] = field(default_factory=Counter)
    examples: dict[RefusalCode, list[Quarantined]] = field(default_factory=dict)

    def add(self, batch: Batch, symbols: Sequence[str]) -> None:
        """Count a batch of this part."""
        self.contexts += len(batch.contexts)
        self.quarantined += len(batch.quarantined)
        self.controls += len(batch.controls)
        for item in (*batch.quarantined, *batch.refused):
            self.refusals[item.refusal] += 1
            shown = self.examples.setdefault(item.refusal, [])
            if len(shown) < EXAMPLES:
                shown.append(item)
        self._count_kinds(batch, symbols)
        good = batch.contexts[batch.contexts["refusal"] == RefusalCode.NONE]
        for name in ("event_ns", "receive_ns") if len(good) else ():
            first, last = int(good[name].min()), int(good[name].max())
            known = self.times.get(name, Span(first_ns=first, last_ns=last))
            self.times[name] = Span(
                first_ns=min(first, known.first_ns), last_ns=max(last, known.last_ns)
            )

    def _count_kinds(self, batch: Batch, symbols: Sequence[str]) -> None:
        """Count a batch's contexts by symbol, stream and mark."""
        keys = batch.contexts["symbol"].astype(np.int64) * len(Stream) + batch.contexts["stream"]
        for key, count in zip(*np.unique(keys, return_counts=True), strict=True):
            symbol, stream = divmod(int(key), len(Stream))
            self.streams[symbols[symbol], Stream(stream).name.lower()] += int(count)
        for flag in ContextFlag:
            marked = int(np.count_nonzero(batch.contexts["marks"] & flag))
            if marked:
                self.marks[str(flag.name).lower().replace("_", "-")] += marked

    def report(self) -> PartSurvey:
        """Return what was counted."""
        return PartSurvey(
            name=self.part.name,
            digest=self.part.digest,
            contexts=self.contexts,
            quarantined=self.quarantined,
            controls=self.controls,
            streams=dict(sorted(self.streams.items())),
            marks=dict(self.marks),
            event=self.times.get("event_ns"),
            receive=self.times.get("receive_ns"),
            refusals=[
                RefusalSurvey(code=code.code, count=count, examples=tuple(self.examples[code]))
                for code, count in self.refusals.most_common()
            ],
        )


def survey(source: Source, *, limit: int | None = None) -> SurveyReport:
    """Read ``source`` and return what it holds.

    Args:
        source: What to read; nothing is written anywhere.
        limit: After how many records to stop, to the batch; None reads all.

    Raises:
        SourceError: The source cannot be read to its end.
    """
    description = source.description
    tallies: dict[int, _Tally] = {}
    part, records, complete = 0, 0, True
    size = _BATCH_RECORDS if limit is None else max(1, min(_BATCH_RECORDS, limit))
    for batch in source.batches(after=Cursor(), max_records=size):
        if limit is not None and records >= limit:
            complete = False
            break
        part = _part_of(batch, part)
        tally = tallies.setdefault(part, _Tally(description.parts[part]))
        tally.add(batch, description.symbols)
        records += len(batch.contexts) + len(batch.quarantined) + len(batch.controls)
        part = batch.cursor.part
    return SurveyReport(
        kind=description.kind,
        columns=tuple(description.columns),
        assumptions=dict(description.assumptions),
        licence=description.licence,
        declared=tuple(description.symbols),
        parts=[tallies[index].report() for index in sorted(tallies)],
        complete=complete,
    )


def _part_of(batch: Batch, expected: int) -> int:
    """Return the part that a batch is of; one without records was passed over in silence."""
    if len(batch.contexts):
        return int(batch.contexts["source"][0])
    return batch.quarantined[0].part if batch.quarantined else expected
