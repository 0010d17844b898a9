"""Which CSV files a path means, and what their headers and first records show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from torghut.adapters.sources.decoding.verdicts import RefusedError
from torghut.adapters.sources.errors import SourceLayoutError
from torghut.adapters.sources.linewise import LinePart, LineSource
from torghut.adapters.sources.reading.archives import expanded_size
from torghut.adapters.sources.reading.files import InputFile, digest_file, find_parts
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.adapters.sources.reading.lines import first_lines
from torghut.adapters.sources.tables.csvlines import CsvDecoder, split_fields
from torghut.adapters.sources.tables.layout import EVENT_TIME, RECEIVE_TIME
from torghut.adapters.sources.tables.plan import SAMPLE_RECORDS, Table, plan_layout
from torghut.adapters.sources.target import Target
from torghut.market.ports import Source, SourceDescription, SourcePart

SUFFIXES: Final = (".csv", ".csv.gz")

_BYTE_ORDER_MARK: Final = "\ufeff"


def open_csv(target: Target) -> Source:
    """Return the records in a CSV file or in the CSV files below a folder.

    Raises:
        SourceError: There are none, or they are not laid out as documented.
    """
    files = [digest_file(path) for path in find_parts(target.path, SUFFIXES, target.limits)]
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
    return LineSource(description, parts, limits=target.limits, machine_code=target.machine_code)


def _table(file: InputFile, limits: ReadLimits) -> Table:
    """Return a file's columns and its first times."""
    lines = first_lines(file, limits)
    header = next((_fields(line) for line in lines), ())
    if not any(header):
        found = "none, or one that is empty, oversized or no text"
        raise SourceLayoutError(name=file.name, expected="a header line", found=found)
    columns = [header[0].removeprefix(_BYTE_ORDER_MARK), *header[1:]]
    records = [_fields(line) for line in islice(lines, SAMPLE_RECORDS)]
    samples: dict[str, Sequence[str]] = {
        name: [fields[place] for fields in records if place < len(fields)]
        for place, name in enumerate(columns)
        if name in (EVENT_TIME, RECEIVE_TIME)
    }
    return Table(file=file, columns=columns, samples=samples, forms={})


def _fields(line: bytes) -> Sequence[str]:
    """Return the fields of a line, none where it cannot be read."""
    try:
        return split_fields(line)
    except RefusedError:
        return ()
