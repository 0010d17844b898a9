"""Numbers and times mean what their texts say, and the scanner never differs from a judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from tests.contract.sources.examples import (
    JUDGED,
    SCANNED,
    csv_lines,
    joined,
    open_example,
    read,
    same,
    spot_messages,
    ticks,
    usdm_messages,
    write_gzip,
    write_text,
    write_zip,
)
from tests.support.decisions.kernels import code_store
from torghut.adapters.sources.decoding.numbers import real, whole
from torghut.adapters.sources.decoding.scanner import compiled_scanner
from torghut.adapters.sources.decoding.templates import Scanned, build_program
from torghut.adapters.sources.decoding.times import parse_rfc3339
from torghut.adapters.sources.decoding.verdicts import Decoded
from torghut.adapters.sources.recordings.lean import LeanDecoder
from torghut.market.ports import Batch, Cursor

DAY_MS = 86_400_000
DIGITS = st.text("0123456789", min_size=1, max_size=25)
DECIMALS = st.builds(
    lambda sign, whole, point, fraction: sign + whole + point + (fraction if point else ""),
    st.sampled_from(["", "-"]),
    DIGITS,
    st.sampled_from(["", "."]),
    DIGITS,
)


def scan_fields(template: str, fields: Sequence[str]) -> Scanned:
    """Scan one line for each field."""
    program = build_program([template])
    data = np.frombuffer(bytearray("".join(f"{field}\n" for field in fields).encode()), np.uint8)
    count = len(fields)
    kinds, spans = np.zeros(count, np.int64), np.zeros((count, 2), np.int64)
    wholes = np.zeros((len(program.wholes) + 1, count), np.int64)
    reals = np.zeros((len(program.reals) + 1, count))
    found = (kinds, spans, wholes, reals)
    assert compiled_scanner(code_store())(data, 0, len(data), program.arrays, found) == count
    return Scanned(program=program, kinds=kinds, columns=wholes, values=reals, first_record=0)


@given(st.lists(DECIMALS, min_size=1, max_size=50))
def test_scanned_decimals_are_the_nearest_float64(texts: list[str]) -> None:
    scanned = scan_fields("<real x>", texts)

    for text, kind, value in zip(texts, scanned.kinds, scanned.real("x"), strict=True):
        if kind == 0:
            assert value.hex() == float(text).hex()
        else:
            assert len(text.replace("-", "").replace(".", "")) > 15


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_floats_survive_their_shortest_text(values: list[float]) -> None:
    texts = [repr(value) for value in values]
    scanned = scan_fields("<real x>", texts)

    assert [real(text) for text in texts] == values
    for value, found, kind in zip(values, scanned.real("x"), scanned.kinds, strict=True):
        assert kind < 0 or found.hex() == value.hex()


@given(st.text(max_size=12))
def test_what_is_taken_for_a_number_is_one_for_python_too(text: str) -> None:
    number, integer = real(text), whole(text)

    assert number is None or math.isnan(number) or number == float(text)
    assert integer is None or integer == int(text)
    assert text.isascii() or (number is None and integer is None)


@given(st.lists(st.integers(-(10**30), 10**30), min_size=1, max_size=50))
def test_scanned_integers_are_exact_or_left_alone(values: list[int]) -> None:
    scanned = scan_fields("<whole n>", [str(value) for value in values])

    for value, kind, found in zip(values, scanned.kinds, scanned.whole("n"), strict=True):
        assert (kind == 0) == (0 <= value < 2**63)
        assert kind < 0 or int(found) == value


@given(
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2199, 12, 30)),  # noqa: DTZ001
    st.text("0123456789", max_size=9),
    st.integers(-1439, 1439),
)
def test_rfc3339_agrees_with_datetime(moment: datetime, fraction: str, ahead_min: int) -> None:
    moment = moment.replace(microsecond=0)
    sign, ahead = ("-" if ahead_min < 0 else "+"), abs(ahead_min)
    zone = f"{sign}{ahead // 60:02d}:{ahead % 60:02d}"
    text = moment.isoformat() + (f".{fraction}" if fraction else "") + zone
    seconds = (moment.replace(tzinfo=UTC) - timedelta(minutes=ahead_min)).timestamp()

    assert parse_rfc3339(text) == int(seconds) * 10**9 + int(fraction.ljust(9, "0"))


@given(st.dates(date(1970, 1, 1), date(2199, 12, 30)), st.integers(0, DAY_MS - 1))
def test_lean_clocks_are_five_hours_behind_utc_all_year(day: date, clock_ms: int) -> None:
    clock = timezone(timedelta(hours=-5))
    shown = datetime.combine(day, time(), clock) + timedelta(milliseconds=clock_ms)
    instant_ns = (shown - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) * 1_000_000
    tick = LeanDecoder(resolution="tick", day=day, symbol=0, latency_ns=0)
    hour = LeanDecoder(resolution="hour", day=None, symbol=0, latency_ns=0)

    assert decoded(tick, f"{clock_ms},1,2").event_ns == instant_ns
    begun_ns = instant_ns - clock_ms % 60_000 * 1_000_000
    label = f"{day:%Y%m%d} {shown:%H:%M},1,2,0.5,1.5,0,1,2,0.5,1.6,0"
    assert decoded(hour, label).event_ns == begun_ns + 3_600_000_000_000


def decoded(decoder: LeanDecoder, line: str) -> Decoded:
    """Return the context that a line must be."""
    verdict = decoder.judge(line.encode(), 0)
    assert isinstance(verdict, Decoded)
    return verdict


MUTATIONS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["put", "drop", "insert"]),
        st.sampled_from(b'0159.,-+eE"{}[]:\r\n\x00\xff \\uNaTZx'),
    ),
    max_size=6,
)


def mutated(content: bytes, mutations: Sequence[tuple[float, str, int]]) -> bytes:
    """Change some bytes of ``content``."""
    changed = bytearray(content)
    for place, how, byte in mutations:
        at = int(place * len(changed))
        if how == "put":
            changed[at] = byte
        elif how == "drop":
            del changed[at]
        else:
            changed.insert(at, byte)
    return bytes(changed)


@given(MUTATIONS)
def test_scanned_lean_equals_judged(mutations: list[tuple[float, str, int]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tick/eurusd/20140501_quote.zip"
        write_zip(path, mutated(ticks(6), mutations))
        uri = f"lean:{path}"

        assert same(read(open_example(uri, SCANNED))[0], read(open_example(uri, JUDGED))[0])


@example([(0.0, "put", 49)])  # the year 1014, whose nanoseconds do not fit 64 bits
@given(MUTATIONS)
def test_scanned_hours_equal_judged(mutations: list[tuple[float, str, int]]) -> None:
    clocks = ("20140309 01:00", "20140309 02:00", "20141102 01:00", "20140228 23:00")
    lines = "\n".join(f"{clock},1,2,0.5,1.5,0,1,2,0.5,1.6,0" for clock in clocks)
    with TemporaryDirectory() as folder:
        path = write_zip(Path(folder) / "hour/eurusd.zip", mutated(lines.encode(), mutations))
        uri = f"lean:{path}"

        assert same(read(open_example(uri, SCANNED))[0], read(open_example(uri, JUDGED))[0])


@given(MUTATIONS, st.sampled_from(["spot", "usdm"]))
def test_scanned_binance_equals_judged(
    mutations: list[tuple[float, str, int]], market: str
) -> None:
    lines = spot_messages(6) if market == "spot" else usdm_messages(6)
    with TemporaryDirectory() as folder:
        path = Path(folder) / market / "btcusdt_20240808.gz"
        write_gzip(path, mutated(b"\n".join(lines), mutations))
        uri = f"binance:{path}"

        assert same(read(open_example(uri, SCANNED))[0], read(open_example(uri, JUDGED))[0])


HEADERS = st.sampled_from(
    [
        "symbol,event_time,receive_time,bid,ask,sequence",
        "symbol,receive_time,stream,bid,ask,bid_size,last,last_size,note",
        "bid,ask,symbol,event_time",
    ]
)


@given(MUTATIONS, HEADERS)
def test_scanned_csv_equals_judged(mutations: list[tuple[float, str, int]], header: str) -> None:
    first, _, rest = csv_lines(8, header).partition(b"\n")
    with TemporaryDirectory() as folder:
        path = write_text(Path(folder) / "a.csv", first + b"\n" + mutated(rest, mutations))
        uri = f"csv:{path}?time=ns"

        assert same(read(open_example(uri, SCANNED))[0], read(open_example(uri, JUDGED))[0])


@given(MUTATIONS)
def test_scanned_rfc3339_equals_judged(mutations: list[tuple[float, str, int]]) -> None:
    times = ["2024-08-08T23:54:15.5Z", "2024-02-29T00:00:00Z", "2199-12-31T23:59:59.999999999Z"]
    lines = "\n".join(f"{time},fxcm:EURUSD,1.3,1.4" for time in times)
    with TemporaryDirectory() as folder:
        content = b"event_time,symbol,bid,ask\n" + mutated(lines.encode(), mutations)
        path = write_text(Path(folder) / "a.csv", content)
        uri = f"csv:{path}?time=rfc3339"

        assert same(read(open_example(uri, SCANNED))[0], read(open_example(uri, JUDGED))[0])


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(1, 30), st.data())
def test_any_cut_gives_the_same(sizes: list[int], last: int, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        for name, count in (("eurusd", 30), ("nzdusd", 0), ("usdjpy", 3)):
            write_zip(Path(folder) / f"tick/{name}/20140501_quote.zip", ticks(count))
        source = open_example(f"lean:{folder}")
        whole, _ = read(source)
        batches: list[Batch] = []
        at: Cursor | None = None
        for size in [*sizes, last]:
            _, found = read(source, after=at, max_records=size)
            taken = found[: data.draw(st.integers(0, len(found)))]
            batches += taken
            at = taken[-1].cursor if taken else at
        batches += read(source, after=at)[1]

        assert same(joined(batches), whole)
