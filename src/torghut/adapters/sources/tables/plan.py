"""One layout for all tables of a source: same columns and times, every assumption told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.adapters.sources.decoding.times import TimeForm, detect_form
from torghut.adapters.sources.errors import SourceLayoutError, SourceOptionError
from torghut.adapters.sources.reading.files import InputFile
from torghut.adapters.sources.tables.layout import (
    COLUMNS,
    EVENT_TIME,
    GAPLESS,
    RECEIVE_TIME,
    SEQUENCE,
    STREAM,
    Layout,
    check_columns,
    default_stream,
)
from torghut.adapters.sources.target import Target
from torghut.schemas.codes import published_name

OPTIONS: Final[Mapping[str, Sequence[str]]] = {
    "time": tuple(TimeForm),
    "sequence": (GAPLESS,),
}
"""What may stand after the ``?`` of a table's URI."""

SAMPLE_RECORDS: Final = 1_000
"""How many records are looked at to see how times are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file of records under named columns.

    Attributes:
        columns: All of its columns, in their order.
        samples: The first cells of its columns of times, as text.
        forms: The form of times where the file itself says it.
    """

    file: InputFile
    columns: Sequence[str]
    samples: Mapping[str, Sequence[str]]
    forms: Mapping[str, TimeForm]


def plan_layout(target: Target, tables: Sequence[Table]) -> tuple[Layout, Mapping[str, str]]:
    """Return how all of ``tables`` are read, and what is assumed in words.

    Raises:
        SourceLayoutError: They differ, lack a column, or do not show how times are written.
        SourceOptionError: An option does not fit them.
    """
    options = target.choose(OPTIONS)
    columns = tables[0].columns
    for table in tables:
        check_columns(table.file.name, table.columns)
        if tuple(table.columns) != tuple(columns):
            expected = f"the columns of {tables[0].file.name}: {', '.join(columns)}"
            found = ", ".join(table.columns)
            raise SourceLayoutError(name=table.file.name, expected=expected, found=found)
    if "sequence" in options and SEQUENCE not in columns:
        raise SourceOptionError(option="sequence", expected="a column sequence", found="none")
    declared = TimeForm(options["time"]) if "time" in options else None
    forms = {
        column: _agreed_form(column, tables, declared)
        for column in (EVENT_TIME, RECEIVE_TIME)
        if column in columns
    }
    symbols = target.symbols()
    layout = Layout(
        columns=frozenset(columns) & frozenset(COLUMNS),
        event_form=forms.get(EVENT_TIME, (TimeForm.NS, ""))[0],
        receive_form=forms.get(RECEIVE_TIME, (TimeForm.NS, ""))[0],
        stream=default_stream(columns),
        gapless="sequence" in options,
        symbols={symbol: number for number, symbol in enumerate(symbols)},
        latencies=target.latencies(symbols),
    )
    return layout, _told(columns, layout, {name: words for name, (_, words) in forms.items()})


def _agreed_form(
    column: str, tables: Sequence[Table], declared: TimeForm | None
) -> tuple[TimeForm, str]:
    """Return the one form in which all tables write a column, and how it is known."""
    first = _form(column, tables[0], declared)
    for table in tables[1:]:
        form, known = _form(column, table, declared)
        if form is not first[0]:
            expected = f"{column} as {first[0]}, as in {tables[0].file.name}"
            raise SourceLayoutError(name=table.file.name, expected=expected, found=known)
    return first


def _form(column: str, table: Table, declared: TimeForm | None) -> tuple[TimeForm, str]:
    """Return how one table writes a column, and how it is known."""
    if column in table.forms:
        return table.forms[column], f"{table.forms[column]}, as the file itself says"
    if declared is not None:
        return declared, f"{declared}, as declared"
    texts = [text for text in table.samples[column] if text]
    for text in texts:
        if (form := detect_form(text)) is not None:
            return form, f"{form}, as seen in {table.file.name}: {text}"
    if texts or table.samples[column]:
        expected = f"a {column} between 1973 and 2200 among the first records, or ?time="
        found = repr(texts[0][:40]) if texts else "empty cells"
        raise SourceLayoutError(name=table.file.name, expected=expected, found=found)
    return TimeForm.NS, f"{TimeForm.NS}; there is no record to see it in"


def _told(columns: Sequence[str], layout: Layout, forms: Mapping[str, str]) -> Mapping[str, str]:
    """Return what is assumed about the tables, in words."""
    told = {
        "zone": "UTC, or the offset that a time names",
        EVENT_TIME: forms.get(EVENT_TIME, "no column: receive time"),
        RECEIVE_TIME: forms.get(RECEIVE_TIME, "no column: event time + declared latency"),
    }
    if STREAM not in columns:
        told[STREAM] = f"no column: every record is a {published_name(layout.stream)}"
    if SEQUENCE not in columns:
        told[SEQUENCE] = "no column: the record's ordinal in its file"
    elif layout.gapless:
        told[SEQUENCE] = "gapless, as declared: a jump is a gap"
    else:
        told[SEQUENCE] = "the source's own; a jump is no gap"
    if ignored := [column for column in columns if column not in COLUMNS]:
        told["not read"] = f"columns {', '.join(ignored)}"
    return told
