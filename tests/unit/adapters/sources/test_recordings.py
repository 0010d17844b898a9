"""What known lines of LEAN zips, Binance recordings and the demo's prices become."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.contract.sources.examples import (
    INSTRUMENTS,
    JUDGED,
    SCANNED,
    SNAPSHOT,
    T0_NS,
    Outcome,
    open_example,
    read,
    spot_messages,
    ticks,
    usdm_messages,
    write_gzip,
    write_zip,
)
from torghut.adapters.sources.errors import (
    SourceEmptyError,
    SourceExtraMissingError,
    SourceKindError,
    SourceLayoutError,
    SourceOptionError,
    SourceZoneError,
)
from torghut.adapters.sources.opening import open_source
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.adapters.sources.recordings import demo
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream
from torghut.schemas.control import DepthSnapshot

MS = 1_000_000
MINUTE = 60_000 * MS
BAR = b"1.38,1.39,1.37,1.3825,7,1.381,1.391,1.371,1.3826,8"


@pytest.fixture(params=[JUDGED, SCANNED], ids=["judged", "scanned"])
def limits(request: pytest.FixtureRequest) -> ReadLimits:
    """Return limits under which lines are judged, or scanned."""
    assert isinstance(request.param, ReadLimits)
    return request.param


def lean(path: Path, lines: bytes, limits: ReadLimits, member: str = "quotes.csv") -> Outcome:
    """Read one LEAN zip of these lines."""
    return read(open_example(f"lean:{write_zip(path, lines, member)}", limits))[0]


def recording(path: Path, lines: Sequence[bytes], limits: ReadLimits) -> Outcome:
    """Read one Binance recording of these lines."""
    written = write_gzip(path, b"\n".join(lines))
    return read(open_example(f"binance:{written}", limits))[0]


def test_tick_is_a_quote_at_its_time_in_utc(tmp_path: Path, limits: ReadLimits) -> None:
    path = tmp_path / "tick/eurusd/20140501_quote.zip"
    [row] = lean(path, b"1787,1.38727,1.38729\r\n", limits).contexts

    assert (row["stream"], row["sequence"], row["refusal"]) == (Stream.QUOTE, 0, 0)
    assert (row["bid"], row["ask"]) == (1.38727, 1.38729)
    assert np.isnan([row[name] for name in ("bid_size", "ask_size", "last", "last_size")]).all()
    assert row["event_ns"] == T0_NS + 1787 * MS
    assert row["receive_ns"] - row["event_ns"] == INSTRUMENTS["fxcm:EURUSD"].latency_ns
    assert row["marks"] == ContextFlag.RECEIVE_TIME_ASSUMED


def test_last_tick_without_line_end_counts(tmp_path: Path, limits: ReadLimits) -> None:
    outcome = lean(tmp_path / "tick/eurusd/20140501_quote.zip", ticks(3), limits)

    assert outcome.contexts["sequence"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(("resolution", "length_ns"), [("second", 1000 * MS), ("minute", MINUTE)])
def test_bar_happens_at_its_end(
    tmp_path: Path, limits: ReadLimits, resolution: str, length_ns: int
) -> None:
    path = tmp_path / resolution / "eurusd/20140501_quote.zip"
    [row] = lean(path, b"60000," + BAR, limits).contexts

    assert row["stream"] == Stream.BAR
    assert row["event_ns"] == T0_NS + MINUTE + length_ns
    assert [row[name] for name in ("bid", "bid_size", "ask", "ask_size")] == [1.3825, 7, 1.3826, 8]


def test_hour_is_labelled_by_the_clock_at_its_start(tmp_path: Path, limits: ReadLimits) -> None:
    lines = [b"20140501 00:00," + BAR, b"20140102 23:00," + BAR]
    rows = lean(tmp_path / "hour/eurusd.zip", b"\n".join(lines), limits).contexts
    shown = [datetime.fromtimestamp(ns // 10**9, UTC).isoformat() for ns in rows["event_ns"]]

    assert shown == ["2014-05-01T06:00:00+00:00", "2014-01-03T05:00:00+00:00"]


@pytest.mark.parametrize("days", [("20140308", "20140309"), ("20141101", "20141102")])
def test_clock_neither_skips_nor_repeats_an_hour(
    tmp_path: Path, limits: ReadLimits, days: Sequence[str]
) -> None:
    clocks = [f"{day} {hour:02d}:00," for day in days for hour in range(24)]
    lines = b"\n".join(clock.encode() + BAR for clock in clocks)
    outcome = lean(tmp_path / "hour/eurusd.zip", lines, limits)

    assert outcome.quarantined == []
    assert np.diff(outcome.contexts["event_ns"]).tolist() == [60 * MINUTE] * 47


@pytest.mark.parametrize("day", ["00010101", "19691231", "22000101", "99991231"])
def test_day_that_no_context_has_is_out_of_range(
    tmp_path: Path, limits: ReadLimits, day: str
) -> None:
    outcome = lean(tmp_path / f"tick/eurusd/{day}_quote.zip", ticks(3), limits)

    assert [item.refusal for item in outcome.quarantined] == [RefusalCode.TIME_OUT_OF_RANGE] * 3


def test_zips_are_read_by_day_then_pair(tmp_path: Path) -> None:
    for pair in ("nzdusd", "eurusd"):
        for day in ("20140502", "20140501"):
            write_zip(tmp_path / f"tick/{pair}/{day}_quote.zip", ticks(1))

    names = [part.name for part in open_example(f"lean:{tmp_path}").description.parts]
    assert names == [
        "eurusd/20140501_quote.zip",
        "nzdusd/20140501_quote.zip",
        "eurusd/20140502_quote.zip",
        "nzdusd/20140502_quote.zip",
    ]


def test_one_resolution_is_chosen_among_several(tmp_path: Path) -> None:
    write_zip(tmp_path / "tick/eurusd/20140501_quote.zip", ticks(4))
    write_zip(tmp_path / "minute/eurusd/20140501_quote.zip", b"0," + BAR)
    write_zip(tmp_path / "tick/eurusd/20140501_trade.zip", b"")

    with pytest.raises(SourceLayoutError, match="minute, tick"):
        open_example(f"lean:{tmp_path}")
    chosen = open_example(f"lean:{tmp_path}?resolution=tick")
    assert len(chosen.description.parts) == 1
    assert chosen.description.assumptions["not read"].startswith("2 zips")
    with pytest.raises(SourceEmptyError, match="hour"):
        open_example(f"lean:{tmp_path}?resolution=hour")


def test_name_inside_a_zip_tells_pair_and_resolution(tmp_path: Path, limits: ReadLimits) -> None:
    member = "20140501_nzdusd_minute_quote.csv"
    path = tmp_path / "downloads/20140501_quote.zip"
    rows = lean(path, b"0," + BAR, limits, member).contexts

    assert rows["stream"].tolist() == [Stream.BAR]
    assert rows["receive_ns"][0] - rows["event_ns"][0] == INSTRUMENTS["fxcm:NZDUSD"].latency_ns


def test_folder_and_name_inside_must_agree(tmp_path: Path, limits: ReadLimits) -> None:
    path = tmp_path / "tick/eurusd/20140501_quote.zip"

    with pytest.raises(SourceLayoutError, match="tick of eurusd"):
        lean(path, ticks(1), limits, "20140501_nzdusd_tick_quote.csv")


@pytest.mark.parametrize(
    "place",
    [
        "downloads/20140501_quote.zip",
        "tick/eurusd/20141301_quote.zip",
        "tick/eurusd/a.zip",
        "daily/eurusd.zip",
        "hour/eurusd/20140501_quote.zip",
        "eurusd.zip",
    ],
)
def test_zip_whose_names_do_not_tell_what_it_is_is_refused(tmp_path: Path, place: str) -> None:
    path = write_zip(tmp_path / place, ticks(1))

    with pytest.raises(SourceLayoutError):
        open_example(f"lean:{path}")


def test_pair_that_is_not_declared_is_refused_record_by_record(
    tmp_path: Path, limits: ReadLimits
) -> None:
    outcome = lean(tmp_path / "tick/usdjpy/20140501_quote.zip", ticks(5), limits)

    assert [item.refusal for item in outcome.quarantined] == [RefusalCode.INSTRUMENT_UNDECLARED] * 5


def test_spot_messages_become_contexts(tmp_path: Path, limits: ReadLimits) -> None:
    rows = recording(tmp_path / "spot/btcusdt_20240808.gz", spot_messages(3), limits).contexts
    quote, trade, depth = rows

    assert quote["event_ns"] == quote["receive_ns"] == 1_723_161_253_000_000_000
    assert quote["marks"] == ContextFlag.EVENT_TIME_ASSUMED
    assert (quote["bid"], quote["bid_size"], quote["sequence"]) == (61837.1, 3.78, 500)
    assert (trade["last"], trade["last_size"], trade["sequence"]) == (61837.11, 0.02, 70)
    assert trade["event_ns"] == 1_723_161_254_277_000_000 > trade["receive_ns"]
    assert trade["marks"] == ContextFlag.SEQUENCED
    assert np.isnan([trade[name] for name in ("bid", "ask", "bid_size", "ask_size")]).all()
    assert (depth["bid_size"], depth["ask_size"]) == (0.1 + 0.2, 0.3)
    assert np.isnan([depth[name] for name in ("bid", "ask", "last", "last_size")]).all()
    assert (depth["sequence"], depth["marks"]) == (502, 0)


def test_futures_quotes_have_a_time_of_their_own(tmp_path: Path, limits: ReadLimits) -> None:
    outcome = recording(tmp_path / "usdm/btcusdt_20240808.gz", usdm_messages(3), limits)

    assert outcome.contexts["stream"].tolist() == [Stream.QUOTE, Stream.TRADE, Stream.DEPTH]
    assert outcome.contexts["event_ns"][0] == 1_723_161_254_270_000_000
    assert outcome.contexts["marks"].tolist() == [0, ContextFlag.SEQUENCED, 0]


def test_snapshot_is_a_control_record(tmp_path: Path, limits: ReadLimits) -> None:
    lines = [*spot_messages(2), SNAPSHOT, *spot_messages(1)]
    outcome = recording(tmp_path / "spot/btcusdt_20240808.gz", lines, limits)
    [(row, snapshot)] = outcome.controls

    assert row == 2
    assert isinstance(snapshot, DepthSnapshot)
    assert snapshot.symbol == "binance-spot:BTCUSDT"
    assert snapshot.effective_at_ns == 1_723_161_254_206_652_067
    assert (snapshot.update_id, snapshot.bids, snapshot.asks) == (518, 2, 1)
    assert snapshot.body_digest == hashlib.sha256(SNAPSHOT.partition(b" ")[2]).hexdigest()


def test_same_snapshot_has_the_same_id_and_another_does_not(
    tmp_path: Path, limits: ReadLimits
) -> None:
    lines = [SNAPSHOT, SNAPSHOT, SNAPSHOT.replace(b"518", b"519")]
    path = tmp_path / "spot/btcusdt_20240808.gz"
    first, again, other = (r.control_id for _, r in recording(path, lines, limits).controls)

    assert first == again != other


def test_snapshot_of_a_file_named_after_no_pair_is_refused(
    tmp_path: Path, limits: ReadLimits
) -> None:
    [item] = recording(tmp_path / "spot/recorded.gz", [SNAPSHOT], limits).quarantined

    assert item.refusal is RefusalCode.MISSING_FIELD


def test_snapshot_of_a_pair_that_is_not_declared_is_refused(
    tmp_path: Path, limits: ReadLimits
) -> None:
    [item] = recording(tmp_path / "spot/dogeusdt_20240808.gz", [SNAPSHOT], limits).quarantined

    assert item.refusal is RefusalCode.INSTRUMENT_UNDECLARED


def test_market_is_told_by_folder_or_option(tmp_path: Path) -> None:
    path = write_gzip(tmp_path / "btcusdt_20240808.gz", b"\n".join(usdm_messages(3)))

    with pytest.raises(SourceLayoutError, match="spot or usdm"):
        open_example(f"binance:{path}")
    source = open_example(f"binance:{path}?market=usdm")
    assert source.description.symbols == ["binance-usdm:BTCUSDT"]
    assert len(read(source)[0].contexts) == 3
    with pytest.raises(SourceOptionError, match="market"):
        open_example(f"binance:{path}?market=coinm")


def test_demo_is_twenty_years_of_closes_in_two_parts() -> None:
    source = open_example("demo:")
    rows = read(source)[0].contexts
    first, last = rows[0], rows[5030]

    assert source.description.symbols == ["index:NASDAQ", "index:SP500"]
    assert [part.name for part in source.description.parts] == ["sp500.csv.gz", "nasdaq.csv.gz"]
    assert len(rows) == 10_062
    assert first["bid"] == first["ask"] == first["last"] == 1228.099976
    assert datetime.fromtimestamp(int(first["event_ns"]) // 10**9, UTC).isoformat() == (
        "1999-01-04T21:00:00+00:00"
    )
    assert (last["last"], last["last_size"]) == (2506.850098, 3_442_870_000)
    assert set(rows["marks"].tolist()) == {
        ContextFlag.RECEIVE_TIME_ASSUMED | ContextFlag.QUOTE_ASSUMED
    }
    assert set(rows["refusal"].tolist()) == {0}
    assert (np.diff(rows["event_ns"][:5031]) > 0).all()


def test_demo_can_be_one_index() -> None:
    source = open_example("demo:nasdaq")

    assert source.description.symbols == ["index:NASDAQ"]
    assert len(read(source)[0].contexts) == 5_031
    assert "NCSA" in source.description.licence


@pytest.mark.parametrize("uri", ["demo:dax", "demo:../sp500", "demo:sp500/x"])
def test_demo_that_is_not_there_is_refused(uri: str) -> None:
    with pytest.raises(SourceKindError, match="demo:sp500"):
        open_example(uri)


def test_demo_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PACKAGE", "not_installed_here")

    with pytest.raises(SourceExtraMissingError, match=r"torghut\[demo\]"):
        open_example("demo:")


def test_demo_of_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "lookalike"
    write_gzip(package / "data/sp500/sp500.csv.gz", b"Date,Close\r\n1/4/1999,1\r\n")
    (package / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(demo, "PACKAGE", "lookalike")

    with pytest.raises(SourceLayoutError, match="Adj Close"):
        open_example("demo:sp500")


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        (b"1/5/1999,1,1,1,2,2,3", None),
        (b"1/5/1999,1,1,1,,2,3", RefusalCode.MISSING_FIELD),
        (b"1/5/1999,1,1,1,null,2,3", RefusalCode.WRONG_TYPE),
        (b"13/5/1999,1,1,1,2,2,3", RefusalCode.WRONG_TYPE),
        (b"1999-01-05,1,1,1,2,2,3", RefusalCode.WRONG_TYPE),
        (b",1,1,1,2,2,3", RefusalCode.MISSING_FIELD),
        (b"1/5/1969,1,1,1,2,2,3", RefusalCode.TIME_OUT_OF_RANGE),
        (b"1/5/1999,1,1", RefusalCode.UNDECODABLE),
    ],
)
def test_demo_of_other_days_is_judged_like_any_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: bytes, refusal: RefusalCode | None
) -> None:
    header = b"Date,Open,High,Low,Close,Adj Close,Volume\r\n"
    write_gzip(tmp_path / "lookalike/data/sp500/sp500.csv.gz", header + line)
    (tmp_path / "lookalike/__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(demo, "PACKAGE", "lookalike")
    outcome, _ = read(open_example("demo:sp500"))

    found = [item.refusal for item in (*outcome.quarantined, *outcome.refused)]
    assert found == ([refusal] if refusal else [])
    assert outcome.records == 1


def test_demo_keeps_new_yorks_clock_in_winter_and_summer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = (
        b"Date,Open,High,Low,Close,Adj Close,Volume\r\n1/5/1999,1,1,1,2,2,3\r\n7/6/1999,1,1,1,2,2,3"
    )
    write_gzip(tmp_path / "lookalike/data/sp500/sp500.csv.gz", lines)
    (tmp_path / "lookalike/__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(demo, "PACKAGE", "lookalike")
    rows = read(open_example("demo:sp500"))[0].contexts

    assert [datetime.fromtimestamp(ns // 10**9, UTC).hour for ns in rows["event_ns"]] == [21, 20]


def test_demo_without_zone_database_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "ZONE", "Nowhere/Atlantis")

    with pytest.raises(SourceZoneError, match="tzdata"):
        open_example("demo:")


def test_demo_loads_neither_its_package_nor_pandas() -> None:
    script = (
        "import sys; from torghut.adapters.sources.opening import open_source; "
        "from torghut.market.ports import Cursor; "
        "next(open_source('demo:', {}).batches(after=Cursor(), max_records=9)); "
        "sys.exit(bool({'arch', 'pandas', 'pyarrow'} & sys.modules.keys()))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_without_declared_instruments_nothing_is_a_context() -> None:
    outcome, _ = read(open_source("demo:sp500", {}))

    assert len(outcome.contexts) == 0
    assert {item.refusal for item in outcome.quarantined} == {RefusalCode.INSTRUMENT_UNDECLARED}
