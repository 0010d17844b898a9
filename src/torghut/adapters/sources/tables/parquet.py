"""Parquet in the documented layout: the columns of the CSV, typed.

Timestamps say their own unit; one without zone is taken as UTC. Cells that are out of the ordinary
are judged as the text that a CSV would hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from torghut.adapters.sources.decoding.page import Mask, Page, page_records
from torghut.adapters.sources.decoding.verdicts import RefusedError, Verdict
from torghut.adapters.sources.errors import SourceArchiveError, SourceCursorError, SourceLayoutError
from torghut.adapters.sources.reading.files import (
    InputFile,
    digest_file,
    find_parts,
    open_unchanged,
)
from torghut.adapters.sources.tables.arrowcells import (
    UNDECODABLE,
    counts,
    form_of,
    instants,
    is_number,
    is_text,
    is_time,
    numbers_of,
    reals,
    texts,
)
from torghut.adapters.sources.tables.layout import (
    COLUMNS,
    EVENT_TIME,
    RECEIVE_TIME,
    SEQUENCE,
    STREAM,
    STREAMS,
    SYMBOL,
    VALUES,
    Layout,
    judge_cells,
)
from torghut.adapters.sources.tables.plan import SAMPLE_RECORDS, Table, plan_layout
from torghut.adapters.sources.tables.rows import Columns, compose_columns
from torghut.adapters.sources.target import Target
from torghut.market.ports import Batch, Cursor, Source, SourceDescription, SourcePart
from torghut.schemas.codes import RefusalCode
from torghut.schemas.rows import Floats, Integers

SUFFIXES: Final = (".parquet",)


def open_parquet(target: Target) -> Source:
    """Return the records in a Parquet file or in the Parquet files below a folder.

    Raises:
        SourceError: There are none, or they are not laid out as documented.
    """
    files = [digest_file(path) for path in find_parts(target.path, SUFFIXES, target.limits)]
    tables = [_table(file) for file in files]
    layout, told = plan_layout(target, [table for table, _ in tables])
    description = SourceDescription(
        kind="parquet",
        parts=[
            SourcePart(name=file.name, digest=file.digest, records_total=rows)
            for file, (_, rows) in zip(files, tables, strict=True)
        ],
        symbols=list(layout.symbols),
        columns=tables[0][0].columns,
        assumptions=told,
    )
    return ParquetSource(description, files, layout, target.limits.line_bytes)


class ParquetSource(Source):
    """Parquet files, one part each.

    Args:
        description: What the source says of itself; its parts are those of ``files``.
        files: In reading order.
        layout: How they are read.
        line_bytes: A record with longer text is quarantined.
    """

    def __init__(
        self,
        description: SourceDescription,
        files: Sequence[InputFile],
        layout: Layout,
        line_bytes: int,
    ) -> None:
        self._description = description
        self._files = tuple(files)
        self._layout = layout
        self._line_bytes = line_bytes
        self._read = [column for column in description.columns if column in COLUMNS]

    @property
    @override
    def description(self) -> SourceDescription:
        return self._description

    @override
    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        size = page_records(max_records)
        page = Page(size)
        first = after.record
        for part in range(after.part, len(self._files)):
            record = first
            for cells, is_last in self._cells(self._files[part], first, size):
                page.restart(part=part, first_record=record)
                self._take(page, cells)
                record = page.next_record
                yield from page.batches(max_records, Cursor(part=part + 1) if is_last else None)
            first = 0

    def _cells(self, file: InputFile, first: int, size: int) -> Iterator[tuple[Any, bool]]:
        """Yield a file's records from ``first`` on, at most ``size`` at a time, and if it ends."""
        with open_unchanged(file) as stream, broken_as_source_error(file):
            table = pq.ParquetFile(stream)
            total = table.metadata.num_rows
            if first > total:
                raise SourceCursorError(name=file.name, record=first)
            groups, record = _groups_from(table.metadata, first)
            for cells in table.iter_batches(size, row_groups=groups, columns=self._read):
                behind = record + len(cells)
                if behind > first:
                    yield cells.slice(max(first - record, 0)), behind == total
                record = behind

    def _take(self, page: Page, cells: Any) -> None:  # noqa: ANN401 - pyarrow publishes no types
        """Fill ``page`` with the records of ``cells``."""
        rows = page.blank_rows(len(cells))
        columns, doubtful = self._columns(cells, page.first_record)
        certain = compose_columns(self._layout, columns, rows) & ~doubtful
        rows["source"] = page.part
        unsure = np.flatnonzero(~certain)
        for index, found in zip(unsure.tolist(), self._texts(cells, unsure), strict=True):
            line = ",".join(text or "" for text in found.values()).encode("utf-8", "replace")
            verdict = self._judge(found, line, page.next_record + index)
            certain[index] = page.settle(rows, index, verdict, line)
        page.count(certain, np.zeros(len(cells), np.int64))

    def _judge(self, found: Mapping[str, str | None], line: bytes, record: int) -> Verdict:
        """Return what a record is whose cells are these texts."""
        if len(line) > self._line_bytes:
            return RefusalCode.OVERSIZED_LINE
        cells = {name: text for name, text in found.items() if text is not UNDECODABLE}
        if len(cells) < len(found) or b"\0" in line:
            return RefusalCode.UNDECODABLE
        try:
            return judge_cells(self._layout, cells, record)
        except RefusedError as error:
            return error.refusal

    def _texts(self, cells: Any, chosen: Integers) -> Iterator[Mapping[str, str | None]]:  # noqa: ANN401
        """Yield the cells of some records as text, by column."""
        taken = cells.take(pa.array(chosen))
        for found in zip(*(texts(taken.column(name)) for name in self._read), strict=True):
            yield dict(zip(self._read, found, strict=True))

    def _columns(self, cells: Any, first_record: int) -> tuple[Columns, Mask]:  # noqa: ANN401
        """Return the columns as arrays, and which records need a judge."""
        count = len(cells)
        doubtful = np.zeros(count, np.bool_)
        times = {}
        for name, form in (
            (EVENT_TIME, self._layout.event_form),
            (RECEIVE_TIME, self._layout.receive_form),
        ):
            times[name] = np.full(count, -1)
            if name in self._read:
                times[name], unsure = instants(cells.column(name), form)
                doubtful |= unsure
        values: dict[str, Floats] = {}
        for name in VALUES:
            values[name] = np.full(count, np.nan)
            if name in self._read:
                values[name], unsure = reals(cells.column(name))
                doubtful |= unsure
        sequence, stream = np.arange(first_record, first_record + count), np.full(count, -1)
        if SEQUENCE in self._read:
            sequence, unsure = counts(cells.column(SEQUENCE))
            doubtful |= unsure
        stream[:] = self._layout.stream
        if STREAM in self._read:
            stream = numbers_of(cells.column(STREAM), STREAMS)
        columns = Columns(
            symbol=numbers_of(cells.column(SYMBOL), self._layout.symbols),
            event=times[EVENT_TIME],
            receive=times[RECEIVE_TIME],
            stream=stream,
            sequence=sequence,
            values=values,
        )
        return columns, doubtful


@contextmanager
def broken_as_source_error(file: InputFile) -> Iterator[None]:
    """Translate what pyarrow raises over a broken file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        said = str(error).partition("\n")[0]
        raise SourceArchiveError(name=file.name, expected="a Parquet file", found=said) from error


def _groups_from(metadata: Any, record: int) -> tuple[Sequence[int], int]:  # noqa: ANN401
    """Return the row groups from the one with ``record`` on, and its first record."""
    first = 0
    for group in range(metadata.num_row_groups):
        behind = first + metadata.row_group(group).num_rows
        if behind > record:
            return range(group, metadata.num_row_groups), first
        first = behind
    return (), first


def _table(file: InputFile) -> tuple[Table, int]:
    """Return a file's columns, its first times, and how many records it has."""
    with open_unchanged(file) as stream, broken_as_source_error(file):
        table = pq.ParquetFile(stream)
        types = {field.name: field.type for field in table.schema_arrow}
        timed = [name for name in (EVENT_TIME, RECEIVE_TIME) if name in types]
        _check_types(file.name, types)
        first = next(table.iter_batches(SAMPLE_RECORDS, columns=timed), None) if timed else None
        samples = {
            name: [text or "" for text in texts(first.column(name))] if first is not None else []
            for name in timed
        }
    forms = {name: form for name in timed if (form := form_of(types[name])) is not None}
    columns = [field.name for field in table.schema_arrow]
    described = Table(file=file, columns=columns, samples=samples, forms=forms)
    return described, int(table.metadata.num_rows)


def _check_types(name: str, types: Mapping[str, Any]) -> None:
    """Refuse columns whose type can hold nothing of what they should."""
    rules = {SYMBOL: is_text, STREAM: is_text, EVENT_TIME: is_time, RECEIVE_TIME: is_time}
    for column, kind in types.items():
        if column in COLUMNS and not rules.get(column, is_number)(kind):
            expected = "text" if column in (SYMBOL, STREAM) else "numbers, times or text"
            raise SourceLayoutError(name=name, expected=f"{column} as {expected}", found=str(kind))
