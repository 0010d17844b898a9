"""A live context on its way in: parsed strictly, named for ever, stamped once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Final, Literal

import msgspec

from torghut.kernel.canonical import JsonRefusedError, parse_json_object
from torghut.kernel.ids import SOURCE_KEY_DIGITS, SYMBOL_PATTERN
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream, published_name
from torghut.schemas.live.naming import feed_digest
from torghut.workflows.live.errors import ContextMalformedError

LINE_BYTES_MAX: Final = 65_536
"""Longest JSON of a context that is looked at."""

_STREAMS: Final[Mapping[str, int]] = {published_name(stream): int(stream) for stream in Stream}
_SEQUENCED: Final = int(ContextFlag.SEQUENCED)
_EVENT_TIME_ASSUMED: Final = int(ContextFlag.EVENT_TIME_ASSUMED)
_NAN: Final = float("nan")
_BELOW: Final = 2**63
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LONG: Final = re.compile(rb"[:\s]-?[0-9]{16}")
"""A number, not a text, that a double may not hold."""

_SHOWN: Final = 80
_REQUIRED: Final = 3
_COLONS_OF_SYMBOL: Final = 1
_SYMBOL: Final = rf"^{SYMBOL_PATTERN}\Z"

Number = float | None | msgspec.UnsetType
Whole = int | str | None | msgspec.UnsetType


class OfferedFields(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """``schemas.live.offering.ContextOffered``, quick to read; a test holds the two together."""

    feed: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
    symbol: Annotated[str, msgspec.Meta(pattern=_SYMBOL)]
    sequence: int | str
    type: Literal["live.context-offered.v1"] | msgspec.UnsetType = msgspec.UNSET
    stream: Literal["quote", "trade", "depth", "bar"] | msgspec.UnsetType = msgspec.UNSET
    sequenced: bool | msgspec.UnsetType = msgspec.UNSET
    event_ns: Whole = msgspec.UNSET
    receive_ns: Whole = msgspec.UNSET
    bid: Number = msgspec.UNSET
    ask: Number = msgspec.UNSET
    bid_size: Number = msgspec.UNSET
    ask_size: Number = msgspec.UNSET
    last: Number = msgspec.UNSET
    last_size: Number = msgspec.UNSET


_DECODER: Final = msgspec.json.Decoder(OfferedFields, strict=True)
_OPTIONAL: Final = attrgetter(*OfferedFields.__struct_fields__[_REQUIRED:])


class OfferedContext(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A context that a sender offers; a struct, since one is made for every context.

    Attributes:
        context_id: The same wherever and whenever it is offered.
        feed: What the sender calls its feed.
        source: sha256 of the feed's declaration.
        symbol: Not known to be declared yet.
        stream: A number of ``codes.Stream``.
        sequenced: Whether a jump in the sequence is a gap.
        sequence: Of the feed, below 2^63.
        event_ns: None where the sender does not say.
        receive_ns: None where it is to be stamped.
        values: bid, ask, bid size, ask size, last, last size; NaN where there is none.
    """

    context_id: str
    feed: str
    source: str
    symbol: str
    stream: int
    sequenced: bool
    sequence: int
    event_ns: int | None
    receive_ns: int | None
    values: tuple[float, float, float, float, float, float]

    def row(self, now_ns: int) -> tuple[float, ...]:
        """Return the fields of ``rows.CONTEXT``, symbol and source still 0; stamped if need be.

        Args:
            now_ns: The receive clock.
        """
        receive_ns = now_ns if self.receive_ns is None else self.receive_ns
        marks = _SEQUENCED if self.sequenced else 0
        if self.event_ns is None:
            marks |= _EVENT_TIME_ASSUMED
        event_ns = receive_ns if self.event_ns is None else self.event_ns
        fixed = (0, 0, self.stream, marks, _NO_REFUSAL, self.sequence, event_ns, receive_ns)
        return fixed + self.values


def parse_offered(line: bytes, place: str = "the context") -> OfferedContext:
    """Return the context that ``line`` spells in JSON, read in no two ways.

    Raises:
        ContextMalformedError: It spells none.
    """
    fields = _read_at_once(line) or _read(line, place)
    source = _source_of(fields.feed)
    sequence = _whole(fields.sequence, "sequence", place)
    stream = fields.stream or "quote"
    name = f"{source[:SOURCE_KEY_DIGITS]}:{fields.symbol}:{stream}:{sequence}"
    return OfferedContext(
        context_id=name,
        feed=fields.feed,
        source=source,
        symbol=fields.symbol,
        stream=_STREAMS[stream],
        sequenced=bool(fields.sequenced),
        sequence=sequence,
        event_ns=_optional(fields.event_ns, "event_ns", place),
        receive_ns=_optional(fields.receive_ns, "receive_ns", place),
        values=(
            _value(fields.bid),
            _value(fields.ask),
            _value(fields.bid_size),
            _value(fields.ask_size),
            _value(fields.last),
            _value(fields.last_size),
        ),
    )


def _read_at_once(line: bytes) -> OfferedFields | None:
    """Return what ``line`` spells where that is beyond doubt, in a tenth of the time; else None.

    In a flat object whose texts hold no quotes every colon but the symbol's own follows a key: as
    many as keys were found means that none came twice. A long number is left to who reads exactly.
    """
    if len(line) > LINE_BYTES_MAX or b"\\" in line or _LONG.search(line):
        return None
    try:
        fields = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    given = len(OfferedFields.__struct_fields__) - _OPTIONAL(fields).count(msgspec.UNSET)
    return fields if line.count(b":") == given + _COLONS_OF_SYMBOL else None


def _read(line: bytes, place: str) -> OfferedFields:
    """Return what ``line`` spells, read in no two ways.

    Raises:
        ContextMalformedError: It spells no context.
    """
    if len(line) > LINE_BYTES_MAX:
        expected = f"at most {LINE_BYTES_MAX} bytes"
        raise ContextMalformedError(place=place, expected=expected, found="more")
    try:
        return msgspec.convert(parse_json_object(line), OfferedFields, strict=True)
    except JsonRefusedError as error:
        raise ContextMalformedError(
            place=place, expected="one JSON object", found=error.found
        ) from error
    except msgspec.ValidationError as error:
        raise ContextMalformedError(
            place=place, expected="a context as its schema says", found=str(error)[: _SHOWN * 3]
        ) from error


@lru_cache(maxsize=1024)
def _source_of(feed: str) -> str:
    """Return the digest that names a feed as a source."""
    return feed_digest(feed)


def _optional(value: Whole, key: str, place: str) -> int | None:
    """Return a time; None where there is none."""
    if value is None or value is msgspec.UNSET:
        return None
    return _whole(value, key, place)


def _whole(value: int | str, key: str, place: str) -> int:
    """Return the number that a JSON number or a decimal text spells."""
    number = -1
    if isinstance(value, int):
        number = value
    elif _DECIMAL.fullmatch(value):
        number = int(value)
    if not 0 <= number < _BELOW:
        raise ContextMalformedError(
            place=f"{place}: {key}",
            expected="a whole number from 0 to below 2^63, from 2^53 on as text",
            found=str(value)[:_SHOWN],
        )
    return number


def _value(number: Number) -> float:
    """Return a price or size as the row holds it."""
    return number if isinstance(number, float) else _NAN


_NO_REFUSAL: Final = int(RefusalCode.NONE)
