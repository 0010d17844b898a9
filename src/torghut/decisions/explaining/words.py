"""Codes in plain words: every reason and trigger as one would say it to a colleague."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import Final

from torghut.kernel.units import NS_PER_S
from torghut.schemas.codes import Reason, Trigger

_MANY: Final = 1e6
"""From here on nobody reads the digits behind the point."""

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
        Reason.GOVERNANCE_SILENT: "governance was not heard in time, so live nothing was opened",
        Reason.REVISION_FENCED: "the revision that decides is fenced: it tells nobody what to hold",
        Reason.ADVICE_IN_FLIGHT: "an earlier context waits for advice, so nothing is opened",
        Reason.ADVICE_APPROVED: "advice approved the target that the gates leave",
        Reason.ADVICE_ADJUSTED: "advice approved a share of the target that the gates leave",
        Reason.ADVICE_DEFERRED: "advice deferred to the fallback",
        Reason.ADVICE_VETOED: "advice vetoed any higher exposure",
        Reason.ADVICE_TIMED_OUT: "advice did not come in time: the fallback answered",
        Reason.ADVICE_BREAKER_OPEN: "advice failed too often lately to be asked: the fallback",
        Reason.ADVICE_CALLS_SPENT: "the hour's calls or tokens for advice are spent: the fallback",
        Reason.ADVICE_TOO_MANY: "too many questions were under way at once: the fallback answered",
        Reason.ADVICE_INVALID: "advice came that is not to be trusted: the fallback answered",
        Reason.ADVICE_FAILED: "advice could not be got: the fallback answered",
        Reason.ADVICE_LOST: "whoever had asked for advice was gone: the fallback answered",
        Reason.ADVICE_SUPERSEDED: "price, regime, target or time moved on: the target was held",
        Reason.ADVICE_MOOT: "advice was wanted, but the gates allow no increase anyway",
        Reason.REASONING_SHADOW: "advice is only recorded beside decisions: the fallback answered",
        Reason.BUDGET_MISSED: "the decision came after the budget for advice",
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


def span(time_ns: float) -> str:
    """Return how long something lasts, in seconds.

    Example:
        >>> span(7_200_000_000)
        '7.2 s'
    """
    return f"{number(time_ns / NS_PER_S)} s"
