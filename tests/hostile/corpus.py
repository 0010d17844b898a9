"""Every way of being wrong, one case each: a small file in which one record is hostile.

A case that the source judges is refused while decoding, as a context with a code or quarantined.
A case that the kernel judges comes out of the source as a context like any other. Around the
hostile record stand good ones: what follows it must be decided as if it had never been there.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from torghut.schemas.codes import RefusalCode


class Kind(StrEnum):
    """What a case is a file of."""

    CSV = "csv"
    LEAN_TICK = "lean-tick"
    LEAN_MINUTE = "lean-minute"
    LEAN_HOUR = "lean-hour"
    SPOT = "binance-spot"
    USDM = "binance-usdm"


class Judge(StrEnum):
    """Who refuses a record, and what becomes of it on the way."""

    QUARANTINE = "quarantine"
    SOURCE = "source"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A file with one hostile record.

    Attributes:
        name: The way of being wrong, in words.
        content: Lines of the file, not yet in its archive.
        record: Ordinal of the hostile record.
        refusal: The code it must be refused with; NONE for a case that only looks hostile.
        judge: Who refuses it.
        records: How many records there are; all but the hostile one are good.
    """

    name: str
    kind: Kind
    content: bytes
    record: int
    refusal: RefusalCode
    judge: Judge
    records: int

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def write(case: Case, folder: Path) -> str:
    """Write a case as a file below ``folder`` and return its URI."""
    path, uri = _PLACES[case.kind]
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("quotes.csv"), case.content)
    elif file.suffix == ".gz":
        file.write_bytes(gzip.compress(case.content, mtime=0))
    else:
        file.write_bytes(case.content)
    return f"{uri}:{file}"


_PLACES: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.CSV: ("quotes.csv", "csv"),
    Kind.LEAN_TICK: ("tick/eurusd/20140501_quote.zip", "lean"),
    Kind.LEAN_MINUTE: ("minute/eurusd/20140501_quote.zip", "lean"),
    Kind.LEAN_HOUR: ("hour/eurusd.zip", "lean"),
    Kind.SPOT: ("spot/btcusdt_20240808.gz", "binance"),
    Kind.USDM: ("usdm/btcusdt_20240808.gz", "binance"),
}

_HEADER: Final = (
    "symbol,event_time,receive_time,stream,bid,ask,bid_size,ask_size,last,last_size,sequence"
)
_BEFORE: Final = 2
_AFTER: Final = 2
_T0: Final = 1_398_916_800_000_000_000
_S: Final = 1_000_000_000


def csv_record(index: int, **cells: object) -> str:
    """Return a good quote, but for the ``cells`` that are named."""
    good: dict[str, object] = {
        "symbol": "fxcm:EURUSD",
        "event_time": _T0 + index * _S,
        "receive_time": _T0 + index * _S + 20_000_000,
        "stream": "quote",
        "bid": "1.38701",
        "ask": "1.38703",
        "bid_size": "1000000",
        "ask_size": "2000000",
        "last": "",
        "last_size": "",
        "sequence": 100 + index,
    }
    return ",".join(str({**good, **cells}[name]) for name in _HEADER.split(","))


def _tick(index: int) -> str:
    return f"{1_000 * (index + 1)},1.38701,1.38703"


def _minute(index: int) -> str:
    return f"{60_000 * index},1.38,1.39,1.37,1.387,0,1.38,1.39,1.37,1.388,0"


def _hour(index: int) -> str:
    return f"20140501 {index:02d}:00,1.38,1.39,1.37,1.387,0,1.38,1.39,1.37,1.388,0"


def spot_quote(index: int, *, receive: object = None, **members: str) -> str:
    """Return a good spot bookTicker, but for the ``members`` that are named."""
    at = 1_723_161_254_000_000_000 + index * 10_000_000 if receive is None else receive
    good = {"u": str(500 + index), "s": '"BTCUSDT"', "b": '"61837.63"', "B": '"3.78"'}
    good |= {"a": '"61837.64"', "A": '"1.54"'}
    data = ",".join(f'"{key}":{value}' for key, value in {**good, **members}.items() if value)
    return f'{at} {{"stream":"btcusdt@bookTicker","data":{{{data}}}}}'


def spot_trade(index: int, **members: str) -> str:
    """Return a good spot trade, but for the ``members`` that are named."""
    at = 1_723_161_254_000_000_000 + index * 10_000_000
    good = {"e": '"trade"', "E": "1723161255343", "s": '"BTCUSDT"', "t": str(70 + index)}
    good |= {"p": '"61837.63"', "q": '"0.02"', "T": "1723161255342", "m": "true", "M": "true"}
    data = ",".join(f'"{key}":{value}' for key, value in {**good, **members}.items() if value)
    return f'{at} {{"stream":"btcusdt@trade","data":{{{data}}}}}'


def spot_depth(index: int, **members: str) -> str:
    """Return a good spot depthUpdate, but for the ``members`` that are named."""
    at = 1_723_161_254_000_000_000 + index * 10_000_000
    good = {"e": '"depthUpdate"', "E": "1723161255343", "s": '"BTCUSDT"', "U": "1", "u": "502"}
    good |= {"b": '[["61837.63","3.78"]]', "a": "[]"}
    data = ",".join(f'"{key}":{value}' for key, value in {**good, **members}.items() if value)
    return f'{at} {{"stream":"btcusdt@depth@100ms","data":{{{data}}}}}'


def _usdm_quote(index: int) -> str:
    at = 1_723_161_254_000_000_000 + index * 10_000_000
    data = f'"e":"bookTicker","u":{900 + index},"s":"BTCUSDT","b":"61800.20","B":"2.507",'
    data += '"a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256313'
    return f'{at} {{"stream":"btcusdt@bookTicker","data":{{{data}}}}}'


_GOOD: Final[Mapping[Kind, Callable[[int], str]]] = {
    Kind.CSV: csv_record,
    Kind.LEAN_TICK: _tick,
    Kind.LEAN_MINUTE: _minute,
    Kind.LEAN_HOUR: _hour,
    Kind.SPOT: spot_quote,
    Kind.USDM: _usdm_quote,
}

Line = bytes | str
Row = tuple[str, Line, RefusalCode, Judge]


def _case(kind: Kind, row: Row, *, before: int = _BEFORE, ending: bytes = b"\n") -> Case:
    """Put a hostile line between good ones."""
    name, line, refusal, judge = row
    good = _GOOD[kind]
    lines = [good(index).encode() for index in range(before)]
    lines.append(line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line)
    lines += [good(index).encode() for index in range(before + 1, before + 1 + _AFTER)]
    header = [_HEADER.encode()] if kind is Kind.CSV else []
    return Case(
        name=name,
        kind=kind,
        content=ending.join([*header, *lines]),
        record=before,
        refusal=refusal,
        judge=judge,
        records=len(lines),
    )


_N: Final = _BEFORE  # ordinal of the hostile record
_Q, _R, _K = Judge.QUARANTINE, Judge.SOURCE, Judge.KERNEL
_LONG: Final = 65_537

_CSV: Final[Sequence[Row]] = [
    ("an empty line", "", RefusalCode.UNDECODABLE, _Q),
    ("not UTF-8", b"\xff\xfe" + csv_record(_N).encode(), RefusalCode.UNDECODABLE, _Q),
    ("UTF-8 cut inside a character", b"fxcm:EURUSD,\xe2\x82", RefusalCode.UNDECODABLE, _Q),
    ("a lone surrogate in UTF-8", b"\xed\xa0\x80" + b"," * 10, RefusalCode.UNDECODABLE, _Q),
    ("a NUL inside", csv_record(_N, bid="1.38\x00701"), RefusalCode.UNDECODABLE, _Q),
    ("a column too few", csv_record(_N).rpartition(",")[0], RefusalCode.UNDECODABLE, _Q),
    ("a column too many", csv_record(_N) + ",1", RefusalCode.UNDECODABLE, _Q),
    ("semicolons between", csv_record(_N).replace(",", ";"), RefusalCode.UNDECODABLE, _Q),
    ("decimal commas", csv_record(_N, bid="1,38701"), RefusalCode.UNDECODABLE, _Q),
    ("a quote that does not end", csv_record(_N, symbol='"fxcm'), RefusalCode.UNDECODABLE, _Q),
    ("the header again", _HEADER, RefusalCode.INSTRUMENT_UNDECLARED, _Q),
    ("a line of 64 KiB and a byte", "x" * _LONG, RefusalCode.OVERSIZED_LINE, _Q),
    ("a good line made long", csv_record(_N, last="0" * _LONG), RefusalCode.OVERSIZED_LINE, _Q),
    ("no symbol", csv_record(_N, symbol=""), RefusalCode.MISSING_FIELD, _Q),
    (
        "no time at all",
        csv_record(_N, event_time="", receive_time=""),
        RefusalCode.MISSING_FIELD,
        _Q,
    ),
    ("no sequence", csv_record(_N, sequence=""), RefusalCode.MISSING_FIELD, _Q),
    ("no stream", csv_record(_N, stream=""), RefusalCode.MISSING_FIELD, _Q),
    ("no bid", csv_record(_N, bid=""), RefusalCode.MISSING_FIELD, _R),
    ("no ask", csv_record(_N, ask=""), RefusalCode.MISSING_FIELD, _R),
    ("a trade without price", csv_record(_N, stream="trade"), RefusalCode.MISSING_FIELD, _R),
    ("a bar with one side", csv_record(_N, stream="bar", ask=""), RefusalCode.MISSING_FIELD, _R),
    (
        "an instrument not declared",
        csv_record(_N, symbol="fxcm:XAUUSD"),
        RefusalCode.INSTRUMENT_UNDECLARED,
        _Q,
    ),
    (
        "a symbol without venue",
        csv_record(_N, symbol="EURUSD"),
        RefusalCode.INSTRUMENT_UNDECLARED,
        _Q,
    ),
    (
        "a symbol in another case",
        csv_record(_N, symbol="FXCM:EURUSD"),
        RefusalCode.INSTRUMENT_UNDECLARED,
        _Q,
    ),
    (
        "a symbol in lookalike letters",
        csv_record(_N, symbol="fxcm:\u0415URUSD"),
        RefusalCode.INSTRUMENT_UNDECLARED,
        _Q,
    ),
    (
        "a space before the symbol",
        csv_record(_N, symbol=" fxcm:EURUSD"),
        RefusalCode.INSTRUMENT_UNDECLARED,
        _Q,
    ),
    ("a byte order mark inside", "\ufeff" + csv_record(_N), RefusalCode.INSTRUMENT_UNDECLARED, _Q),
    ("a stream that is none", csv_record(_N, stream="candle"), RefusalCode.UNKNOWN_MESSAGE, _Q),
    ("a word for a price", csv_record(_N, bid="abc"), RefusalCode.WRONG_TYPE, _R),
    ("null for a price", csv_record(_N, bid="null"), RefusalCode.WRONG_TYPE, _R),
    ("a price in hexadecimal", csv_record(_N, bid="0x10"), RefusalCode.WRONG_TYPE, _R),
    ("an underscore in a price", csv_record(_N, bid="1_000"), RefusalCode.WRONG_TYPE, _R),
    ("a space before a price", csv_record(_N, bid=" 1.38701"), RefusalCode.WRONG_TYPE, _R),
    ("digits of another script", csv_record(_N, bid="\u0661.38701"), RefusalCode.WRONG_TYPE, _R),
    ("full-width digits", csv_record(_N, ask="\uff11.38703"), RefusalCode.WRONG_TYPE, _R),
    ("a currency sign", csv_record(_N, bid="$1.38701"), RefusalCode.WRONG_TYPE, _R),
    ("two points in a price", csv_record(_N, bid="1.387.01"), RefusalCode.WRONG_TYPE, _R),
    ("a minus of typographers", csv_record(_N, bid="\u22121.38"), RefusalCode.WRONG_TYPE, _R),
    ("a word for a size", csv_record(_N, bid_size="many"), RefusalCode.WRONG_TYPE, _R),
    ("a word for a sequence", csv_record(_N, sequence="x"), RefusalCode.WRONG_TYPE, _Q),
    ("a negative sequence", csv_record(_N, sequence=-1), RefusalCode.WRONG_TYPE, _Q),
    ("a broken sequence", csv_record(_N, sequence="102.5"), RefusalCode.WRONG_TYPE, _Q),
    ("a sequence of 2^63", csv_record(_N, sequence=2**63), RefusalCode.WRONG_TYPE, _Q),
    ("a word for a time", csv_record(_N, event_time="noon"), RefusalCode.WRONG_TYPE, _Q),
    (
        "a time with a fraction",
        csv_record(_N, event_time="1398916802.5"),
        RefusalCode.WRONG_TYPE,
        _Q,
    ),
    (
        "a date among integers",
        csv_record(_N, event_time="2014-05-01T04:00:02Z"),
        RefusalCode.WRONG_TYPE,
        _Q,
    ),
    ("a time before 1970", csv_record(_N, event_time=-1), RefusalCode.TIME_OUT_OF_RANGE, _Q),
    ("the time zero", csv_record(_N, event_time=0), RefusalCode.TIME_OUT_OF_RANGE, _Q),
    (
        "ms where ns are",
        csv_record(_N, event_time=_T0 // 1_000_000),
        RefusalCode.TIME_OUT_OF_RANGE,
        _Q,
    ),
    (
        "a time after 2200",
        csv_record(_N, receive_time=8 * 10**18),
        RefusalCode.TIME_OUT_OF_RANGE,
        _Q,
    ),
    ("a time beyond 64 bits", csv_record(_N, event_time=10**30), RefusalCode.TIME_OUT_OF_RANGE, _Q),
    (
        "a time of 5,000 digits",
        csv_record(_N, event_time="9" * 5_000),
        RefusalCode.TIME_OUT_OF_RANGE,
        _Q,
    ),
    ("bid above ask", csv_record(_N, bid="1.38704"), RefusalCode.CROSSED_BOOK, _K),
    ("a bid of zero", csv_record(_N, bid="0"), RefusalCode.NON_POSITIVE_PRICE, _K),
    ("a bid of minus zero", csv_record(_N, bid="-0.0"), RefusalCode.NON_POSITIVE_PRICE, _K),
    ("a negative ask", csv_record(_N, ask="-1.38703"), RefusalCode.NON_POSITIVE_PRICE, _K),
    ("NaN for a bid", csv_record(_N, bid="NaN"), RefusalCode.NOT_FINITE, _K),
    ("an infinite ask", csv_record(_N, ask="inf"), RefusalCode.NOT_FINITE, _K),
    ("minus infinity for a bid", csv_record(_N, bid="-Infinity"), RefusalCode.NOT_FINITE, _K),
    ("a price beyond float64", csv_record(_N, ask="1e400"), RefusalCode.NOT_FINITE, _K),
    ("a price of 400 digits", csv_record(_N, ask="9" * 400), RefusalCode.NOT_FINITE, _K),
    ("an infinite size", csv_record(_N, bid_size="inf"), RefusalCode.NOT_FINITE, _K),
    ("a negative size", csv_record(_N, ask_size="-1"), RefusalCode.NEGATIVE_SIZE, _K),
    ("a price in pips", csv_record(_N, bid="13870.1", ask="13870.3"), RefusalCode.WRONG_UNIT, _K),
    ("a price in cents", csv_record(_N, bid="138.701", ask="138.703"), RefusalCode.WRONG_UNIT, _K),
    ("a price that underflows", csv_record(_N, bid="1e-400"), RefusalCode.NON_POSITIVE_PRICE, _K),
    ("a price too small", csv_record(_N, bid="0.0138701"), RefusalCode.WRONG_UNIT, _K),
    ("an absurd jump", csv_record(_N, bid="1.98701", ask="1.98703"), RefusalCode.ABSURD_JUMP, _K),
    ("a record twice", csv_record(_N - 1), RefusalCode.DUPLICATE, _K),
    (
        "a sequence twice, other prices",
        csv_record(_N, sequence=101, bid="1.38702"),
        RefusalCode.DUPLICATE,
        _K,
    ),
    ("a sequence that goes back", csv_record(_N, sequence=50), RefusalCode.OUT_OF_ORDER, _K),
    (
        "a receive time that goes back",
        csv_record(_N, receive_time=_T0),
        RefusalCode.OUT_OF_ORDER,
        _K,
    ),
    (
        "a receive time a year ahead",
        csv_record(_N, receive_time=_T0 + 365 * 86_400 * _S),
        RefusalCode.TIME_LEAP,
        _K,
    ),
]

_LEAN: Final[Sequence[tuple[Kind, Row]]] = [
    (Kind.LEAN_TICK, ("an empty line", "", RefusalCode.UNDECODABLE, _Q)),
    (Kind.LEAN_TICK, ("a column too few", "3000,1.38701", RefusalCode.UNDECODABLE, _Q)),
    (Kind.LEAN_TICK, ("the columns of a bar", _minute(0), RefusalCode.UNDECODABLE, _Q)),
    (
        Kind.LEAN_TICK,
        ("binary", bytes(range(256)).replace(b"\n", b""), RefusalCode.UNDECODABLE, _Q),
    ),
    (Kind.LEAN_TICK, ("no time", ",1.38701,1.38703", RefusalCode.MISSING_FIELD, _Q)),
    (Kind.LEAN_TICK, ("a clock for ms", "00:00:03,1.38701,1.38703", RefusalCode.WRONG_TYPE, _Q)),
    (
        Kind.LEAN_TICK,
        ("a byte order mark", "\ufeff3000,1.38701,1.38703", RefusalCode.WRONG_TYPE, _Q),
    ),
    (
        Kind.LEAN_TICK,
        ("a time before midnight", "-1,1.38701,1.38703", RefusalCode.TIME_OUT_OF_RANGE, _Q),
    ),
    (
        Kind.LEAN_TICK,
        ("a time after midnight", "86400000,1.3,1.4", RefusalCode.TIME_OUT_OF_RANGE, _Q),
    ),
    (Kind.LEAN_TICK, ("a quoted price", '3000,"1.38701",1.38703', RefusalCode.WRONG_TYPE, _R)),
    (Kind.LEAN_TICK, ("an empty price", "3000,,1.38703", RefusalCode.MISSING_FIELD, _R)),
    (Kind.LEAN_TICK, ("a CR inside", "3000,1.38701\r,1.38703", RefusalCode.WRONG_TYPE, _R)),
    (
        Kind.LEAN_TICK,
        ("a plus sign before ms", "+3000,1.38701,1.38703", RefusalCode.WRONG_TYPE, _Q),
    ),
    (Kind.LEAN_TICK, ("bid above ask", "3000,1.38704,1.38703", RefusalCode.CROSSED_BOOK, _K)),
    (
        Kind.LEAN_TICK,
        ("a time that goes back", "1500,1.38701,1.38703", RefusalCode.OUT_OF_ORDER, _K),
    ),
    (
        Kind.LEAN_MINUTE,
        ("a side that is missing", "120000,,,,,,1.3,1.4,1.2,1.3,0", RefusalCode.MISSING_FIELD, _R),
    ),
    (
        Kind.LEAN_MINUTE,
        ("a high that is no number", "120000,1,x,1,1,0,1,1,1,1,0", RefusalCode.WRONG_TYPE, _R),
    ),
    (
        Kind.LEAN_MINUTE,
        ("a close of zero", "120000,1,1,1,0,0,1,1,1,1,0", RefusalCode.NON_POSITIVE_PRICE, _K),
    ),
    (
        Kind.LEAN_HOUR,
        ("a day that is none", _hour(2).replace("0501", "0431"), RefusalCode.WRONG_TYPE, _Q),
    ),
    (
        Kind.LEAN_HOUR,
        ("the hour 24", _hour(2).replace(" 02", " 24"), RefusalCode.WRONG_TYPE, _Q),
    ),
    (Kind.LEAN_HOUR, ("ms for a clock", "7200000" + _hour(2)[14:], RefusalCode.WRONG_TYPE, _Q)),
    (
        Kind.LEAN_HOUR,
        ("a day before 1970", _hour(2).replace("2014", "1914"), RefusalCode.TIME_OUT_OF_RANGE, _Q),
    ),
    (
        Kind.LEAN_HOUR,
        ("the year 14", _hour(2).replace("2014", "0014"), RefusalCode.TIME_OUT_OF_RANGE, _Q),
    ),
    (
        Kind.LEAN_HOUR,
        ("the last of days", "99991231" + _hour(2)[8:], RefusalCode.TIME_OUT_OF_RANGE, _Q),
    ),
    (Kind.LEAN_HOUR, ("the year zero", "00000501" + _hour(2)[8:], RefusalCode.WRONG_TYPE, _Q)),
]

_BINANCE: Final[Sequence[Row]] = [
    ("an empty line", "", RefusalCode.UNDECODABLE, _Q),
    ("a line cut in the middle", spot_quote(_N)[:90], RefusalCode.UNDECODABLE, _Q),
    ("two messages on a line", spot_quote(_N) + spot_quote(_N), RefusalCode.UNDECODABLE, _Q),
    ("no receive time", spot_quote(_N).partition(" ")[2], RefusalCode.UNDECODABLE, _Q),
    ("a word for the receive time", spot_quote(_N, receive="now"), RefusalCode.WRONG_TYPE, _Q),
    (
        "a receive time in ms",
        spot_quote(_N, receive=1723161254020),
        RefusalCode.TIME_OUT_OF_RANGE,
        _Q,
    ),
    ("a negative receive time", spot_quote(_N, receive=-5), RefusalCode.TIME_OUT_OF_RANGE, _Q),
    (
        "a receive time beyond 64 bits",
        spot_quote(_N, receive=2**63),
        RefusalCode.TIME_OUT_OF_RANGE,
        _Q,
    ),
    ("NaN as JSON has none", spot_quote(_N, b="NaN"), RefusalCode.UNDECODABLE, _Q),
    ("a comma at the end", spot_quote(_N).replace("}}", ",}}"), RefusalCode.UNDECODABLE, _Q),
    ("single quotes", spot_quote(_N).replace('"', "'"), RefusalCode.UNDECODABLE, _Q),
    ("a leading zero", spot_quote(_N, u="0502"), RefusalCode.UNDECODABLE, _Q),
    (
        "a control character in a string",
        spot_quote(_N, s='"BTC\tUSDT"'),
        RefusalCode.UNDECODABLE,
        _Q,
    ),
    ("a lone surrogate, escaped", spot_quote(_N, s='"\\ud800"'), RefusalCode.UNDECODABLE, _Q),
    (
        "brackets without end",
        f"{1_723_161_254_000_000_000} " + "[" * 60_000,
        RefusalCode.UNDECODABLE,
        _Q,
    ),
    ("a price twice", spot_quote(_N, A='"1","b":"61837.60"'), RefusalCode.DUPLICATE_KEY, _Q),
    ("the data twice", spot_quote(_N)[:-1] + ',"data":{}}', RefusalCode.DUPLICATE_KEY, _Q),
    ("a message that is a list", "1723161254020000000 []", RefusalCode.UNKNOWN_MESSAGE, _Q),
    (
        "an answer to a request",
        '1723161254020000000 {"result":null,"id":1}',
        RefusalCode.UNKNOWN_MESSAGE,
        _Q,
    ),
    ("an event type not known", spot_trade(_N, e='"aggTrade"'), RefusalCode.UNKNOWN_MESSAGE, _Q),
    ("no event type", spot_trade(_N, e=""), RefusalCode.UNKNOWN_MESSAGE, _Q),
    ("no data", '1723161254020000000 {"stream":"btcusdt@trade"}', RefusalCode.MISSING_FIELD, _Q),
    ("no symbol", spot_quote(_N, s=""), RefusalCode.MISSING_FIELD, _Q),
    ("no sequence", spot_quote(_N, u=""), RefusalCode.MISSING_FIELD, _Q),
    ("no price", spot_quote(_N, b=""), RefusalCode.MISSING_FIELD, _R),
    (
        "a snapshot without asks",
        '1723161254020000000 {"lastUpdateId":1,"bids":[]}',
        RefusalCode.MISSING_FIELD,
        _Q,
    ),
    (
        "a snapshot whose bids are a word",
        '1723161254020000000 {"lastUpdateId":1,"bids":"","asks":[]}',
        RefusalCode.WRONG_TYPE,
        _Q,
    ),
    ("a number for a price", spot_quote(_N, b="61837.63"), RefusalCode.WRONG_TYPE, _R),
    ("null for a price", spot_quote(_N, b="null"), RefusalCode.WRONG_TYPE, _R),
    ("an empty price", spot_quote(_N, b='""'), RefusalCode.WRONG_TYPE, _R),
    ("a word for a sequence", spot_quote(_N, u='"502"'), RefusalCode.WRONG_TYPE, _Q),
    ("true for a sequence", spot_quote(_N, u="true"), RefusalCode.WRONG_TYPE, _Q),
    ("a sequence with a fraction", spot_quote(_N, u="502.0"), RefusalCode.WRONG_TYPE, _Q),
    ("a sequence of 2^63", spot_quote(_N, u=str(2**63)), RefusalCode.WRONG_TYPE, _Q),
    ("a sequence of 5,000 digits", spot_quote(_N, u="9" * 5_000), RefusalCode.WRONG_TYPE, _Q),
    ("a number for a symbol", spot_quote(_N, s="5"), RefusalCode.WRONG_TYPE, _Q),
    ("levels that are objects", spot_depth(_N, b='[{"p":"1"}]'), RefusalCode.WRONG_TYPE, _R),
    ("a level of three", spot_depth(_N, b='[["1","2","3"]]'), RefusalCode.WRONG_TYPE, _R),
    ("a level of numbers", spot_depth(_N, a="[[1,2]]"), RefusalCode.WRONG_TYPE, _R),
    ("a pair not declared", spot_quote(_N, s='"DOGEUSDT"'), RefusalCode.INSTRUMENT_UNDECLARED, _Q),
    ("an event time in seconds", spot_trade(_N, E="1723161255"), RefusalCode.TIME_OUT_OF_RANGE, _Q),
    ("an event time in words", spot_trade(_N, E='"1723161255343"'), RefusalCode.WRONG_TYPE, _Q),
    (
        "a message of 64 KiB and more",
        spot_quote(_N, s='"' + "B" * _LONG + '"'),
        RefusalCode.OVERSIZED_LINE,
        _Q,
    ),
    ("a trade at NaN", spot_trade(_N, p='"NaN"'), RefusalCode.NOT_FINITE, _K),
    ("a trade at no price", spot_trade(_N, p='"0.00000000"'), RefusalCode.NON_POSITIVE_PRICE, _K),
    ("a trade of less than nothing", spot_trade(_N, q='"-0.02"'), RefusalCode.NEGATIVE_SIZE, _K),
    (
        "an update of less than nothing",
        spot_depth(_N, b='[["1","-5"]]'),
        RefusalCode.NEGATIVE_SIZE,
        _K,
    ),
    ("a trade at half the price", spot_trade(_N, p='"30918.80"'), RefusalCode.ABSURD_JUMP, _K),
    ("a quote twice", spot_quote(_N - 1), RefusalCode.DUPLICATE, _K),
    ("bid above ask", spot_quote(_N, b='"61838.63"'), RefusalCode.CROSSED_BOOK, _K),
]

_HARMLESS: Final[Sequence[tuple[Kind, Row]]] = [
    (
        Kind.CSV,
        ("event time alone goes back", csv_record(_N, event_time=_T0 - _S), RefusalCode.NONE, _K),
    ),
    (
        Kind.CSV,
        (
            "a jump in the sequence",
            csv_record(_N, sequence=102, bid="1.38702"),
            RefusalCode.NONE,
            _K,
        ),
    ),
    (
        Kind.CSV,
        (
            "received before it happened",
            csv_record(_N, event_time=_T0 + 9 * _S),
            RefusalCode.NONE,
            _K,
        ),
    ),
    (Kind.CSV, ("a plus sign", csv_record(_N, bid="+1.38701"), RefusalCode.NONE, _K)),
    (Kind.CSV, ("an exponent", csv_record(_N, bid="138701e-5"), RefusalCode.NONE, _K)),
    (Kind.CSV, ("bid equal to ask", csv_record(_N, bid="1.38703"), RefusalCode.NONE, _K)),
    (Kind.CSV, ("quoted cells", csv_record(_N, symbol='"fxcm:EURUSD"'), RefusalCode.NONE, _K)),
    (Kind.CSV, ("a size of zero", csv_record(_N, bid_size="0"), RefusalCode.NONE, _K)),
    (Kind.CSV, ("CR before LF", csv_record(_N) + "\r", RefusalCode.NONE, _K)),
    (Kind.SPOT, ("a member not known", spot_quote(_N, x="[1]"), RefusalCode.NONE, _K)),
    (
        Kind.SPOT,
        ("spaces between members", spot_quote(_N).replace(",", " , "), RefusalCode.NONE, _K),
    ),
    (Kind.SPOT, ("a trade after a quote", spot_trade(_N), RefusalCode.NONE, _K)),
    (Kind.USDM, ("a good quote", _usdm_quote(_N), RefusalCode.NONE, _K)),
]


def _cases() -> Iterator[Case]:
    """Yield every case."""
    yield from (_case(Kind.CSV, row) for row in _CSV)
    yield from (_case(kind, row) for kind, row in _LEAN)
    yield from (_case(Kind.SPOT, row) for row in _BINANCE)
    yield from (_case(kind, row) for kind, row in _HARMLESS)
    unquoted: Row = ("a trade before any quote", spot_trade(0), RefusalCode.NO_QUOTE, _K)
    yield _case(Kind.SPOT, unquoted, before=0)
    depth: Row = ("an update before any quote", spot_depth(0), RefusalCode.NO_QUOTE, _K)
    yield _case(Kind.SPOT, depth, before=0)


CASES: Final[Sequence[Case]] = tuple(_cases())
"""Every case; hostile ones have a refusal, harmless ones RefusalCode.NONE."""
