"""Binance websocket recordings: a receive time in ns and a JSON message on each line.

A bookTicker is a quote, a trade a trade, a depthUpdate a depth; each is one context. A depth
snapshot, which has no stream, is a control record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, assert_never

import numpy as np
from typing_extensions import override

from torghut.adapters.sources.decoding.linetext import decode_line
from torghut.adapters.sources.decoding.numbers import SEQUENCE_LIMIT, real
from torghut.adapters.sources.decoding.page import Mask
from torghut.adapters.sources.decoding.strictjson import Json, parse_json
from torghut.adapters.sources.decoding.templates import Program, Scanned, build_program
from torghut.adapters.sources.decoding.times import (
    LATEST_NS,
    PLAUSIBLE_NS,
    TimeFault,
    TimeForm,
    count_to_ns,
    parse_time,
)
from torghut.adapters.sources.decoding.verdicts import Decoded, Verdict
from torghut.adapters.sources.linewise import LineDecoder
from torghut.market.ports import ContextArray
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream
from torghut.schemas.control import DepthSnapshot
from torghut.schemas.rows import Integers

SPOT: Final = "spot"
USDM: Final = "usdm"

_HEAD: Final = '<whole receive> {"stream":"<text>","data":{'
_QUOTE: Final = '"s":"<name symbol>","b":"<real bid>","B":"<real bid_size>","a":"<real ask>",' + (
    '"A":"<real ask_size>"'
)
_PRICE: Final = '"p":"<real last>","q":"<real last_size>"'
_LEVELS: Final = '"b":<levels bid_size>,"a":<levels ask_size>}}'
_TEMPLATES: Final[Mapping[str, Mapping[str, Stream]]] = {
    SPOT: {
        _HEAD + '"u":<whole sequence>,' + _QUOTE + "}}": Stream.QUOTE,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What one event type becomes: its sequence, and the field of each value."""

    stream: Stream
    sequence: str
    values: Mapping[str, str]
    marks: ContextFlag = ContextFlag(0)


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
        text = decode_line(line)
        head, space, body = (text or "").partition(" ")
        if not space:
            return RefusalCode.UNDECODABLE
        message = parse_json(body)
        if isinstance(message, RefusalCode):
            return message
        receive = parse_time(head, TimeForm.NS)
        if isinstance(receive, TimeFault):
            return _time_refusal(receive)
        if not isinstance(message, dict):
            return RefusalCode.UNKNOWN_MESSAGE
        if "stream" in message:
            return self._context(message, receive)
        if "lastUpdateId" in message:
            return self._snapshot(message, receive, line, body)
        return RefusalCode.UNKNOWN_MESSAGE

    def _context(self, message: Mapping[str, Json], receive: int) -> Verdict:
        """Return the context that a stream's message is."""
        stream, data = message["stream"], message.get("data")
        if "data" not in message:
            return RefusalCode.MISSING_FIELD
        if not isinstance(stream, str) or not isinstance(data, dict):
            return RefusalCode.WRONG_TYPE
        kind = _kind(stream, data)
        if isinstance(kind, RefusalCode):
            return kind
        symbol = self._symbol(data)
        if isinstance(symbol, RefusalCode):
            return symbol
        sequence = _sequence(data, kind.sequence)
        if isinstance(sequence, RefusalCode):
            return sequence
        event = _event(data, receive)
        if isinstance(event, RefusalCode):
            return event
        marks = kind.marks | (0 if "E" in data else ContextFlag.EVENT_TIME_ASSUMED)
        values = {name: _value(data, key, kind) for name, key in kind.values.items()}
        faults = [value for value in values.values() if isinstance(value, RefusalCode)]
        return Decoded(
            symbol=symbol,
            stream=kind.stream,
            marks=marks,
            refusal=faults[0] if faults else RefusalCode.NONE,
            sequence=sequence,
            event_ns=event,
            receive_ns=receive,
            **({} if faults else values),
        )

    def _symbol(self, data: Mapping[str, Json]) -> int | RefusalCode:
        """Return the number of the pair that a message is about."""
        if "s" not in data:
            return RefusalCode.MISSING_FIELD
        pair = data["s"]
        if not isinstance(pair, str):
            return RefusalCode.WRONG_TYPE
        return self._numbers.get(pair, RefusalCode.INSTRUMENT_UNDECLARED)

    def _snapshot(
        self, message: Mapping[str, Json], receive: int, line: bytes, body: str
    ) -> Verdict:
        """Return the control record for a depth snapshot."""
        if not {"bids", "asks"} <= message.keys() or not self._pair:
            return RefusalCode.MISSING_FIELD
        update, bids, asks = message["lastUpdateId"], message["bids"], message["asks"]
        if not isinstance(bids, list) or not isinstance(asks, list):
            return RefusalCode.WRONG_TYPE
        if type(update) is not int or not 0 <= update < _SNAPSHOT_ID_LIMIT:
            return RefusalCode.WRONG_TYPE
        if self._pair not in self._numbers:
            return RefusalCode.INSTRUMENT_UNDECLARED
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


def _kind(stream: str, data: Mapping[str, Json]) -> _Kind | RefusalCode:
    """Return what a message is: by its event type, or by its stream if it has none."""
    event_type = data.get("e")
    if "e" not in data:
        event_type = stream.partition("@")[2]
        if event_type != "bookTicker":
            return RefusalCode.UNKNOWN_MESSAGE
    if not isinstance(event_type, str):
        return RefusalCode.WRONG_TYPE
    return _KINDS.get(event_type, RefusalCode.UNKNOWN_MESSAGE)


def _sequence(data: Mapping[str, Json], key: str) -> int | RefusalCode:
    """Return a message's own sequence."""
    if key not in data:
        return RefusalCode.MISSING_FIELD
    value = data[key]
    if type(value) is not int or not 0 <= value < SEQUENCE_LIMIT:
        return RefusalCode.WRONG_TYPE
    return value


def _event(data: Mapping[str, Json], receive: int) -> int | RefusalCode:
    """Return when a message happened: by the exchange's clock, or on receipt."""
    if "E" not in data:
        return receive
    value = data["E"]
    if type(value) is not int:
        return RefusalCode.WRONG_TYPE
    event = count_to_ns(value, TimeForm.MS)
    return _time_refusal(event) if isinstance(event, TimeFault) else event


def _value(data: Mapping[str, Json], key: str, kind: _Kind) -> float | RefusalCode:
    """Return a price, a size, or the summed size of price levels."""
    if key not in data:
        return RefusalCode.MISSING_FIELD
    found = data[key]
    number = _total(found) if kind.stream is Stream.DEPTH else _decimal(found)
    return RefusalCode.WRONG_TYPE if number is None else number


def _decimal(value: Json) -> float | None:
    """Return the number in a JSON string; the exchange writes no price as a JSON number."""
    return real(value) if isinstance(value, str) else None


def _total(levels: Json) -> float | None:
    """Return the sum of the quantities of price levels, in their order."""
    if not isinstance(levels, list):
        return None
    total = 0.0
    for level in levels:
        if not isinstance(level, list) or len(level) != 2:  # noqa: PLR2004 - price, quantity
            return None
        price, quantity = _decimal(level[0]), _decimal(level[1])
        if price is None or quantity is None:
            return None
        total += quantity
    return total


def _time_refusal(fault: TimeFault) -> RefusalCode:
    """Return the code for a time that cannot be used."""
    match fault:
        case TimeFault.NOT_A_TIME:
            return RefusalCode.WRONG_TYPE
        case TimeFault.OUT_OF_RANGE:
            return RefusalCode.TIME_OUT_OF_RANGE
        case _:
            assert_never(fault)


def _within(counts: Integers, ns_per_unit: int) -> Mask:
    """Return which counts are instants that a context may have."""
    least, limit = PLAUSIBLE_NS // ns_per_unit, LATEST_NS // ns_per_unit
    within: Mask = (counts >= least) & (counts < limit)
    return within
