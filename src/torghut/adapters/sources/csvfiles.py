"""Which CSV files a path means, and what their headers and first records show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from torghut.adapters.sources.csvtable import CsvDecoder, split_fields
from torghut.adapters.sources.decoding.linetext import decode_line
from torghut.adapters.sources.errors import SourceLayoutError
from torghut.adapters.sources.layout import EVENT_TIME, RECEIVE_TIME
from torghut.adapters.sources.linewise import LinePart, LineSource
from torghut.adapters.sources.reading.archives import expanded_size
from torghut.adapters.sources.reading.files import InputFile, digest_file, find_files
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.adapters.sources.reading.lines import first_lines
from torghut.adapters.sources.tables import SAMPLE_RECORDS, Table, plan_layout
from torghut.adapters.sources.target import Target
from torghut.market.ports import Source, SourceDescription, SourcePart

SUFFIXES: Final = (".csv", ".csv.gz")

_BYTE_ORDER_MARK: Final = "\ufeff"


def open_csv(target: Target) -> Source:
    """Return the records in a CSV file or in the CSV files below a folder.

    Raises:
        SourceError: There are none, or they are not laid out as documented.
    """
    files = [digest_file(path) for path in find_files(target.path, SUFFIXES)]
    tables = [_table(file, target.limits) for file in files]
    layout, told = plan_layout(target, tables)
    description = SourceDescription(
        kind="csv",
        parts=[
            SourcePart(name=file.name, digest=file.digest, bytes_total=expanded_size(file))
            for file in files
        ],
        symbols=list(layout.symbols),
        columns=tables[0].columns,
        assumptions=told,
    )
    parts = [
        LinePart(file=table.file, decoder=CsvDecoder(table.columns, layout)) for table in tables
    ]
    return LineSource(description, parts, limits=target.limits, cache_root=target.cache_root)


def _table(file: InputFile, limits: ReadLimits) -> Table:
    """Return a file's columns and its first times."""
    lines = list(islice(first_lines(file, limits), SAMPLE_RECORDS + 1))
    header = split_fields(decode_line(lines[0])) if lines else None
    if header is None:
        found = "an empty file" if not lines else "a line that is no text"
        raise SourceLayoutError(name=file.name, expected="a header line", found=found)
    columns = [header[0].removeprefix(_BYTE_ORDER_MARK), *header[1:]]
    cells = [split_fields(decode_line(line)) for line in lines[1:]]
    samples = {
        name: _column(cells, columns.index(name))
        for name in (EVENT_TIME, RECEIVE_TIME)
        if name in columns
    }
    return Table(file=file, columns=columns, samples=samples, forms={})


def _column(cells: Sequence[Sequence[str] | None], index: int) -> Sequence[str]:
    """Return one column of the lines that have it."""
    return [fields[index] for fields in cells if fields is not None and index < len(fields)]

