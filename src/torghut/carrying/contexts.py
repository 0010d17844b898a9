"""Market contexts as messages: made once at first ingress, read strictly wherever they arrive.

Everything that enters a decision stands in the message or in its ``source`` header; when it came
in and how fast it is played stand in headers beside it, for they are measured.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec

from torghut.carrying.messages import (
    CORRELATION_ID,
    INGRESS_WALL_NS,
    REFUSAL,
    SCHEMA,
    SOURCE,
    SPEED,
    Outgoing,
    Received,
    trace_of,
)
from torghut.kernel.canonical import JsonRefusedError, parse_json_object
from torghut.kernel.ids import SOURCE_KEY_DIGITS, SYMBOL_PATTERN
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream, published_name
from torghut.schemas.context import Assumption

SCHEMA_ID: Final = "market.context-received.v1"
"""What the ``schema`` header of a context says, and the ``type`` in it."""

MESSAGE_BYTES_MAX: Final = 65_536
"""Longest message that is looked at."""

EXCERPT_CHARS: Final = 120

_STREAMS: Final[Mapping[str, int]] = {published_name(stream): int(stream) for stream in Stream}
_STREAM_NAMES: Final[tuple[Literal["quote", "trade", "depth", "bar"], ...]] = (
    "quote",
    "trade",
    "depth",
    "bar",
)
_ASSUMED: Final[Mapping[Assumption, int]] = {
    "event-time": int(ContextFlag.EVENT_TIME_ASSUMED),
    "receive-time": int(ContextFlag.RECEIVE_TIME_ASSUMED),
    "quote": int(ContextFlag.QUOTE_ASSUMED),
}
_SEQUENCED: Final = int(ContextFlag.SEQUENCED)
_CODES: Final[Mapping[str, int]] = {code.code: int(code) for code in RefusalCode if code}
_NOT_FINITE: Final = int(RefusalCode.NOT_FINITE)
_NAN: Final = float("nan")
_AS_IT_GOES: Final = b"max"
"""The speed of a source that is played as fast as it goes: nothing is measured."""

_NS_BELOW: Final = 2**63
_SEQUENCE_BELOW: Final = 2**64
_SOURCE: Final = re.compile(rb"[0-9a-f]{64}")
_WALL_DIGITS_MAX: Final = 19
_COLONS_IN_TEXTS: Final = 5
"""Of a context id and a symbol; every other colon of a flat object follows a key."""

_SYMBOL: Final = rf"^{SYMBOL_PATTERN}\Z"
_DECIMAL: Final = r"^(0|[1-9][0-9]{0,19})\Z"

Whole = Annotated[str, msgspec.Meta(pattern=_DECIMAL)]


class _Fields(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """``schemas.context.ContextReceived``, quick to read and make; a test holds them together."""

    context_id: str
    event_ns: Whole
    receive_ns: Whole
    source_sequence: Whole
    stream: Literal["quote", "trade", "depth", "bar"]
    symbol: Annotated[str, msgspec.Meta(pattern=_SYMBOL)]
    ask: float | None = None
    ask_size: float | None = None
    assumed: tuple[Assumption, ...] = ()
    bid: float | None = None
    bid_size: float | None = None
    last: float | None = None
    last_size: float | None = None
    sequenced: bool = False
    type: Literal["market.context-received.v1"] = "market.context-received.v1"


class _AllFields(_Fields, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """The same, none of it left out, as a message that was made here is."""

    ask: float | None
    ask_size: float | None
    assumed: tuple[Literal["event-time", "receive-time", "quote"], ...]
    bid: float | None
    bid_size: float | None
    last: float | None
    last_size: float | None
    sequenced: bool
    type: Literal["market.context-received.v1"]


_DECODER: Final = msgspec.json.Decoder(_AllFields, strict=True)
_COLONS: Final = len(_AllFields.__struct_fields__) + _COLONS_IN_TEXTS
_ENCODER: Final = msgspec.json.Encoder()


class CarriedContext(msgspec.Struct, frozen=True, gc=False):
    """A context that arrived; a struct, since one is made for every context.

    Attributes:
        context_id: What names it.
        symbol: Not known to be declared yet.
        source: sha256 of the source part that it comes from.
        row: The fields of ``rows.CONTEXT``, symbol and source still 0.
        ingress_wall_ns: When it first came in, by wall time; None where nobody knows.
        speed: Of playing; None where nothing is measured.
        trace: The W3C trace that it is part of; empty where it is part of none.
    """

    context_id: str
    symbol: str
    source: str
    row: tuple[float, ...]
    ingress_wall_ns: int | None
    speed: float | None
    trace: bytes


class Unreadable(msgspec.Struct, frozen=True, gc=False):
    """A record that is no context: it is kept where it can be found, and the next one is read.

    Attributes:
        refusal: Why.
        found: What is wrong, in words.
        digest: sha256 of its value as found, 64 hex digits.
        excerpt: Its first bytes, printable.
    """

    refusal: RefusalCode
    found: str
    digest: str
    excerpt: str


def unreadable(received: Received, refusal: RefusalCode, found: str) -> Unreadable:
    """Return why a record is not taken as a context, with what it is recognised by."""
    value = received.value or b""
    return Unreadable(refusal, found, hashlib.sha256(value).hexdigest(), _printable(value))


class NoContextError(Exception):
    """Ends the reading of a record that is no context; never leaves this module."""

    def __init__(self, refusal: RefusalCode, found: str) -> None:
        super().__init__(found)
        self.refusal = refusal


def read_context(received: Received) -> CarriedContext | Unreadable:
    """Return the context that a record is, read in no two ways; or why it is none."""
    try:
        return _context(received.value or b"", received)
    except NoContextError as error:
        return unreadable(received, error.refusal, str(error))


def context_message(
    row: tuple[float, ...],
    *,
    symbol: str,
    source: str,
    ingress_wall_ns: int | None,
    speed: float | None,
) -> Outgoing | None:
    """Return a context as the record that carries it; None where no message can say it.

    Args:
        row: The fields of ``rows.CONTEXT``.
        symbol: Its declared instrument; the record's key.
        source: sha256 of the source part that it comes from.
        ingress_wall_ns: When it came in, by wall time.
        speed: Of playing; None where nothing is measured.
    """
    _, _, stream, marks, refusal, sequence, event_ns, receive_ns = map(int, row[:8])
    if stream >= len(_STREAM_NAMES) or min(event_ns, receive_ns) < 0:
        return None
    values = row[8:]
    if not refusal and any(map(math.isinf, values)):
        refusal = _NOT_FINITE
    name = _STREAM_NAMES[stream]
    bid, ask, bid_size, ask_size, last, last_size = map(_number, values)
    fields = _Fields(
        context_id=f"{source[:SOURCE_KEY_DIGITS]}:{symbol}:{name}:{sequence}",
        event_ns=str(event_ns),
        receive_ns=str(receive_ns),
        source_sequence=str(sequence),
        stream=name,
        symbol=symbol,
        ask=ask,
        ask_size=ask_size,
        assumed=_assumed(marks),
        bid=bid,
        bid_size=bid_size,
        last=last,
        last_size=last_size,
        sequenced=bool(marks & _SEQUENCED),
    )
    headers = [*_always(source, speed), (CORRELATION_ID, fields.context_id.encode())]
    if ingress_wall_ns is not None:
        headers.append((INGRESS_WALL_NS, b"%d" % ingress_wall_ns))
    if refusal:
        headers.append((REFUSAL, RefusalCode(refusal).code.encode()))
    return Outgoing(symbol.encode(), _ENCODER.encode(fields), headers)


def _context(value: bytes, received: Received) -> CarriedContext:
    """Return the context that a record is.

    Raises:
        NoContextError: It is none.
    """
    fields = _read_at_once(value) or _read(value)
    headers = dict(received.headers)
    source = _source(headers.get(SOURCE))
    if source is None:
        raise NoContextError(RefusalCode.MISSING_FIELD, "no sha256 in the header source")
    key = source[:SOURCE_KEY_DIGITS]
    name = f"{key}:{fields.symbol}:{fields.stream}:{fields.source_sequence}"
    if fields.context_id != name:
        raise NoContextError(RefusalCode.WRONG_TYPE, f"a context id other than {name}")
    if received.key is not None and received.key != fields.symbol.encode():
        raise NoContextError(RefusalCode.WRONG_TYPE, f"a key other than {fields.symbol}")
    row = (
        0,
        0,
        _STREAMS[fields.stream],
        _marks(fields.sequenced, fields.assumed),
        0 if (said := headers.get(REFUSAL)) is None else _refusal(said),
        _below(fields.source_sequence, _SEQUENCE_BELOW),
        _below(fields.event_ns, _NS_BELOW),
        _below(fields.receive_ns, _NS_BELOW),
        _NAN if fields.bid is None else fields.bid,
        _NAN if fields.ask is None else fields.ask,
        _NAN if fields.bid_size is None else fields.bid_size,
        _NAN if fields.ask_size is None else fields.ask_size,
        _NAN if fields.last is None else fields.last,
        _NAN if fields.last_size is None else fields.last_size,
    )
    wall_ns, speed = _measured(headers, received.timestamp_ms)
    trace = trace_of(headers)
    return CarriedContext(fields.context_id, fields.symbol, source, row, wall_ns, speed, trace)


def _read_at_once(value: bytes) -> _Fields | None:
    """Return what ``value`` spells where that is beyond doubt, in a tenth of the time; else None.

    In a flat object whose texts hold no quotes every colon but those of its names follows a key:
    where no field is missing, as many as there are fields means that none came twice.
    """
    if len(value) > MESSAGE_BYTES_MAX or b"\\" in value:
        return None
    try:
        fields = _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return fields if value.count(b":") == _COLONS else None


def _read(value: bytes) -> _Fields:
    """Return what ``value`` spells, read in no two ways.

    Raises:
        NoContextError: It spells no context.
    """
    if len(value) > MESSAGE_BYTES_MAX:
        raise NoContextError(RefusalCode.OVERSIZED_LINE, f"more than {MESSAGE_BYTES_MAX} bytes")
    try:
        return msgspec.convert(parse_json_object(value), _Fields, strict=True)
    except JsonRefusedError as error:
        raise NoContextError(RefusalCode.UNDECODABLE, error.found) from error
    except msgspec.ValidationError as error:
        missing = "missing required" in str(error)
        refusal = RefusalCode.MISSING_FIELD if missing else RefusalCode.WRONG_TYPE
        raise NoContextError(refusal, str(error)[:240]) from error


@lru_cache(maxsize=1024)
def _source(said: bytes | None) -> str | None:
    """Return the sha256 that names a source part; None where a header says none."""
    return said.decode() if said is not None and _SOURCE.fullmatch(said) else None


@lru_cache(maxsize=64)
def _marks(sequenced: bool, assumed: tuple[Assumption, ...]) -> int:  # noqa: FBT001 - to be cached
    """Return what the ingress assumed, as flags."""
    marks = _SEQUENCED if sequenced else 0
    for one in assumed:
        marks |= _ASSUMED[one]
    return marks


def _refusal(said: bytes) -> int:
    """Return the code of what the ingress found wrong with a context.

    Raises:
        NoContextError: It says something that is no code.
    """
    code = _CODES.get(said.decode("ascii", "replace"))
    if code is None:
        raise NoContextError(RefusalCode.WRONG_TYPE, "a header refusal that is no code")
    return code


def _below(text: str, limit: int) -> int:
    """Return the number that decimal digits spell.

    Raises:
        NoContextError: A row has no room for it.
    """
    number = int(text)
    if number >= limit:
        raise NoContextError(RefusalCode.WRONG_TYPE, f"a number of {limit} or more")
    return number


def _measured(headers: Mapping[str, bytes], timestamp_ms: int) -> tuple[int | None, float | None]:
    """Return when a context came in, by wall time, and the speed of playing.

    A sender that says neither is live: the record was made when the context came in.
    """
    wall = headers.get(INGRESS_WALL_NS)
    speed = headers.get(SPEED)
    if wall is None or not wall.isdigit() or len(wall) > _WALL_DIGITS_MAX:
        return (timestamp_ms * NS_PER_MS if timestamp_ms > 0 else None), _speed(speed)
    return int(wall), _speed(speed)


@lru_cache(maxsize=64)
def _speed(said: bytes | None) -> float | None:
    """Return the speed of playing that a header says; live where it says nothing."""
    if said is None:
        return 1.0
    if said == _AS_IT_GOES:
        return None
    try:
        speed = float(said)
    except ValueError:
        return 1.0
    return speed if 0.0 < speed < math.inf else 1.0


@lru_cache(maxsize=1024)
def _always(source: str, speed: float | None) -> tuple[tuple[str, bytes], ...]:
    """Return the headers that all contexts of a source have."""
    played = _AS_IT_GOES if speed is None else repr(float(speed)).encode()
    return ((SCHEMA, SCHEMA_ID.encode()), (SOURCE, source.encode()), (SPEED, played))


@lru_cache(maxsize=16)
def _assumed(marks: int) -> tuple[Assumption, ...]:
    """Return what the flags of a row say was assumed."""
    return tuple(name for name, flag in _ASSUMED.items() if marks & flag)


def _number(value: float) -> float | None:
    """Return a price or size as JSON can say it."""
    return value if math.isfinite(value) else None


def _printable(value: bytes) -> str:
    """Return the first bytes of a record for people to recognise."""
    text = value[: EXCERPT_CHARS * 2].decode("utf-8", "replace")
    return "".join(one if one.isprintable() else "?" for one in text)[:EXCERPT_CHARS]
