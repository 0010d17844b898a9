"""Codes in plain words: every reason, trigger and refusal as one would say it to a colleague."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import inf
from types import MappingProxyType
from typing import Final

from torghut.schemas.codes import Reason, RefusalCode, Trigger

_NS_PER_S: Final = 1_000_000_000
_MANY: Final = 1e6
"""From here on nobody reads the digits behind the point."""
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, whose mark is written by hand

REASONS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.WARMING_UP: "too few samples yet: the means still describe their start",
        Reason.STALE_MARKET: "the last quote is older than its limit",
        Reason.STALE_NEWS: "the newest news is older than its limit, or there never was any",
        Reason.STALE_FUNDAMENTALS: "fundamentals are older than their limit, or there are none",
        Reason.SESSION_CLOSED: "the instrument's session is closed",
        Reason.STOPPED: "somebody stopped trading: a stop switch or the stop latch is thrown",
        Reason.SPREAD_WIDE: "the spread is wider than declared as tradable",
        Reason.VOLATILITY_HIGH: "volatility over the horizon is beyond the declared limit",
        Reason.DRAWDOWN_LIMIT: "the loss from the peak is beyond its share of the allotment",
        Reason.CONFIDENCE_LOW: "a gain net of costs is less probable than declared as enough",
        Reason.POSITION_UNRECONCILED: "the reported position is unknown or not that of the fills",
        Reason.TURNOVER_LIMIT: "today's traded notional is beyond the declared limit",
        Reason.DWELL: "the last change of the target is too recent",
        Reason.ALLOTMENT_CLAMPED: "the target was cut to the symbol's allotment",
        Reason.NOTIONAL_CLAMPED: "the target was cut to the notional cap of the mode",
        Reason.ORDER_IN_FLIGHT: "an order is in flight, so its target stays",
        Reason.BELOW_MINIMUM_CHANGE: "the change was too small to be worth its costs",
        Reason.REASONING_OFF: "advice was wanted, but reasoning is off: the fallback answered",
        Reason.DETERMINISTIC_ONLY: "advice was wanted, but a switch allows none",
        Reason.CONTEXT_LATE: "the worker had fallen behind, so nothing was opened",
        Reason.ENTROPY_HIGH: "the regime is too uncertain for the router: defensive weights",
        Reason.FEATURES_STALE: "the last sample is too old for the router: defensive weights",
        Reason.TRANSITION_SHOCK: "the regime changed abruptly: defensive weights",
        Reason.POSTERIOR_INVALID: "there is no valid regime posterior: defensive weights",
        Reason.PACKAGE_MISSING: "no router package serves this symbol: defensive weights",
        Reason.DEFENSIVE_WEIGHTS: "a switch demands defensive weights",
        Reason.STATIC_WEIGHTS: "the router does not serve in this mode: declared static weights",
        Reason.SEQUENCE_GAP: "messages are missing between this context and the one before",
        Reason.LEVEL_SHIFT: "the price jumped, and enough contexts agreed that it is real",
        Reason.RECEIVED_BEFORE_EVENT: "it was received before it happened, beyond the tolerance",
        Reason.EVENT_TIME_ASSUMED: "the source gave no event time: the receive time stands for it",
        Reason.RECEIVE_TIME_ASSUMED: "the source gave no receive time: event time plus latency",
        Reason.POSITION_STALE: "the position was reported too long ago to open anything on it",
        Reason.TIME_LEAP: "the receive clock leapt ahead, and enough contexts agreed that it is so",
    }
)

TRIGGERS: Final[Mapping[Trigger, str]] = MappingProxyType(
    {
        Trigger.ENTROPY: "the regime is uncertain",
        Trigger.DISAGREEMENT: "the experts contradict each other",
        Trigger.TRANSITION: "the regime is likely to change",
        Trigger.NEWS: "relevant news is fresh",
        Trigger.CRITICAL_NOTIONAL: "much of the notional cap is at stake",
    }
)

REFUSALS: Final[Mapping[RefusalCode, str]] = MappingProxyType(
    {
        RefusalCode.UNDECODABLE: "its bytes could not be decoded as this kind of message",
        RefusalCode.OVERSIZED_LINE: "its line is longer than a message may be",
        RefusalCode.MISSING_FIELD: "a field that every such message carries is not there",
        RefusalCode.WRONG_TYPE: "a field is not of the type that it must have",
        RefusalCode.NOT_FINITE: "prices and sizes must be finite numbers",
        RefusalCode.NON_POSITIVE_PRICE: "prices must be above 0",
        RefusalCode.NEGATIVE_SIZE: "sizes must not be negative",
        RefusalCode.CROSSED_BOOK: "the bid must not be above the ask",
        RefusalCode.OUT_OF_ORDER: "sequence and receive time must not go back within one stream",
        RefusalCode.DUPLICATE: "a context with this id was seen before",
        RefusalCode.NO_QUOTE: "a trade or depth message needs a quote of its symbol before it",
        RefusalCode.ABSURD_JUMP: "a price must not jump further than declared unless confirmed",
        RefusalCode.WRONG_UNIT: "prices must be within the instrument's declared plausible range",
        RefusalCode.TIME_OUT_OF_RANGE: "times must lie between 1970 and 2200",
        RefusalCode.INSTRUMENT_UNDECLARED: "no instrument is declared for it",
        RefusalCode.DUPLICATE_KEY: "it says one thing twice",
        RefusalCode.UNKNOWN_MESSAGE: "it is no kind of message that is known here",
        RefusalCode.TIME_LEAP: "a receive time must not leap ahead unless contexts confirm it",
    }
)
"""The rule that a refused context broke."""


def number(value: float) -> str:
    """Return a number as people read it.

    Example:
        >>> number(23000.0), number(1.304123456), number(0.00001234), number(1234567.8)
        ('23,000', '1.30412', '1.234e-05', '1,234,568')
    """
    whole = value.is_integer() or _MANY < abs(value) < inf
    return f"{value:,.0f}" if whole else f"{value:.6g}"


def signed(value: float) -> str:
    """Return a number with its sign.

    Example:
        >>> signed(23000.0), signed(-0.5), signed(0.0)
        ('+23,000', '-0.5', '0')
    """
    return f"+{number(value)}" if value > 0.0 else number(value)


def moment(time_ns: int) -> str:
    """Return a time in UTC, as exactly as it is known.

    Example:
        >>> moment(1_262_610_000_000_000_000), moment(1_262_610_000_050_000_000)
        ('2010-01-04T13:00:00Z', '2010-01-04T13:00:00.05Z')
    """
    seconds, rest_ns = divmod(time_ns, _NS_PER_S)
    second = (_EPOCH + timedelta(seconds=seconds)).isoformat()
    rest = f"{rest_ns:09d}".rstrip("0")
    return f"{second}{'.' if rest else ''}{rest}Z"


def span(time_ns: float) -> str:
    """Return how long something lasts, in seconds.

    Example:
        >>> span(7_200_000_000)
        '7.2 s'
    """
    return f"{number(time_ns / _NS_PER_S)} s"
