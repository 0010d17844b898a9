"""The closed worlds of a decision: every code, in the order that its bytes are numbered.

A member's position is its number in rows and in the log, so members are only ever appended.
"""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Final


def published_name(member: Enum) -> str:
    """Return the name by which a member of a closed world is published.

    Example:
        >>> published_name(RefusalCode.CROSSED_BOOK)
        'crossed-book'
    """
    return member.name.lower().replace("_", "-")


def published_names(kind: type[Enum]) -> tuple[str, ...]:
    """Return the published names of a closed world, by number."""
    return tuple(published_name(member) for member in kind)


class Stream(IntEnum):
    """Kind of market message; order and gaps are judged within one symbol and stream."""

    QUOTE = 0
    TRADE = 1
    DEPTH = 2
    BAR = 3


class ContextFlag(IntFlag):
    """What the ingress assumed about a context because its source did not say it."""

    EVENT_TIME_ASSUMED = 1  # event time = receive time
    RECEIVE_TIME_ASSUMED = 2  # receive time = event time + declared latency
    QUOTE_ASSUMED = 4  # bid = ask = a traded price; costs use the declared half spread
    SEQUENCED = 8  # the sequence is the source's own, so a jump in it is a gap


class RefusalCode(IntEnum):
    """Why a context was refused; 0 is no refusal. ``code`` is the published name."""

    NONE = 0
    UNDECODABLE = 1
    OVERSIZED_LINE = 2
    MISSING_FIELD = 3
    WRONG_TYPE = 4
    NOT_FINITE = 5
    NON_POSITIVE_PRICE = 6
    NEGATIVE_SIZE = 7
    CROSSED_BOOK = 8
    OUT_OF_ORDER = 9
    DUPLICATE = 10
    NO_QUOTE = 11
    ABSURD_JUMP = 12
    WRONG_UNIT = 13
    TIME_OUT_OF_RANGE = 14
    INSTRUMENT_UNDECLARED = 15
    DUPLICATE_KEY = 16
    UNKNOWN_MESSAGE = 17
    TIME_LEAP = 18
    WRONG_PARTITION = 19
    TOO_MANY_SOURCES = 20

    @property
    def code(self) -> str:
        """Return the published code, such as ``market.crossed-book``."""
        return "market." + published_name(self)


class Intent(IntEnum):
    """What the trading loop is told to do about one symbol."""

    ABSTAIN = 0
    HOLD = 1
    BUY = 2
    SELL = 3


class Path(IntEnum):
    """Whether a decision wanted advice (slow) or not (fast)."""

    FAST = 0
    SLOW = 1


class Mode(IntEnum):
    """What the loop may do with a decision: look, simulate, or trade up to the cap."""

    SHADOW = 0
    PAPER = 1
    LIVE = 2


class RouterMode(IntEnum):
    """Whether the regime weights serve, are only compared, or are not computed."""

    STATIC = 0
    SHADOW = 1
    LIVE = 2


class ReasoningMode(IntEnum):
    """Whether advice is not asked for, is only recorded beside the decision, or counts."""

    OFF = 0
    SHADOW = 1
    ACTIVE = 2


class Resolution(IntEnum):
    """What ended the wait of a pending context: one of four verdicts, or why there is none."""

    APPROVE = 1  # the gated target
    ADJUST = 2  # the gated target times a factor in [0, 1]
    DEFER = 3  # the deterministic fallback
    VETO = 4  # no higher exposure
    TIMED_OUT = 5
    BREAKER_OPEN = 6
    CALLS_SPENT = 7
    TOO_MANY = 8  # are asked at once
    INVALID = 9  # an answer that is not to be trusted
    FAILED = 10  # no answer
    LOST = 11  # whoever asked is gone

    @property
    def reason(self) -> Reason:
        """The reason that the decision carries."""
        return Reason(Reason.ADVICE_APPROVED + self - Resolution.APPROVE)


class OnStop(IntEnum):
    """What a stop does to an open position; no choice ever raises exposure."""

    FREEZE = 0
    REDUCE_ONLY = 1
    FLATTEN = 2


class PositionBasis(IntEnum):
    """Which book a decision's position was taken from."""

    PAPER = 0
    REPORTED = 1


class Expert(IntEnum):
    """The policies whose scores the router weighs."""

    TREND = 0
    REVERSAL = 1
    BREAKOUT = 2
    DEFENSIVE = 3


class Domain(IntEnum):
    """Kinds of information whose age is judged."""

    MARKET = 0
    NEWS = 1
    FUNDAMENTALS = 2


class Gate(IntEnum):
    """Checks between a candidate target and a decision, in the order they are applied."""

    KILL_SWITCH = 0
    FRESHNESS = 1
    SESSION = 2
    WARM_UP = 3
    SPREAD = 4
    VOLATILITY = 5
    DRAWDOWN = 6
    CONFIDENCE_FLOOR = 7
    RECONCILIATION = 8
    TURNOVER = 9
    DWELL = 10
    ALLOTMENT = 11
    NOTIONAL = 12


class GateStatus(IntEnum):
    """Outcome of one gate; not applicable is only ever declared, never assumed."""

    NOT_APPLICABLE = 0
    PASS = 1
    FAIL = 2


class Reason(IntEnum):
    """Bit positions of a decision's reasons, at most 64. ``code`` is the published name."""

    WARMING_UP = 0
    STALE_MARKET = 1
    STALE_NEWS = 2
    STALE_FUNDAMENTALS = 3
    SESSION_CLOSED = 4
    STOPPED = 5
    SPREAD_WIDE = 6
    VOLATILITY_HIGH = 7
    DRAWDOWN_LIMIT = 8
    CONFIDENCE_LOW = 9
    POSITION_UNRECONCILED = 10
    TURNOVER_LIMIT = 11
    DWELL = 12
    ALLOTMENT_CLAMPED = 13
    NOTIONAL_CLAMPED = 14
    ORDER_IN_FLIGHT = 15
    BELOW_MINIMUM_CHANGE = 16
    REASONING_OFF = 17
    DETERMINISTIC_ONLY = 18
    CONTEXT_LATE = 19
    ENTROPY_HIGH = 20
    FEATURES_STALE = 21
    TRANSITION_SHOCK = 22
    POSTERIOR_INVALID = 23
    PACKAGE_MISSING = 24
    DEFENSIVE_WEIGHTS = 25
    STATIC_WEIGHTS = 26
    SEQUENCE_GAP = 27
    LEVEL_SHIFT = 28
    RECEIVED_BEFORE_EVENT = 29
    EVENT_TIME_ASSUMED = 30
    RECEIVE_TIME_ASSUMED = 31
    POSITION_STALE = 32
    TIME_LEAP = 33
    GOVERNANCE_SILENT = 34
    REVISION_FENCED = 35
    ADVICE_IN_FLIGHT = 36
    ADVICE_APPROVED = 37  # from here on in the order of ``Resolution``
    ADVICE_ADJUSTED = 38
    ADVICE_DEFERRED = 39
    ADVICE_VETOED = 40
    ADVICE_TIMED_OUT = 41
    ADVICE_BREAKER_OPEN = 42
    ADVICE_CALLS_SPENT = 43
    ADVICE_TOO_MANY = 44
    ADVICE_INVALID = 45
    ADVICE_FAILED = 46
    ADVICE_LOST = 47
    ADVICE_SUPERSEDED = 48
    ADVICE_MOOT = 49
    REASONING_SHADOW = 50
    BUDGET_MISSED = 51

    @property
    def code(self) -> str:
        """Return the published code, such as ``reasoning-off``."""
        return published_name(self)


UNADVISED: Final = (
    Reason.REASONING_OFF,
    Reason.DETERMINISTIC_ONLY,
    Reason.REASONING_SHADOW,
    Reason.ADVICE_TIMED_OUT,
    Reason.ADVICE_BREAKER_OPEN,
    Reason.ADVICE_CALLS_SPENT,
    Reason.ADVICE_TOO_MANY,
    Reason.ADVICE_INVALID,
    Reason.ADVICE_FAILED,
    Reason.ADVICE_LOST,
)
"""Reasons of a decision that asked for advice and was made without any."""


class Trigger(IntEnum):
    """Bit positions of what asked for advice on a decision."""

    ENTROPY = 0
    DISAGREEMENT = 1
    TRANSITION = 2
    NEWS = 3
    CRITICAL_NOTIONAL = 4


PENDING: Final = 255
"""In the place of a refusal code: the context waits for advice, its decision comes later."""
SHADOWED: Final = 254
"""Likewise, but in no log: it was decided, and advice is asked beside it."""


class Switch(IntEnum):
    """Bit positions of the hard switches; what two of them do is in records of their own."""

    STOP = 0
    DETERMINISTIC_ONLY = 1
    DEFENSIVE_WEIGHTS = 2
    STOP_LATCH = 3
    REVERT_PACKAGES = 4
    LAST_STABLE_REVISION = 5
    REVISION_FENCE = 6


class ControlKind(StrEnum):
    """Records that change what the kernel may do; part of the input, in log order."""

    SWITCH = "switch"
    STOP = "stop"
    MODE = "mode"
    ROUTER_MODE = "router-mode"
    LIMITS_ALLOTTED = "limits-allotted"
    PACKAGE_CHANGED = "package-changed"
    DECLARATIONS_CHANGED = "declarations-changed"
    FILL = "fill"
    ORDER = "order"
    POSITION = "position"
    NEWS = "news"
    FUNDAMENTALS = "fundamentals"
    LAG_BEGIN = "lag-begin"
    LAG_END = "lag-end"
    DEPTH_SNAPSHOT = "depth-snapshot"
    GOVERNANCE_HEARTBEAT = "governance-heartbeat"
    REVISION_FENCE = "revision-fence"
    REASONING_MODE = "reasoning-mode"
    ADVICE_RESOLVED = "advice-resolved"
    ADVICE_SHADOWED = "advice-shadowed"


MAX_REGIMES: Final = 4
REGIME_FEATURES: Final = 3
REGIME_LABELS: Final[dict[int, tuple[str, ...]]] = {
    1: ("normal",),
    2: ("calm", "turbulent"),
    3: ("calm", "normal", "turbulent"),
    4: ("calm", "normal", "elevated", "turbulent"),
}
"""Labels of the states of a regime model with that many states, by rising volatility."""
