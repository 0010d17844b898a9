"""A context is read as it was made, and whatever else a record is, it is told why it is none."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from torghut.carrying.contexts import (
    EXCERPT_CHARS,
    MESSAGE_BYTES_MAX,
    SCHEMA_ID,
    CarriedContext,
    Unreadable,
    context_message,
    read_context,
)
from torghut.carrying.messages import INGRESS_WALL_NS, REFUSAL, SOURCE, SPEED, Outgoing, Received
from torghut.kernel.ids import SOURCE_KEY_BYTES
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream
from torghut.schemas.context import ContextReceived
from torghut.schemas.rows import CONTEXT

SYMBOL = "fxcm:EURUSD"
DIGEST = "ab" * 32
PRICES = st.one_of(st.just(math.nan), st.floats(allow_nan=False, allow_infinity=False))
NANOSECONDS = st.integers(0, 2**63 - 1)
SEQUENCES = st.integers(0, 2**64 - 1)
ASSUMED = (
    ContextFlag.EVENT_TIME_ASSUMED,
    ContextFlag.RECEIVE_TIME_ASSUMED,
    ContextFlag.QUOTE_ASSUMED,
    ContextFlag.SEQUENCED,
)
MARKS = st.sets(st.sampled_from(ASSUMED)).map(sum)
REFUSALS = st.sampled_from(list(RefusalCode)).map(int)
SPEEDS = st.one_of(st.none(), st.floats(1e-3, 1e6))


def row_of(
    *,
    stream: int = int(Stream.QUOTE),
    marks: int = 0,
    refusal: int = 0,
    sequence: int = 7,
    times: tuple[int, int] = (5, 6),
    values: Sequence[float] = (1.0, 2.0, 3.0, 4.0, math.nan, math.nan),
) -> tuple[float, ...]:
    """Return the fields of a context."""
    return (0, 0, stream, marks, refusal, sequence, *times, *values)


def made(row: tuple[float, ...], *, wall_ns: int | None = 9, speed: float | None = 1.0) -> Outgoing:
    """Return a context as a message."""
    message = context_message(
        row, symbol=SYMBOL, source=DIGEST, ingress_wall_ns=wall_ns, speed=speed
    )
    assert message is not None
    return message


def arrived(
    message: Outgoing,
    *,
    value: bytes | None = None,
    headers: Mapping[str, bytes] | None = None,
    key: bytes | None = b"",
) -> Received:
    """Return a message as it arrives, with some of it changed."""
    return Received(
        3,
        message.key if key == b"" else key,
        message.value if value is None else value,
        [*message.headers, *(headers or {}).items()],
        1_000,
    )


def refused(record: Received) -> Unreadable:
    """Return why a record is no context."""
    read = read_context(record)
    assert isinstance(read, Unreadable), read
    return read


def same(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Return whether two rows are the same to the bit, as they are stored."""
    rows = np.array([one, other], dtype=CONTEXT)
    return bool(rows[0].tobytes() == rows[1].tobytes())


@given(
    stream=st.sampled_from([Stream.QUOTE, Stream.TRADE, Stream.DEPTH, Stream.BAR]),
    marks=MARKS,
    refusal=REFUSALS,
    sequence=SEQUENCES,
    times=st.tuples(NANOSECONDS, NANOSECONDS),
    values=st.lists(PRICES, min_size=6, max_size=6),
    wall_ns=st.one_of(st.none(), NANOSECONDS),
    speed=SPEEDS,
)
@example(
    stream=Stream.BAR, marks=0, refusal=0, sequence=0, times=(0, 0), values=[-0.0] * 6,
    wall_ns=0, speed=None,
)  # fmt: skip
def test_what_is_made_is_read_back_equal(  # noqa: PLR0913, PLR0917 - one a field
    stream: Stream,
    marks: int,
    refusal: int,
    sequence: int,
    times: tuple[int, int],
    values: list[float],
    wall_ns: int | None,
    speed: float | None,
) -> None:
    row = row_of(
        stream=int(stream),
        marks=marks,
        refusal=refusal,
        sequence=sequence,
        times=times,
        values=values,
    )
    message = made(row, wall_ns=wall_ns, speed=speed)

    read = read_context(arrived(message))

    assert isinstance(read, CarriedContext)
    assert same(read.row, row)
    assert (read.symbol, read.source, read.speed) == (SYMBOL, DIGEST, speed)
    assert read.ingress_wall_ns == (1_000_000_000 if wall_ns is None else wall_ns)
    model = ContextReceived.model_validate_json(message.value)
    assert model.context_id == read.context_id
    assert message.key == SYMBOL.encode()
    assert dict(message.headers)["schema"] == SCHEMA_ID.encode() == model.type.encode()


@given(
    stream=st.sampled_from(["quote", "trade", "depth", "bar"]),
    sequence=SEQUENCES,
    times=st.tuples(NANOSECONDS, NANOSECONDS),
    values=st.dictionaries(
        st.sampled_from(["bid", "ask", "bid_size", "ask_size", "last", "last_size"]),
        st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 9)),
    ),
    assumed=st.lists(st.sampled_from(["event-time", "receive-time", "quote"]), max_size=3),
    sparse=st.booleans(),
    spaced=st.booleans(),
)
def test_every_valid_model_is_read_however_it_is_spelled(  # noqa: PLR0913, PLR0917 - choices
    stream: str,
    sequence: int,
    times: tuple[int, int],
    values: dict[str, float | None],
    assumed: list[str],
    sparse: bool,  # noqa: FBT001
    spaced: bool,  # noqa: FBT001
) -> None:
    body = {
        "context_id": f"{DIGEST[: 2 * SOURCE_KEY_BYTES]}:{SYMBOL}:{stream}:{sequence}",
        "symbol": SYMBOL,
        "stream": stream,
        "source_sequence": str(sequence),
        "event_ns": str(times[0]),
        "receive_ns": str(times[1]),
        "assumed": assumed,
        **values,
    }
    model = ContextReceived.model_validate(body)
    dumped = model.model_dump(mode="json", exclude_defaults=sparse)
    text = json.dumps(dumped, separators=(" , ", " : ") if spaced else None)

    read = read_context(Received(0, None, text.encode(), [(SOURCE, DIGEST.encode())], 1))

    assert isinstance(read, CarriedContext)
    assert read.context_id == model.context_id
    bid = model.bid
    assert math.isnan(read.row[8]) if bid is None else read.row[8] == bid
    assert (read.row[5], read.row[6], read.row[7]) == (sequence, *times)


DOUBLED = [
    b'"bid":9.0,',
    b'"bid":9.0,"bid":8.0,',
    b'"symbol":"fxcm:EURUSD",',
    b'"assumed":[],',
    b'"sequenced":false,',
]


@pytest.mark.parametrize("also", DOUBLED)
@pytest.mark.parametrize("gone", [b"", b'"ask_size":4.0,', b'"last_size":null,', b'"last":null,'])
def test_key_that_comes_twice_is_refused_also_where_another_is_missing(
    also: bytes, gone: bytes
) -> None:
    message = made(row_of())
    assert gone in message.value
    value = message.value.replace(gone, b"").replace(b"{", b"{" + also, 1)

    assert refused(arrived(message, value=value)).refusal is RefusalCode.UNDECODABLE


def test_key_that_is_spelled_in_two_ways_comes_twice() -> None:
    message = made(row_of())
    value = message.value.replace(b"{", b'{"b\\u0069d":9.0,', 1)

    assert refused(arrived(message, value=value)).refusal is RefusalCode.UNDECODABLE


HOSTILE = {
    "nothing": (b"", RefusalCode.UNDECODABLE),
    "no JSON": (b"bid 1.2 ask 1.3", RefusalCode.UNDECODABLE),
    "another kind": (b"[1,2]", RefusalCode.UNDECODABLE),
    "no UTF-8": (b'{"symbol":"\xff\xfe"}', RefusalCode.UNDECODABLE),
    "half a pair": (b'{"symbol":"\\ud800"}', RefusalCode.UNDECODABLE),
    "byte order mark": (b"\xef\xbb\xbf{}", RefusalCode.UNDECODABLE),
    "no field": (b"{}", RefusalCode.MISSING_FIELD),
    "deep": (b'{"bid":' + b"[" * 30_000 + b"]" * 30_000 + b"}", RefusalCode.UNDECODABLE),
    "deep object": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, RefusalCode.UNDECODABLE),
    "oversized": (b" " * (MESSAGE_BYTES_MAX + 1), RefusalCode.OVERSIZED_LINE),
}


@pytest.mark.parametrize(("value", "refusal"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_value_is_told_why_it_is_no_context(value: bytes, refusal: RefusalCode) -> None:
    found = refused(arrived(made(row_of()), value=value))

    assert found.refusal is refusal
    assert len(found.excerpt) <= EXCERPT_CHARS
    assert found.excerpt.isprintable()


CHANGED = {
    "NaN": (b'"bid":1.0', b'"bid":NaN', RefusalCode.UNDECODABLE),
    "infinity": (b'"bid":1.0', b'"bid":-Infinity', RefusalCode.UNDECODABLE),
    "huge": (b'"bid":1.0', b'"bid":1e999', RefusalCode.UNDECODABLE),
    "huge whole": (b'"bid":1.0', b'"bid":1' + b"0" * 400, RefusalCode.UNDECODABLE),
    "text": (b'"bid":1.0', b'"bid":"1.0"', RefusalCode.WRONG_TYPE),
    "yes": (b'"bid":1.0', b'"bid":true', RefusalCode.WRONG_TYPE),
    "unknown key": (b'"bid":1.0', b'"bit":1.0', RefusalCode.WRONG_TYPE),
    "other type": (b"market.context-received.v1", b"market.other.v1", RefusalCode.WRONG_TYPE),
    "other stream": (b'"stream":"quote"', b'"stream":"tick"', RefusalCode.WRONG_TYPE),
    "number as time": (b'"event_ns":"5"', b'"event_ns":5', RefusalCode.WRONG_TYPE),
    "late time": (b'"event_ns":"5"', b'"event_ns":"9223372036854775808"', RefusalCode.WRONG_TYPE),
    "signed": (b'"event_ns":"5"', b'"event_ns":"-5"', RefusalCode.WRONG_TYPE),
    "zero before": (b'"event_ns":"5"', b'"event_ns":"05"', RefusalCode.WRONG_TYPE),
    "other digits": (b'"event_ns":"5"', '"event_ns":"\u0665"'.encode(), RefusalCode.WRONG_TYPE),
    "no time": (b'"event_ns":"5",', b"", RefusalCode.MISSING_FIELD),
    "long sequence": (
        b'"source_sequence":"7"',
        b'"source_sequence":"18446744073709551616"',
        RefusalCode.WRONG_TYPE,
    ),
    "other id": (b":quote:7", b":quote:8", RefusalCode.WRONG_TYPE),
    "other symbol": (b'"symbol":"fxcm:EURUSD"', b'"symbol":"fxcm:NZDUSD"', RefusalCode.WRONG_TYPE),
    "line in symbol": (
        b'"symbol":"fxcm:EURUSD"',
        b'"symbol":"fxcm:EURUSD\\n"',
        RefusalCode.WRONG_TYPE,
    ),
    "text after": (b'.v1"}', b'.v1"}{}', RefusalCode.UNDECODABLE),
}


@pytest.mark.parametrize(("old", "new", "refusal"), CHANGED.values(), ids=CHANGED)
def test_message_with_one_thing_wrong_is_told_why(
    old: bytes, new: bytes, refusal: RefusalCode
) -> None:
    message = made(row_of())
    assert old in message.value

    assert refused(arrived(message, value=message.value.replace(old, new))).refusal is refusal


HEADERS = {
    "no source": ({SOURCE: b""}, RefusalCode.MISSING_FIELD),
    "short source": ({SOURCE: b"ab"}, RefusalCode.MISSING_FIELD),
    "large source": ({SOURCE: DIGEST.upper().encode()}, RefusalCode.MISSING_FIELD),
    "line in source": ({SOURCE: DIGEST.encode() + b"\n"}, RefusalCode.MISSING_FIELD),
    "other source": ({SOURCE: b"cd" * 32}, RefusalCode.WRONG_TYPE),
    "no code": ({REFUSAL: b""}, RefusalCode.WRONG_TYPE),
    "unknown code": ({REFUSAL: b"market.nice"}, RefusalCode.WRONG_TYPE),
    "bytes as code": ({REFUSAL: b"\xff\xfe"}, RefusalCode.WRONG_TYPE),
}


@pytest.mark.parametrize(("headers", "refusal"), HEADERS.values(), ids=HEADERS)
def test_headers_that_decide_something_are_read_strictly(
    headers: Mapping[str, bytes], refusal: RefusalCode
) -> None:
    assert refused(arrived(made(row_of()), headers=headers)).refusal is refusal


def test_headers_that_are_not_there_leave_no_context() -> None:
    message = made(row_of())
    bare = Received(0, message.key, message.value, (), -1)

    assert refused(bare).refusal is RefusalCode.MISSING_FIELD


@pytest.mark.parametrize("wall", [b"", b"-1", b"x", b"1.5", b"9" * 20, b"\xff", b"1\n"])
def test_ingress_time_that_is_none_is_that_of_the_record(wall: bytes) -> None:
    read = read_context(arrived(made(row_of()), headers={INGRESS_WALL_NS: wall}))

    assert isinstance(read, CarriedContext)
    assert read.ingress_wall_ns == 1_000_000_000


@pytest.mark.parametrize(
    ("said", "speed"),
    [(b"", 1.0), (b"x", 1.0), (b"\xff", 1.0), (b"nan", 1.0), (b"-1", 1.0), (b"0", 1.0),
     (b"inf", 1.0), (b"1" * 5000, 1.0), (b"2.5", 2.5), (b"max", None)],
)  # fmt: skip
def test_speed_that_is_none_is_live_and_as_fast_as_it_goes_is_not_measured(
    said: bytes, speed: float | None
) -> None:
    read = read_context(arrived(made(row_of()), headers={SPEED: said}))

    assert isinstance(read, CarriedContext)
    assert read.speed == speed


@pytest.mark.parametrize("key", [b"fxcm:NZDUSD", b"fxcm:EURUSD ", b"\xff"])
def test_key_other_than_the_symbol_is_refused(key: bytes) -> None:
    assert refused(arrived(made(row_of()), key=key)).refusal is RefusalCode.WRONG_TYPE


def test_record_whose_value_is_gone_is_no_context() -> None:
    message = made(row_of())
    grave = Received(0, message.key, None, message.headers, 1)

    assert refused(grave).refusal is RefusalCode.UNDECODABLE


def test_value_that_no_message_can_say_is_refused_and_told_so() -> None:
    message = made(row_of(values=(math.inf, 1.0, 1.0, 1.0, math.nan, math.nan)))

    read = read_context(arrived(message))

    assert isinstance(read, CarriedContext)
    assert read.row[4] == int(RefusalCode.NOT_FINITE)


@pytest.mark.parametrize(
    "row", [row_of(stream=len(Stream) + 3), row_of(times=(-1, 5)), row_of(times=(5, -1))]
)
def test_row_that_no_message_can_say_makes_none(row: tuple[float, ...]) -> None:
    assert context_message(row, symbol=SYMBOL, source=DIGEST, ingress_wall_ns=1, speed=1.0) is None


CUT_AND_CHANGED = st.tuples(st.integers(0, 400), st.integers(0, 12), st.binary(max_size=12))


@given(
    change=CUT_AND_CHANGED,
    key=st.one_of(st.none(), st.binary(max_size=20)),
    headers=st.dictionaries(
        st.one_of(st.text(max_size=5), st.sampled_from([SOURCE, SPEED, REFUSAL, INGRESS_WALL_NS])),
        st.binary(max_size=70),
        max_size=4,
    ),
    timestamp_ms=st.integers(-1, 2**63 - 1),
)
def test_whatever_arrives_is_a_context_or_told_why_not(
    change: tuple[int, int, bytes],
    key: bytes | None,
    headers: dict[str, bytes],
    timestamp_ms: int,
) -> None:
    message = made(row_of())
    at, length, put = change
    value = message.value[:at] + put + message.value[at + length :]
    record = Received(0, key, value, [*message.headers, *headers.items()], timestamp_ms)

    read = read_context(record)

    if isinstance(read, Unreadable):
        assert read.refusal is not RefusalCode.NONE
    else:
        model = ContextReceived.model_validate_json(value)
        assert read.context_id == model.context_id
        np.array([read.row], dtype=CONTEXT)


@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)))
def test_whatever_bytes_arrive_nothing_is_raised(value: bytes) -> None:
    headers = made(row_of()).headers

    assert isinstance(read_context(Received(0, None, value, headers, 0)), Unreadable)
