"""One small source of each kind, good and bad records mixed, written where a test wants it."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.decisions.kernels import code_store
from torghut.adapters.sources.opening import open_source
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.adapters.sources.target import InstrumentTiming
from torghut.market.ports import Batch, ContextArray, Cursor, Quarantined, Source
from torghut.schemas.control import ControlRecord
from torghut.schemas.rows import CONTEXT

INSTRUMENTS: Final[Mapping[str, InstrumentTiming]] = {
    "fxcm:EURUSD": InstrumentTiming(latency_ns=50_000_000),
    "fxcm:NZDUSD": InstrumentTiming(latency_ns=60_000_000),
    "binance-spot:BTCUSDT": InstrumentTiming(latency_ns=50_000_000),
    "binance-spot:ETHUSDT": InstrumentTiming(latency_ns=50_000_000),
    "binance-usdm:BTCUSDT": InstrumentTiming(latency_ns=50_000_000),
    "index:SP500": InstrumentTiming(latency_ns=0),
    "index:NASDAQ": InstrumentTiming(latency_ns=0),
}

SCANNED: Final = ReadLimits(scanner_from_bytes=0)
"""Every source goes through the scanner, however small."""

JUDGED: Final = ReadLimits(scanner_from_bytes=1 << 60)
"""Every line is judged, however large the source."""

T0_NS: Final = 1_398_920_400_000_000_000  # 2014-05-01T05:00:00Z, midnight by LEAN's clocks


def write_zip(path: Path, lines: bytes, member: str = "quotes.csv") -> Path:
    """Write a zip of one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(member), lines)
    return path


def write_gzip(path: Path, lines: bytes) -> Path:
    """Write a gzip file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(lines, mtime=0))
    return path


def write_text(path: Path, lines: bytes) -> Path:
    """Write a plain file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines)
    return path


def ticks(count: int, first_ms: int = 1_000) -> bytes:
    """Return LEAN ticks, CRLF behind each but the last."""
    return b"\r\n".join(
        b"%d,1.387%02d,1.387%02d" % (first_ms + 250 * i, i % 50, i % 50 + 2) for i in range(count)
    )


def bars(count: int) -> bytes:
    """Return LEAN minute bars."""
    return b"\n".join(
        b"%d,1.38,1.39,1.37,1.38%02d,0,1.38,1.39,1.37,1.39%02d,5" % (60_000 * i, i % 90, i % 90)
        for i in range(count)
    )


def message(
    receive_ns: int, stream: str, data: Mapping[str, object], *, spaced: bool = False
) -> bytes:
    """Return a line of a Binance recording."""
    separators = None if spaced else (",", ":")
    body = json.dumps({"stream": stream, "data": data}, separators=separators)
    return f"{receive_ns} {body}".encode()


def spot_messages(count: int) -> Sequence[bytes]:
    """Return quotes, trades and depth updates as the spot market sends them."""
    lines: list[bytes] = []
    for i in range(count):
        at = 1_723_161_253_000_000_000 + 7_000_000 * i
        event = {"E": at // 1_000_000 + 1270, "s": "BTCUSDT"}
        price = f"61837.{i % 90 + 10}000000"
        match i % 3:
            case 0:
                quote = {"u": 500 + i, "s": "BTCUSDT", "b": price, "B": "3.78", "a": price}
                lines.append(message(at, "btcusdt@bookTicker", {**quote, "A": "1.5"}))
            case 1:
                trade = {"e": "trade", **event, "t": 70 + i // 3, "p": price, "q": "0.02"}
                rest = {"T": event["E"], "m": i % 2 == 0, "M": True}
                lines.append(message(at, "btcusdt@trade", {**trade, **rest}))
            case _:
                levels = [[price, "0.1"], [price, "0.2"], [price, "0.3"]]
                depth = {"e": "depthUpdate", **event, "U": 490 + i, "u": 500 + i}
                data = {**depth, "b": levels[: i % 4], "a": levels[i % 3 :]}
                lines.append(message(at, "btcusdt@depth@100ms", data))
    return lines


def usdm_messages(count: int) -> Sequence[bytes]:
    """Return quotes, trades and depth updates as the futures market sends them."""
    lines: list[bytes] = []
    for i in range(count):
        at = 1_723_161_253_000_000_000 + 5_000_000 * i
        ms = at // 1_000_000 + 1270
        match i % 3:
            case 0:
                quote = {"e": "bookTicker", "u": 900 + i, "s": "BTCUSDT", "b": "61800.20"}
                rest = {"B": "2.507", "a": "61800.30", "A": "2.510", "T": ms, "E": ms}
                lines.append(message(at, "btcusdt@bookTicker", {**quote, **rest}))
            case 1:
                trade = {"e": "trade", "E": ms, "T": ms, "s": "BTCUSDT", "t": 5 + i // 3}
                rest = {"p": "61800.30", "q": "0.006", "X": "MARKET", "m": False}
                lines.append(message(at, "btcusdt@trade", {**trade, **rest}))
            case _:
                depth = {"e": "depthUpdate", "E": ms, "T": ms, "s": "BTCUSDT", "U": i, "u": 2 * i}
                data = {**depth, "pu": i, "b": [["58710.20", "0.014"]], "a": []}
                lines.append(message(at, "btcusdt@depth@0ms", data))
    return lines


SNAPSHOT: Final = (
    b'1723161254206652067 {"lastUpdateId":518,"bids":[["61837.63","3.7"],["61837.62","0.6"]],'
    b'"asks":[["61837.64","1.5"]]}'
)


def csv_lines(count: int, header: str = "symbol,event_time,receive_time,bid,ask,sequence") -> bytes:
    """Return a table whose cells are what its header asks for."""
    names = header.split(",")
    records = [header]
    for i in range(count):
        cells = {
            "symbol": ("fxcm:EURUSD", "fxcm:NZDUSD")[i % 2],
            "event_time": str(T0_NS + i * 1_000_000_000),
            "receive_time": str(T0_NS + i * 1_000_000_000 + 1_000) if i % 5 else "",
            "bid": f"1.38{i % 90:02d}",
            "ask": f"1.39{i % 90:02d}",
            "sequence": str(1000 + 2 * i),
            "last": f"1.385{i % 10}",
            "last_size": str(i),
            "stream": ("quote", "trade", "bar", "depth")[i % 4],
        }
        records.append(",".join(cells.get(name, "") for name in names))
    return "\n".join(records).encode()


def lean_tick(folder: Path) -> str:
    """Write four zips of two days and two pairs; one has bad lines, one is empty."""
    bad = b"\r\n0,1.3\r\n90000000,1.3,1.4\r\n\r\n,1.3,1.4\r\n7,x,1.4\r\n8,,1.4\r\n9,nan,1e400\r\n"
    write_zip(folder / "tick/eurusd/20140501_quote.zip", ticks(40) + bad + ticks(9, 50_000))
    write_zip(folder / "tick/eurusd/20140502_quote.zip", ticks(25))
    write_zip(folder / "tick/nzdusd/20140501_quote.zip", b"")
    write_zip(folder / "tick/nzdusd/20140502_quote.zip", ticks(31) + b"\r\n")
    return f"lean:{folder / 'tick'}"


def lean_minute(folder: Path) -> str:
    """Write minute bars, one with a missing side."""
    lines = bars(30) + b"\n1800000,,,,,,1.3,1.4,1.2,1.3,0\n" + bars(5)
    write_zip(folder / "minute/eurusd/20140501_quote.zip", lines)
    return f"lean:{folder / 'minute'}"


def lean_hour(folder: Path) -> str:
    """Write hourly bars of the days on which New York changes its clocks."""
    clocks = [f"2014{d} {h:02d}:00" for d in ("0308", "0309", "1101", "1102") for h in range(24)]
    clocks += ["20140230 00:00", "2014030 00:00", "20140501 24:00"]
    lines = "\n".join(f"{clock},1,2,0.5,1.5,0,1,2,0.5,1.6,0" for clock in clocks)
    write_zip(folder / "hour/eurusd.zip", lines.encode())
    return f"lean:{folder / 'hour'}"


def binance(folder: Path) -> str:
    """Write recordings of both markets, with snapshots and lines that are none."""
    spot = [*spot_messages(40), SNAPSHOT, b"", b"17 {", *spot_messages(5), SNAPSHOT]
    write_gzip(folder / "spot/btcusdt_20240808.gz", b"\n".join(spot))
    usdm = [*usdm_messages(20), b'1723161254206652067 {"result":null}', *usdm_messages(3)]
    write_gzip(folder / "usdm/btcusdt_20240808.gz", b"\n".join(usdm) + b"\n")
    return f"binance:{folder}"


def csv_table(folder: Path) -> str:
    """Write two tables, one compressed; some records are of other instruments or no text."""
    bad = b"\nfxcm:GBPUSD,%d,,1,2,7\n\xff\xfe\nfxcm:EURUSD,%d,,abc,2,7\n" % (T0_NS, T0_NS)
    write_text(folder / "a.csv", csv_lines(50) + bad)
    write_gzip(folder / "b.csv.gz", csv_lines(20))
    return f"csv:{folder}"


def csv_streams(folder: Path) -> str:
    """Write one table of every kind of message, without receive times."""
    header = "symbol,event_time,stream,bid,ask,last,last_size,note"
    write_text(folder / "mixed.csv", csv_lines(40, header))
    return f"csv:{folder / 'mixed.csv'}"


def csv_rfc3339(folder: Path) -> str:
    """Write a table with times in text, some with a zone of their own."""
    times = ["2024-08-08T23:54:15.5Z", "2024-08-09T00:54:15.500000001Z", "2024-02-29T00:00:00Z"]
    times += ["2024-08-08T23:54:16+02:00", "2023-02-29T00:00:00Z", "2024-08-08T24:00:00Z", ""]
    lines = [f"{time},fxcm:EURUSD,1.3,1.4" for time in times * 4]
    write_text(folder / "times.csv", "\n".join(["event_time,symbol,bid,ask", *lines]).encode())
    return f"csv:{folder / 'times.csv'}"


def parquet(folder: Path) -> str:
    """Write a table of three row groups with nulls, NaN and an instrument that is not declared."""
    count = 50
    symbols = np.array(["fxcm:EURUSD", "fxcm:NZDUSD", "fxcm:GBPUSD"])[np.arange(count) % 3]
    event = [None if i == 7 else T0_NS + i * 1_000_000 for i in range(count)]
    bid = [None if i == 9 else float("nan") if i == 12 else 1.38 + i / 1000 for i in range(count)]
    table = pa.table(
        {
            "symbol": pa.array(symbols).dictionary_encode(),
            "event_time": pa.array(event, pa.timestamp("ns", tz="UTC")),
            "bid": pa.array(bid, pa.float64()),
            "ask": pa.array(np.full(count, 1.5)),
            "sequence": pa.array(np.arange(count) * 2),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "a.parquet", row_group_size=20)
    pq.write_table(table.slice(0, 11), folder / "b.parquet")
    return f"parquet:{folder}"


def demo(_folder: Path) -> str:
    """Name the prices that ship inside a dependency."""
    return "demo:"


EXAMPLES: Final[Mapping[str, Callable[[Path], str]]] = {
    "lean-tick": lean_tick,
    "lean-minute": lean_minute,
    "lean-hour": lean_hour,
    "binance": binance,
    "csv": csv_table,
    "csv-streams": csv_streams,
    "csv-rfc3339": csv_rfc3339,
    "parquet": parquet,
    "demo": demo,
}
"""By name, what writes a source below a folder and returns its URI."""


def open_example(uri: str, limits: ReadLimits | None = None) -> Source:
    """Open a source with the instruments that the examples declare."""
    return open_source(uri, INSTRUMENTS, limits=limits, machine_code=code_store())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that came of a source, whatever the batches."""

    contexts: ContextArray
    quarantined: Sequence[Quarantined]
    refused: Sequence[Quarantined]
    controls: Sequence[tuple[int, ControlRecord]]

    @property
    def records(self) -> int:
        """Return how many records there were."""
        return len(self.contexts) + len(self.quarantined) + len(self.controls)


def read(
    source: Source, *, after: Cursor | None = None, max_records: int = 1_000
) -> tuple[Outcome, Sequence[Batch]]:
    """Read a source to its end; the contexts of the batches are copies."""
    batches = [
        Batch(
            contexts=batch.contexts.copy(),
            quarantined=batch.quarantined,
            controls=batch.controls,
            refused=batch.refused,
            cursor=batch.cursor,
        )
        for batch in source.batches(after=after or Cursor(), max_records=max_records)
    ]
    return joined(batches), batches


def joined(batches: Sequence[Batch]) -> Outcome:
    """Return what came of consecutive batches."""
    empty = np.zeros(0, CONTEXT)
    controls: list[tuple[int, ControlRecord]] = []
    rows = 0
    for batch in batches:
        controls += [(rows + arrival.row, arrival.record) for arrival in batch.controls]
        rows += len(batch.contexts)
    return Outcome(
        contexts=np.concatenate([empty, *(batch.contexts for batch in batches)]),
        quarantined=[item for batch in batches for item in batch.quarantined],
        refused=[item for batch in batches for item in batch.refused],
        controls=controls,
    )


def same(left: Outcome, right: Outcome) -> bool:
    """Return whether two outcomes are equal to the last bit."""
    return (
        left.contexts.tobytes() == right.contexts.tobytes()
        and left.quarantined == right.quarantined
        and left.refused == right.refused
        and left.controls == right.controls
    )
