"""What CSV and Parquet tables mean: which columns, which times, and what is assumed and told."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.contract.sources.examples import (
    INSTRUMENTS,
    JUDGED,
    SCANNED,
    T0_NS,
    Outcome,
    csv_lines,
    open_example,
    read,
    write_text,
)
from torghut.adapters.sources.errors import (
    SourceArchiveError,
    SourceExtraMissingError,
    SourceLayoutError,
    SourceOptionError,
)
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.market.ports import Source
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream

S = 1_000_000_000


@pytest.fixture(params=[JUDGED, SCANNED], ids=["judged", "scanned"])
def limits(request: pytest.FixtureRequest) -> ReadLimits:
    """Return limits under which lines are judged, or scanned."""
    assert isinstance(request.param, ReadLimits)
    return request.param


def table(folder: Path, text: str, options: str = "", limits: ReadLimits | None = None) -> Source:
    """Open a CSV of this text."""
    path = write_text(folder / "a.csv", text.encode())
    return open_example(f"csv:{path}{options}", limits)


def outcome_of(folder: Path, text: str, limits: ReadLimits, options: str = "") -> Outcome:
    """Read a CSV of this text."""
    return read(table(folder, text, options, limits))[0]


def test_quote_has_both_times_and_its_own_sequence(tmp_path: Path, limits: ReadLimits) -> None:
    text = "symbol,event_time,receive_time,bid,ask,bid_size,ask_size,sequence\n"
    text += f"fxcm:NZDUSD,{T0_NS},{T0_NS + 5},0.8561,0.8563,1000,2000,77"
    source = table(tmp_path, text, limits=limits)
    [row] = read(source)[0].contexts

    assert source.description.symbols[row["symbol"]] == "fxcm:NZDUSD"
    assert (row["stream"], row["marks"], row["sequence"]) == (Stream.QUOTE, 0, 77)
    assert (row["event_ns"], row["receive_ns"]) == (T0_NS, T0_NS + 5)
    assert [row[n] for n in ("bid", "ask", "bid_size", "ask_size")] == [0.8561, 0.8563, 1000, 2000]


@pytest.mark.parametrize(
    ("cells", "marks", "event_ns", "receive_ns"),
    [
        (f"{T0_NS},", ContextFlag.RECEIVE_TIME_ASSUMED, T0_NS, T0_NS + 50_000_000),
        (f",{T0_NS}", ContextFlag.EVENT_TIME_ASSUMED, T0_NS, T0_NS),
        (f"{T0_NS},{T0_NS + 1}", ContextFlag(0), T0_NS, T0_NS + 1),
    ],
)
def test_missing_time_is_assumed_from_the_other(
    tmp_path: Path,
    limits: ReadLimits,
    cells: str,
    marks: ContextFlag,
    event_ns: int,
    receive_ns: int,
) -> None:
    text = f"symbol,event_time,receive_time,bid,ask\nfxcm:EURUSD,{cells},1,2"
    [row] = outcome_of(tmp_path, text, limits, "?time=ns").contexts

    assert (row["marks"], row["event_ns"], row["receive_ns"]) == (marks, event_ns, receive_ns)


def test_table_without_bid_and_ask_is_of_trades(tmp_path: Path, limits: ReadLimits) -> None:
    text = f"symbol,event_time,last,last_size\nfxcm:EURUSD,{T0_NS},1.38,5"
    [row] = outcome_of(tmp_path, text, limits).contexts

    assert (row["stream"], row["last"], row["last_size"]) == (Stream.TRADE, 1.38, 5)
    assert np.isnan(row["bid"])


@pytest.mark.parametrize(
    ("stream", "kept"),
    [
        ("quote", ("bid", "ask", "bid_size", "ask_size", "last", "last_size")),
        ("bar", ("bid", "ask", "bid_size", "ask_size", "last", "last_size")),
        ("trade", ("last", "last_size")),
        ("depth", ("bid_size", "ask_size")),
    ],
)
def test_each_stream_reads_its_own_columns(
    tmp_path: Path, limits: ReadLimits, stream: str, kept: tuple[str, ...]
) -> None:
    names = ("bid", "ask", "bid_size", "ask_size", "last", "last_size")
    text = f"symbol,event_time,stream,{','.join(names)}\nfxcm:EURUSD,{T0_NS},{stream},1,2,3,4,5,6"
    [row] = outcome_of(tmp_path, text, limits).contexts

    assert row["stream"] == Stream[stream.upper()]
    found = tuple(name for name in names if not np.isnan(row[name]))
    assert found == kept
    assert [row[name] for name in kept] == [names.index(name) + 1 for name in kept]


def test_bar_of_closes_alone_assumes_its_quote(tmp_path: Path, limits: ReadLimits) -> None:
    text = f"symbol,event_time,stream,bid,ask,last\nfxcm:EURUSD,{T0_NS},bar,,,1.38"
    [row] = outcome_of(tmp_path, text, limits).contexts

    assert row["bid"] == row["ask"] == row["last"] == 1.38
    assert row["marks"] & ContextFlag.QUOTE_ASSUMED


def test_sequence_declared_gapless_is_marked(tmp_path: Path, limits: ReadLimits) -> None:
    text = f"symbol,event_time,bid,ask,sequence\nfxcm:EURUSD,{T0_NS},1,2,7"

    for options, marked in (("", False), ("?sequence=gapless", True)):
        [row] = outcome_of(tmp_path, text, limits, options).contexts
        assert bool(row["marks"] & ContextFlag.SEQUENCED) is marked


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        (str(T0_NS), "ns"),
        (str(T0_NS // 1_000), "us"),
        (str(T0_NS // 1_000_000), "ms"),
        (str(T0_NS // S), "s"),
        ("2014-05-01T05:00:00Z", "rfc3339"),
        ("2014-05-01T01:00:00.000-04:00", "rfc3339"),
    ],
)
def test_form_of_times_is_seen_and_told(
    tmp_path: Path, limits: ReadLimits, cell: str, form: str
) -> None:
    text = f"symbol,event_time,bid,ask\nfxcm:EURUSD,{cell},1,2\nfxcm:EURUSD,nonsense,1,2"
    source = table(tmp_path, text, limits=limits)
    outcome, _ = read(source)

    assert source.description.assumptions["event_time"] == f"{form}, as seen in a.csv: {cell}"
    assert outcome.contexts["event_ns"].tolist() == [T0_NS]
    assert [item.refusal for item in outcome.quarantined] == [RefusalCode.WRONG_TYPE]


def test_declared_form_outranks_what_is_seen(tmp_path: Path, limits: ReadLimits) -> None:
    text = f"symbol,event_time,bid,ask\nfxcm:EURUSD,{T0_NS // 1_000_000},1,2"
    source = table(tmp_path, text, "?time=ns", limits)

    assert source.description.assumptions["event_time"] == "ns, as declared"
    [item] = read(source)[0].quarantined
    assert item.refusal is RefusalCode.TIME_OUT_OF_RANGE


def test_times_that_show_no_form_must_be_declared(tmp_path: Path) -> None:
    text = "symbol,event_time,bid,ask\nfxcm:EURUSD,20140501,1,2"

    with pytest.raises(SourceLayoutError, match=r"\?time="):
        table(tmp_path, text)


def test_table_without_records_is_empty(tmp_path: Path, limits: ReadLimits) -> None:
    assert outcome_of(tmp_path, "symbol,event_time,bid,ask", limits).records == 0


def test_two_tables_of_different_times_are_refused(tmp_path: Path) -> None:
    header = "symbol,event_time,bid,ask\n"
    write_text(tmp_path / "a.csv", f"{header}fxcm:EURUSD,{T0_NS},1,2".encode())
    write_text(tmp_path / "b.csv", f"{header}fxcm:EURUSD,{T0_NS // S},1,2".encode())

    with pytest.raises(SourceLayoutError, match=r"b\.csv: expected event_time as ns"):
        open_example(f"csv:{tmp_path}")
    assert read(open_example(f"csv:{tmp_path}?time=ns"))[0].records == 2


def test_two_tables_of_different_columns_are_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "a.csv", csv_lines(3, "symbol,event_time,bid,ask"))
    write_text(tmp_path / "b.csv", csv_lines(3, "symbol,event_time,ask,bid"))

    with pytest.raises(SourceLayoutError, match=r"columns of a\.csv"):
        open_example(f"csv:{tmp_path}")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "header line"),
        ("event_time,bid,ask", "column symbol"),
        ("Symbol,event_time,bid,ask", "column symbol"),
        ("symbol, event_time,bid,ask", "column event_time or receive_time"),
        ("symbol,event_time,bid", "bid and ask, or last"),
        ("symbol,event_time,bid,ask,bid", "each column once"),
        ("symbol;event_time;bid;ask", "column symbol"),
        ('symbol,"event_time', "header line"),
    ],
)
def test_table_without_what_a_context_needs_is_refused(
    tmp_path: Path, header: str, expected: str
) -> None:
    with pytest.raises(SourceLayoutError, match=expected):
        table(tmp_path, header + "\n1,2,3\n")


def test_oversized_header_is_no_header(tmp_path: Path) -> None:
    text = "symbol,event_time,bid,ask," + "x" * 70_000 + "\nsymbol,event_time,bid,ask\n"

    with pytest.raises(SourceLayoutError, match="header line"):
        table(tmp_path, text)


def test_byte_order_mark_before_the_header_is_passed_over(
    tmp_path: Path, limits: ReadLimits
) -> None:
    text = f"\ufeffsymbol,event_time,bid,ask\nfxcm:EURUSD,{T0_NS},1,2"

    assert len(outcome_of(tmp_path, text, limits).contexts) == 1


def test_columns_that_are_not_read_are_told(tmp_path: Path, limits: ReadLimits) -> None:
    text = f'symbol,event_time,venue,bid,ask,note\nfxcm:EURUSD,{T0_NS},X,1,2,"a, b"'
    source = table(tmp_path, text, limits=limits)

    assert source.description.assumptions["not read"] == "columns venue, note"
    assert len(read(source)[0].contexts) == 1


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ("?time=days", "time"),
        ("?sequence=gapless", "sequence"),
        ("?tz=x", "tz"),
        ("?time", "time"),
        ("?time=ns&time=ms", "time=ms"),
    ],
)
def test_option_that_cannot_be_is_refused(tmp_path: Path, options: str, option: str) -> None:
    with pytest.raises(SourceOptionError) as refused:
        table(tmp_path, "symbol,event_time,bid,ask\n", options)

    assert refused.value.option == option


def write_parquet(path: Path, **columns: pa.Array) -> str:
    """Write a Parquet table and return its URI."""
    good = {
        "symbol": pa.array(["fxcm:EURUSD"]),
        "event_time": pa.array([T0_NS]),
        "bid": pa.array([1.25]),
        "ask": pa.array([1.5]),
    }
    pq.write_table(pa.table({**good, **columns}), path)
    return f"parquet:{path}"


def test_parquet_and_csv_of_the_same_records_agree(tmp_path: Path) -> None:
    header = "symbol,event_time,receive_time,stream,bid,ask,last,last_size,sequence"
    text = csv_lines(40, header).decode()
    text += f"\nfxcm:GBPUSD,{T0_NS},,quote,1,2,,,9\nfxcm:EURUSD,{T0_NS},,quote,,2,,,9"
    text += f"\nfxcm:EURUSD,{T0_NS},,candle,1,2,,,9\nfxcm:EURUSD,{T0_NS},,bar,,,1.5,,11"
    names = header.split(",")
    cells = [line.split(",") for line in text.split("\n")[1:]]
    columns = dict(
        zip(
            names, ([c or None for c in column] for column in zip(*cells, strict=True)), strict=True
        )
    )
    types: dict[str, type] = dict.fromkeys(("event_time", "receive_time", "sequence"), int)
    types |= dict.fromkeys(("bid", "ask", "last", "last_size"), float)
    typed = {
        name: pa.array([None if c is None else types.get(name, str)(c) for c in column])
        for name, column in columns.items()
    }
    uri = write_parquet(tmp_path / "a.parquet", **typed)
    plain = outcome_of(tmp_path, text, JUDGED)
    packed, _ = read(open_example(uri))

    assert packed.contexts.tobytes() == plain.contexts.tobytes()
    for left, right in ((packed.quarantined, plain.quarantined), (packed.refused, plain.refused)):
        assert [(q.record, q.refusal) for q in left] == [(q.record, q.refusal) for q in right]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([T0_NS // S], pa.timestamp("s")),
        pa.array([T0_NS // 1_000_000], pa.timestamp("ms", tz="America/New_York")),
        pa.array([T0_NS // 1_000], pa.timestamp("us", tz="UTC")),
        pa.array([T0_NS], pa.timestamp("ns")),
        pa.array([T0_NS // S], pa.int32()),
        pa.array([T0_NS // 1_000_000], pa.int64()),
        pa.array([T0_NS], pa.uint64()),
        pa.array(["2014-05-01T05:00:00Z"]),
        pa.array([str(T0_NS // 1_000_000)], pa.large_string()),
    ],
    ids=lambda array: str(array.type),
)
def test_parquet_times_of_any_type_are_the_same_instant(tmp_path: Path, array: pa.Array) -> None:
    [row] = read(open_example(write_parquet(tmp_path / "a.parquet", event_time=array)))[0].contexts

    assert row["event_ns"] == T0_NS


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1.25], pa.float32()),
        pa.array([1.25], pa.float16()),
        pa.array([Decimal("1.25")]),
        pa.array(["1.25"]),
        pa.array(["1.25"]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_parquet_prices_of_any_type_are_the_same_number(tmp_path: Path, array: pa.Array) -> None:
    [row] = read(open_example(write_parquet(tmp_path / "a.parquet", bid=array)))[0].contexts

    assert (row["bid"], row["refusal"]) == (1.25, 0)


@pytest.mark.parametrize(
    ("column", "array", "refusal"),
    [
        ("symbol", pa.array([None], pa.string()), RefusalCode.MISSING_FIELD),
        ("symbol", pa.array(["fxcm:GBPUSD"]), RefusalCode.INSTRUMENT_UNDECLARED),
        ("symbol", pa.array(["a\0b"]), RefusalCode.UNDECODABLE),
        ("symbol", pa.array(["x" * 70_000]), RefusalCode.OVERSIZED_LINE),
        ("event_time", pa.array([-5]), RefusalCode.TIME_OUT_OF_RANGE),
        ("event_time", pa.array([5]), RefusalCode.TIME_OUT_OF_RANGE),
        ("event_time", pa.array([2**64 - 1], pa.uint64()), RefusalCode.TIME_OUT_OF_RANGE),
        ("event_time", pa.array([None], pa.int64()), RefusalCode.MISSING_FIELD),
        ("event_time", pa.array(["noon"]), RefusalCode.WRONG_TYPE),
        ("sequence", pa.array([-1]), RefusalCode.WRONG_TYPE),
        ("sequence", pa.array([2**63], pa.uint64()), RefusalCode.WRONG_TYPE),
        ("sequence", pa.array([1.5]), RefusalCode.WRONG_TYPE),
        ("bid", pa.array([None], pa.float64()), RefusalCode.MISSING_FIELD),
        ("bid", pa.array(["abc"]), RefusalCode.WRONG_TYPE),
        ("bid", pa.array([float("nan")]), RefusalCode.NONE),
        ("stream", pa.array(["candle"]), RefusalCode.UNKNOWN_MESSAGE),
    ],
)
def test_parquet_cell_out_of_the_ordinary_has_its_code(
    tmp_path: Path, column: str, array: pa.Array, refusal: RefusalCode
) -> None:
    uri = write_parquet(tmp_path / "a.parquet", **{column: array})
    outcome, _ = read(
        open_example(f"{uri}?time={'rfc3339' if 'string' in str(array.type) else 'ns'}")
    )

    found = [item.refusal for item in (*outcome.quarantined, *outcome.refused)]
    assert found == ([refusal] if refusal else [])
    assert outcome.records == 1


def test_parquet_text_that_is_not_utf8_is_undecodable(tmp_path: Path) -> None:
    symbol = pa.array([b"\xff\xfe"], pa.binary()).cast(pa.string(), safe=False)
    [item] = read(open_example(write_parquet(tmp_path / "a.parquet", symbol=symbol)))[0].quarantined

    assert item.refusal is RefusalCode.UNDECODABLE


@pytest.mark.parametrize(
    ("column", "array"),
    [
        ("symbol", pa.array([5])),
        ("bid", pa.array([True])),
        ("event_time", pa.array([1.5])),
        ("event_time", pa.array([1], pa.date32())),
        ("stream", pa.array([0])),
    ],
)
def test_parquet_column_that_can_hold_nothing_of_its_kind_is_refused(
    tmp_path: Path, column: str, array: pa.Array
) -> None:
    with pytest.raises(SourceLayoutError, match=column):
        open_example(write_parquet(tmp_path / "a.parquet", **{column: array}))


@pytest.mark.parametrize("cut", [0, 3, 100, -1])
def test_broken_parquet_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path)
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(SourceArchiveError):
        open_example(f"parquet:{path}")


def test_parquet_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uri = write_parquet(tmp_path / "a.parquet")
    for name in ("parquet", "arrowcells"):
        monkeypatch.delitem(sys.modules, f"torghut.adapters.sources.tables.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(SourceExtraMissingError, match=r"pyarrow.*torghut\[parquet\]"):
        open_example(uri)


def test_declared_latency_is_that_of_the_symbol(tmp_path: Path, limits: ReadLimits) -> None:
    text = csv_lines(2, "symbol,event_time,bid,ask").decode()
    rows = outcome_of(tmp_path, text, limits).contexts

    assert (rows["receive_ns"] - rows["event_ns"]).tolist() == [
        INSTRUMENTS[symbol].latency_ns for symbol in ("fxcm:EURUSD", "fxcm:NZDUSD")
    ]
