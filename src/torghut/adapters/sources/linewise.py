"""A source whose records are lines: scanned where they fit a template, judged where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from typing_extensions import override

from torghut.adapters.sources.decoding.page import Mask, Page, page_records
from torghut.adapters.sources.decoding.scanner import compiled_scanner
from torghut.adapters.sources.decoding.templates import Program, Scanned
from torghut.adapters.sources.decoding.verdicts import RefusedError, Verdict, kept
from torghut.adapters.sources.errors import SourceCursorError
from torghut.adapters.sources.reading.archives import open_bytes
from torghut.adapters.sources.reading.files import InputFile
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.adapters.sources.reading.lines import Fill, LineWindow
from torghut.kernel.native.ports import CodeStore
from torghut.market.ports import (
    Batch,
    ContextArray,
    Cursor,
    Source,
    SourceDescription,
    SourceError,
)
from torghut.schemas.codes import RefusalCode
from torghut.schemas.rows import Integers

_SCANNED_LINES: Final = 8_192
"""How many lines are scanned at a time."""


class LineDecoder(Protocol):
    """How the lines of one part become contexts.

    ``judge`` is the authority: it knows what every line is. ``compose`` does the same for the
    lines that fit a template, many at a time, and must agree with it to the last bit.
    """

    @property
    def header_lines(self) -> int:
        """How many lines at the front are no records."""
        ...

    @property
    def program(self) -> Program:
        """The templates of lines that ``compose`` understands."""
        ...

    def compose(self, scanned: Scanned, rows: ContextArray) -> Mask:
        """Fill ``rows`` from scanned lines, but for their source; say which are certain."""
        ...

    def judge(self, line: bytes, record: int) -> Verdict:
        """Return what ``line`` is; it holds no LF and may end with a CR.

        Raises:
            RefusedError: It is neither a context nor a control record.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePart:
    """A file and how its lines are read."""

    file: InputFile
    decoder: LineDecoder


class LineSource(Source):
    """Files of lines, one part each.

    Args:
        description: What the source says of itself; its parts are those of ``parts``.
        parts: In reading order.
        limits: Bounds on what is read.
        machine_code: For the compiled scanner; None keeps it in memory.
    """

    def __init__(
        self,
        description: SourceDescription,
        parts: Sequence[LinePart],
        *,
        limits: ReadLimits,
        machine_code: CodeStore | None,
    ) -> None:
        self._description = description
        self._parts = tuple(parts)
        self._limits = limits
        self._machine_code = machine_code
        total = sum(part.bytes_total for part in description.parts)
        self._scans = total >= limits.scanner_from_bytes

    @property
    @override
    def description(self) -> SourceDescription:
        return self._description

    @override
    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        page = Page(page_records(max_records))
        at = after
        for index in range(after.part, len(self._parts)):
            yield from self._part_batches(page, at, max_records)
            at = Cursor(part=index + 1)

    def _part_batches(self, page: Page, after: Cursor, max_records: int) -> Iterator[Batch]:
        """Yield the batches of one part from ``after`` on."""
        part = self._parts[after.part]
        with open_bytes(part.file, self._limits) as stream:
            window = LineWindow(stream, self._limits)
            missing = window.skip_lines(part.decoder.header_lines + after.record)
            if missing and after.record:
                raise SourceCursorError(name=part.file.name, record=after.record)
            scanner = _Scanner(part.decoder.program, self._machine_code) if self._scans else None
            reader = _PartReader(window, part.decoder, scanner, self._limits.line_bytes)
            record = after.record
            while not reader.finished:
                page.restart(part=after.part, first_record=record)
                reader.read(page)
                behind = Cursor(part=after.part + 1) if reader.finished else None
                yield from page.batches(max_records, behind)
                record = page.next_record
                if reader.failure is not None:
                    raise reader.failure


class _Scanner:
    """The compiled scanner and the arrays that it fills, again and again."""

    def __init__(self, program: Program, machine_code: CodeStore | None) -> None:
        self._scan = compiled_scanner(machine_code)
        self._program = program
        self._kinds = np.zeros(_SCANNED_LINES, np.int64)
        self._spans = np.zeros((_SCANNED_LINES, 2), np.int64)
        self._wholes = np.zeros((len(program.wholes) + 1, _SCANNED_LINES), np.int64)
        self._reals = np.zeros((len(program.reals) + 1, _SCANNED_LINES))

    def scan(self, window: LineWindow, most: int, first_record: int) -> tuple[Scanned, Integers]:
        """Scan at most ``most`` lines at the front of ``window``; return fields and spans."""
        found = (self._kinds[:most], self._spans, self._wholes, self._reals)
        count = self._scan(window.data, window.start, window.stop, self._program.arrays, found)
        scanned = Scanned(
            program=self._program,
            kinds=self._kinds[:count],
            columns=self._wholes[:, :count],
            values=self._reals[:, :count],
            first_record=first_record,
        )
        return scanned, self._spans[:count]


class _PartReader:
    """Reads one part into pages.

    Attributes:
        finished: Whether there is nothing more to read.
        failure: What ended the reading before its time; the records before it are good.
    """

    def __init__(
        self, window: LineWindow, decoder: LineDecoder, scanner: _Scanner | None, line_bytes: int
    ) -> None:
        self._window = window
        self._decoder = decoder
        self._scanner = scanner
        self._line_bytes = line_bytes
        self.finished = False
        self.failure: SourceError | None = None

    def read(self, page: Page) -> None:
        """Fill ``page`` as far as there are records."""
        try:
            while page.room and self._window.fill() is not Fill.END:
                self._take(page)
            self.finished = self._window.fill() is Fill.END
        except SourceError as error:
            self.failure = error

    def _take(self, page: Page) -> None:
        """Move what stands at the front of the window into ``page``."""
        if self._window.fill() is Fill.OVERSIZED:
            record = page.next_record
            line = self._window.skip_oversized()
            code = RefusalCode.OVERSIZED_LINE
            item = kept(page.part, record, code, line.digest, line.head)
            page.quarantine(item, self._window.offset(self._window.start))
            return
        most = min(page.room, _SCANNED_LINES)
        if self._scanner is None:
            spans = self._window.spans(most)
            rows = page.blank_rows(len(spans))
            certain = np.zeros(len(spans), np.bool_)
        else:
            scanned, spans = self._scanner.scan(self._window, most, page.next_record)
            rows = page.blank_rows(len(spans))
            certain = self._decoder.compose(scanned, rows)
            rows["source"] = page.part
        self._judge(page, rows, spans, certain)
        ends = spans[:, 1] + 1
        page.count(certain, self._window.offsets(ends))
        self._window.start = int(ends[-1])

    def _judge(self, page: Page, rows: ContextArray, spans: Integers, certain: Mask) -> None:
        """Settle every line that is not certain, and mark which became contexts."""
        oversized = spans[:, 1] - spans[:, 0] > self._line_bytes
        certain &= ~oversized
        for index in np.flatnonzero(~certain).tolist():
            line = self._window.line(*spans[index].tolist())
            record = page.next_record + index
            verdict = _OVERSIZED if oversized[index] else self._verdict(line, record)
            certain[index] = page.settle(rows, index, verdict, line)

    def _verdict(self, line: bytes, record: int) -> Verdict:
        """Return the judge's verdict on a line."""
        try:
            return self._decoder.judge(line, record)
        except RefusedError as error:
            return error.refusal


_OVERSIZED: Final[Verdict] = RefusalCode.OVERSIZED_LINE
