"""What each control record does to one symbol's state."""

from __future__ import annotations

from typing import Final, assert_never

import numpy as np

from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.ids import (
    SERVING,
    ContextId,
    IdentifierMalformedError,
    format_context_id,
    parse_decision_id,
    source_key_of_words,
    source_words,
)
from torghut.schemas.codes import (
    Domain,
    Mode,
    OnStop,
    ReasoningMode,
    Resolution,
    RouterMode,
    Stream,
    Switch,
    published_name,
)
from torghut.schemas.control import (
    CONTROL_RECORD,
    AdviceResolved,
    AdviceShadowed,
    ControlRecord,
    DeclarationsChanged,
    DepthSnapshot,
    FillReported,
    FundamentalsArrived,
    GovernanceHeartbeat,
    LagBegan,
    LagEnded,
    LimitsAllotted,
    ModeChanged,
    NewsArrived,
    OrderReported,
    PackageChanged,
    PositionReported,
    ReasoningModeChanged,
    RevisionFence,
    RouterModeChanged,
    StopChanged,
    SwitchThrown,
)

_DECLARED: Final = ("allotment", "notional_cap", "mode", "router_mode", "on_stop")
"""What declarations say of a newborn and a record may set; bit n of ``recorded`` is the nth."""

_SWITCHES: Final = {
    "stop": Switch.STOP,
    "deterministic-only": Switch.DETERMINISTIC_ONLY,
    "defensive-weights": Switch.DEFENSIVE_WEIGHTS,
    "revert-packages": Switch.REVERT_PACKAGES,
    "last-stable-revision": Switch.LAST_STABLE_REVISION,
}
_ON_STOP: Final = {
    "freeze": OnStop.FREEZE,
    "reduce-only": OnStop.REDUCE_ONLY,
    "flatten": OnStop.FLATTEN,
}
_MODES: Final = {"shadow": Mode.SHADOW, "paper": Mode.PAPER, "live": Mode.LIVE}
_ROUTER_MODES: Final = {
    "static": RouterMode.STATIC,
    "shadow": RouterMode.SHADOW,
    "live": RouterMode.LIVE,
}
_REASONING_MODES: Final = {
    "off": ReasoningMode.OFF,
    "shadow": ReasoningMode.SHADOW,
    "active": ReasoningMode.ACTIVE,
}


def apply_control(record: ControlRecord, now_ns: int, state: np.void) -> None:  # noqa: C901, PLR0912, PLR0915
    """Change ``state`` as ``record`` says; records without an effect on state change nothing.

    Args:
        record: Any control record that names this symbol or ``*``.
        now_ns: Receive time of the context that it is placed before.
        state: One row of dtype ``STATE``, changed in place.
    """
    match record:
        case SwitchThrown():
            _flip(state, _SWITCHES[record.name], thrown=record.state == "thrown")
        case StopChanged():
            _flip(state, Switch.STOP_LATCH, thrown=record.state == "stopped")
            set_for_good(state, "on_stop", _ON_STOP[record.on_stop])
        case ModeChanged():
            set_for_good(state, "mode", _MODES[record.mode])
            set_for_good(state, "notional_cap", record.notional_cap)
        case RouterModeChanged():
            set_for_good(state, "router_mode", _ROUTER_MODES[record.mode])
        case ReasoningModeChanged():
            state["reasoning_mode"] = _REASONING_MODES[record.mode]
        case AdviceResolved():
            state["advice"] = Resolution[record.resolution.upper().replace("-", "_")]
            state["advice_factor"] = 1.0 if record.factor is None else record.factor
        case LimitsAllotted():
            set_for_good(state, "allotment", record.allotment)
        case OrderReported():
            _follow_order(record, state)
        case NewsArrived():
            _hear(Domain.NEWS, record.published_at_ns, now_ns, state)
            if record.relevant:
                state["news_relevant_ns"] = now_ns
        case FundamentalsArrived():
            _hear(Domain.FUNDAMENTALS, record.published_at_ns, now_ns, state)
        case LagBegan():
            state["late"] = 1
        case LagEnded():
            state["late"] = 0
        case GovernanceHeartbeat():
            _hear_governance(record, state)
        case RevisionFence():
            _fence(record, state)
        case FillReported() | PositionReported() | PackageChanged() | DeclarationsChanged():
            pass  # these change the reported book or parameters
        case DepthSnapshot() | AdviceShadowed():
            pass  # evidence only
        case _:
            assert_never(record)


def control_digest(record: ControlRecord) -> str:
    """Return the sha256 of a record's canonical JSON, 64 hex digits."""
    return sha256_hex(canonical_bytes(CONTROL_RECORD.dump_python(record, mode="json")))


def set_for_good(state: np.void, name: str, value: float) -> None:
    """Set one of ``_DECLARED`` to what a record says; declarations do not change it any more."""
    state[name] = value
    state["recorded"] = int(state["recorded"]) | 1 << _DECLARED.index(name)


def follow(state: np.void, newborn: np.void) -> None:
    """Let new declarations hold where no record has set anything else.

    Args:
        state: One row of dtype ``STATE``, changed in place.
        newborn: A newborn's row under those declarations.
    """
    for bit, name in enumerate(_DECLARED):
        if not int(state["recorded"]) & 1 << bit:
            state[name] = newborn[name]


def pending_context(symbol: str, state: np.void) -> str | None:
    """Return the id of the context of ``symbol`` that waits for advice; None where none does."""
    if not state["pending"]:
        return None
    return format_context_id(
        ContextId(
            source_key=source_key_of_words(int(state["pending_low"]), int(state["pending_high"])),
            symbol=symbol,
            stream=published_name(Stream(int(state["pending_stream"]))),
            sequence=int(state["pending_sequence"]),
        )
    )


def _flip(state: np.void, switch: Switch, *, thrown: bool) -> None:
    """Set or clear one switch."""
    bit = 1 << switch
    switches = int(state["switches"])
    state["switches"] = switches | bit if thrown else switches & ~bit


def _hear(domain: Domain, published_ns: int, now_ns: int, state: np.void) -> None:
    """Remember the newest item of a domain; one from the future is not believed."""
    if published_ns <= now_ns:
        state["domain_ns"][domain] = max(int(state["domain_ns"][domain]), published_ns)


def _hear_governance(record: GovernanceHeartbeat, state: np.void) -> None:
    """Remember until when governance is there; who lost the lease meanwhile is not heard."""
    epoch = int(state["governance_epoch"])
    if record.epoch < epoch:
        return
    until_ns = int(state["governance_until_ns"]) if record.epoch == epoch else 0
    state["governance_epoch"] = record.epoch
    state["governance_until_ns"] = max(until_ns, record.expires_ns)


def _fence(record: RevisionFence, state: np.void) -> None:
    """Fence the revision that decides, or let go; the release of another one changes nothing."""
    if record.revision == record.decides:
        _flip(state, Switch.REVISION_FENCE, thrown=record.state == "fenced")
    elif record.state == "fenced":
        _flip(state, Switch.REVISION_FENCE, thrown=False)  # another revision decides now


def _follow_order(record: OrderReported, state: np.void) -> None:
    """Know in live mode whether the standing target's order is worked on.

    If it ended before the target was reached, the target is given up for the position as reported,
    and the next context decides anew. The order of a decision whose target another one has replaced
    says nothing, or the other's entry would be made twice.
    """
    if state["mode"] != Mode.LIVE or not _set_the_target(record, state):
        return
    state["target_open"] = record.status == "accepted"
    if record.status != "accepted" and state["reported_known"]:
        state["target"] = state["reported_position"]


def _set_the_target(record: OrderReported, state: np.void) -> bool:
    """Return whether the decision that a report names is the one whose target stands."""
    try:
        decision = parse_decision_id(record.decision_id)
    except IdentifierMalformedError:
        return False
    context = decision.context
    low, high = source_words(context.source_key)
    named = (context.stream.upper(), low, high, context.sequence)
    stands = (
        Stream(int(state["target_stream"])).name,
        *(int(state[f"target_{word}"]) for word in ("low", "high", "sequence")),
    )
    return (decision.role, context.symbol, named) == (SERVING, record.symbol, stands)
