"""What each control record does to one symbol's state."""

from __future__ import annotations

from typing import Final, assert_never

import numpy as np

from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.codes import Domain, Mode, OnStop, RouterMode, Switch
from torghut.schemas.control import (
    CONTROL_RECORD,
    ControlRecord,
    DeclarationsChanged,
    DepthSnapshot,
    FillReported,
    FundamentalsArrived,
    LagBegan,
    LagEnded,
    LimitsAllotted,
    ModeChanged,
    NewsArrived,
    OrderReported,
    PackageChanged,
    PositionReported,
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


def apply_control(record: ControlRecord, now_ns: int, state: np.void) -> None:  # noqa: C901, PLR0912
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
        case LimitsAllotted():
            set_for_good(state, "allotment", record.allotment)
        case FillReported() | PositionReported():
            _report(record, now_ns, state)
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
        case PackageChanged() | DeclarationsChanged() | OrderReported() | DepthSnapshot():
            pass  # these change parameters, or are evidence only
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


def _flip(state: np.void, switch: Switch, *, thrown: bool) -> None:
    """Set or clear one switch."""
    bit = 1 << switch
    switches = int(state["switches"])
    state["switches"] = switches | bit if thrown else switches & ~bit


def _hear(domain: Domain, published_ns: int, now_ns: int, state: np.void) -> None:
    """Remember the newest item of a domain; one from the future is not believed."""
    if published_ns <= now_ns:
        state["domain_ns"][domain] = max(int(state["domain_ns"][domain]), published_ns)


def _report(record: FillReported | PositionReported, now_ns: int, state: np.void) -> None:
    """Book what the venue reported; the newest snapshot outranks summed fills.

    A fill alone does not make the position known: what was held before it is not. From the
    moment that snapshot and fills disagree the mismatch is timed; it ends when they agree again.
    Which fills a first snapshot of an earlier time holds already nobody can tell: it disagrees.
    """
    if isinstance(record, FillReported):
        state["reported_fills"] += record.quantity
        state["reported_position"] += record.quantity
        state["reported_ns"] = max(int(state["reported_ns"]), now_ns)
    elif not state["reported_known"] or record.as_of_ns >= state["reported_ns"]:
        state["reported_position"] = record.quantity
        if not state["reported_known"]:
            earlier = record.as_of_ns < state["reported_ns"]
            state["reported_fills"] = record.quantity + earlier * state["reported_fills"]
        state["reported_known"] = 1
        state["reported_ns"] = min(record.as_of_ns, now_ns)  # none is ever known of the future
    if state["reported_position"] == state["reported_fills"]:
        state["mismatch_ns"] = 0
    elif state["mismatch_ns"] == 0:
        state["mismatch_ns"] = now_ns
