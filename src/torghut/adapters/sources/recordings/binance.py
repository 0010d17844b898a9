"""Binance websocket recordings: a receive time in ns and a JSON message on each line.

A bookTicker is a quote, a trade a trade, a depthUpdate a depth; each is one context. A depth
snapshot, which has no stream, is a control record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar

import numpy as np
from typing_extensions import override

from torghut.adapters.sources.decoding.linetext import decode_line
from torghut.adapters.sources.decoding.numbers import SEQUENCE_LIMIT, real
from torghut.adapters.sources.decoding.page import Mask
from torghut.adapters.sources.decoding.strictjson import Json, parse_json
from torghut.adapters.sources.decoding.templates import Program, Scanned, build_program
from torghut.adapters.sources.decoding.times import (
    PLAUSIBLE_NS,
    TimeForm,
    count_to_ns,
    parse_time,
)
from torghut.adapters.sources.decoding.verdicts import Decoded, RefusedError, Verdict
from torghut.adapters.sources.linewise import LineDecoder
from torghut.market.ports import ContextArray
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream
from torghut.schemas.control import DepthSnapshot
from torghut.schemas.rows import LATEST_NS, Integers

SPOT: Final = "spot"
USDM: Final = "usdm"

_HEAD: Final = '<whole receive> {"stream":"<text>","data":{'
_TYPELESS_HEAD: Final = '<whole receive> {"stream":"<word>@bookTicker","data":{'
_QUOTE: Final = (
    '"s":"<name symbol>","b":"<real bid>","B":"<real bid_size>",'
    '"a":"<real ask>","A":"<real ask_size>"'
)
_PRICE: Final = '"p":"<real last>","q":"<real last_size>"'
_LEVELS: Final = '"b":<levels bid_size>,"a":<levels ask_size>}}'
_TEMPLATES: Final[Mapping[str, Mapping[str, Stream]]] = {
    SPOT: {
        _TYPELESS_HEAD + '"u":<whole sequence>,' + _QUOTE + "}}": Stream.QUOTE,
        **{
            _HEAD + '"e":"trade","E":<whole event>,"s":"<name symbol>","t":<whole sequence>,'
            f'{_PRICE},"T":<whole>,"m":{maker},"M":true}}}}': Stream.TRADE
            for maker in ("true", "false")
        },
        _HEAD + '"e":"depthUpdate","E":<whole event>,"s":"<name symbol>","U":<whole>,'
        '"u":<whole sequence>,' + _LEVELS: Stream.DEPTH,
    },
    USDM: {
        _HEAD + '"e":"bookTicker","u":<whole sequence>,' + _QUOTE + ',"T":<whole>,'
        '"E":<whole event>}}': Stream.QUOTE,
        **{
            _HEAD + '"e":"trade","E":<whole event>,"T":<whole>,"s":"<name symbol>",'
            f'"t":<whole sequence>,{_PRICE},"X":"<text>","m":{maker}}}}}': Stream.TRADE
            for maker in ("true", "false")
        },
        _HEAD + '"e":"depthUpdate","E":<whole event>,"T":<whole>,"s":"<name symbol>",'
        '"U":<whole>,"u":<whole sequence>,"pu":<whole>,' + _LEVELS: Stream.DEPTH,
    },
}
"""Every message as the exchange writes it, in its own order of keys."""

_NS_PER_MS: Final = TimeForm.MS.ns_per_unit
_SNAPSHOT_ID_LIMIT: Final = 2**53
_NO_MARKS: Final = ContextFlag(0)
_TYPELESS: Final = "bookTicker"  # on the spot market it carries no event type

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What one event type becomes: its sequence, and the field of each value."""

    stream: Stream
    sequence: str
    values: Mapping[str, str]
    marks: ContextFlag = _NO_MARKS


_KINDS: Final[Mapping[str, _Kind]] = {
    "bookTicker": _Kind(
        stream=Stream.QUOTE,
        sequence="u",
        values={"bid": "b", "bid_size": "B", "ask": "a", "ask_size": "A"},
    ),
    "trade": _Kind(
        stream=Stream.TRADE,
        sequence="t",
        values={"last": "p", "last_size": "q"},
        marks=ContextFlag.SEQUENCED,
    ),
    "depthUpdate": _Kind(
        stream=Stream.DEPTH, sequence="u", values={"bid_size": "b", "ask_size": "a"}
    ),
}


class BinanceDecoder(LineDecoder):
    """How one recording's lines become contexts.

    Args:
        market: ``spot`` or ``usdm``.
        numbers: The source's number of each declared pair, such as ``BTCUSDT``.
        venue: What qualifies a pair's name into a symbol.
        pair: The pair that the file is named after, for snapshots, which name none.
    """

    def __init__(self, *, market: str, venue: str, numbers: Mapping[str, int], pair: str) -> None:
        templates = _TEMPLATES[market]
        self._program = build_program(list(templates), numbers)
        self._streams = np.array([*templates.values(), 0], np.uint8)
        self._venue = venue
        self._numbers = numbers
        self._pair = pair

    @property
    @override
    def header_lines(self) -> int:
        return 0

    @property
    @override
    def program(self) -> Program:
        return self._program

    @override
    def compose(self, scanned: Scanned, rows: ContextArray) -> Mask:
        receive = scanned.whole("receive")
        event = scanned.whole("event")
        assumed = event < 0
        streams = self._streams[scanned.kinds]
        trades = streams == Stream.TRADE
        rows["symbol"] = np.maximum(scanned.whole("symbol"), 0)
        rows["stream"] = streams
        rows["marks"] = assumed * ContextFlag.EVENT_TIME_ASSUMED | trades * ContextFlag.SEQUENCED
        rows["refusal"] = RefusalCode.NONE
        rows["sequence"] = scanned.whole("sequence")
        rows["event_ns"] = np.where(assumed, receive, event * _NS_PER_MS)
        rows["receive_ns"] = receive
        for value in ("bid", "ask", "bid_size", "ask_size", "last", "last_size"):
            rows[value] = scanned.real(value)
        known = (scanned.kinds >= 0) & _within(receive, 1)
        return known & (assumed | _within(event, _NS_PER_MS))

    @override
    def judge(self, line: bytes, record: int) -> Verdict:
        head, space, body = decode_line(line).partition(" ")
        if not space:
            raise RefusedError(RefusalCode.UNDECODABLE)
        message = parse_json(body)
        receive = parse_time(head, TimeForm.NS)
        if isinstance(message, dict) and "stream" in message:
            return self._context(message, receive)
        if isinstance(message, dict) and "lastUpdateId" in message:
            return self._snapshot(message, receive, line, body)
        raise RefusedError(RefusalCode.UNKNOWN_MESSAGE)

    def _context(self, message: Mapping[str, Json], receive: int) -> Decoded:
        """Return the context that a stream's message is."""
        stream = _member(message, "stream", str)
        data: Mapping[str, Json] = _member(message, "data", dict)
        kind = _kind(stream, data)
        symbol = self._numbers.get(_member(data, "s", str))
        if symbol is None:
            raise RefusedError(RefusalCode.INSTRUMENT_UNDECLARED)
        sequence = _count(data, kind.sequence, SEQUENCE_LIMIT)
        event, marks = receive, kind.marks | ContextFlag.EVENT_TIME_ASSUMED
        if "E" in data:
            event, marks = count_to_ns(_member(data, "E", int), TimeForm.MS), kind.marks
        try:
            refusal, values = RefusalCode.NONE, _values(data, kind)
        except RefusedError as error:
            refusal, values = error.refusal, {}
        return Decoded(
            symbol=symbol,
            stream=kind.stream,
            marks=marks,
            refusal=refusal,
            sequence=sequence,
            event_ns=event,
            receive_ns=receive,
            **values,
        )

    def _snapshot(
        self, message: Mapping[str, Json], receive: int, line: bytes, body: str
    ) -> DepthSnapshot:
        """Return the control record for a depth snapshot."""
        update = _count(message, "lastUpdateId", _SNAPSHOT_ID_LIMIT)
        bids, asks = _member(message, "bids", list), _member(message, "asks", list)
        if not self._pair:
            raise RefusedError(RefusalCode.MISSING_FIELD)
        if self._pair not in self._numbers:
            raise RefusedError(RefusalCode.INSTRUMENT_UNDECLARED)
        symbol = f"{self._venue}:{self._pair}"
        named = sha256(symbol.encode() + b"\0" + line).hexdigest()
        return DepthSnapshot(
            control_id=f"depth-snapshot-{named[:32]}",
            symbol=symbol,
            effective_at_ns=receive,
            update_id=update,
            bids=len(bids),
            asks=len(asks),
            body_digest=sha256(body.encode()).hexdigest(),
        )


def _kind(stream: str, data: Mapping[str, Json]) -> _Kind:
    """Return what a message is: by its event type, or by its stream if it has none."""
    name = _member(data, "e", str) if "e" in data else stream.partition("@")[2]
    if name not in _KINDS or ("e" not in data and name != _TYPELESS):
        raise RefusedError(RefusalCode.UNKNOWN_MESSAGE)
    return _KINDS[name]


def _member(data: Mapping[str, Json], key: str, kind: type[T]) -> T:
    """Return a member of exactly that type; true is no integer.

    Raises:
        RefusedError: It is missing or of another type.
    """
    if key not in data:
        raise RefusedError(RefusalCode.MISSING_FIELD)
    value = data[key]
    if type(value) is not kind:
        raise RefusedError(RefusalCode.WRONG_TYPE)
    return value


def _count(data: Mapping[str, Json], key: str, limit: int) -> int:
    """Return an integer member from 0 to below ``limit``."""
    value = _member(data, key, int)
    if not 0 <= value < limit:
        raise RefusedError(RefusalCode.WRONG_TYPE)
    return value


def _values(data: Mapping[str, Json], kind: _Kind) -> Mapping[str, float]:
    """Return prices and sizes; of a depth update the summed quantities of its levels."""
    if kind.stream is Stream.DEPTH:
        return {name: _total(_member(data, key, list)) for name, key in kind.values.items()}
    return {name: _decimal(_member(data, key, str)) for name, key in kind.values.items()}


def _decimal(value: Json) -> float:
    """Return the number in a JSON string; the exchange writes no price as a JSON number."""
    number = real(value) if isinstance(value, str) else None
    if number is None:
        raise RefusedError(RefusalCode.WRONG_TYPE)
    return number


def _total(levels: Sequence[Json]) -> float:
    """Return the sum of the quantities of price levels, in their order."""
    total = 0.0
    for level in levels:
        if not isinstance(level, list) or len(level) != 2:  # noqa: PLR2004 - price, quantity
            raise RefusedError(RefusalCode.WRONG_TYPE)
        _decimal(level[0])
        total += _decimal(level[1])
    return total


def _within(counts: Integers, ns_per_unit: int) -> Mask:
    """Return which counts are instants that a context may have."""
    least, limit = PLAUSIBLE_NS // ns_per_unit, LATEST_NS // ns_per_unit
    within: Mask = (counts >= least) & (counts < limit)
    return within
