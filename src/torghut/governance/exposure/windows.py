"""Windows as the exposure ladder sees them: only whole, recent ones say anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.staging.ladder import ClimbingRule
from torghut.schemas.declarations.staging.slo import WINDOW_MS, SloPolicy, WindowName
from torghut.schemas.staging.exposure import WindowSeen
from torghut.schemas.staging.slo_window import SloWindow
from torghut.schemas.types import message_digest

_NS_PER_MS: Final = 1_000_000
_NO_WINDOW: Final = sha256_hex(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """Failing windows and what they cost.

    Attributes:
        to_ns: End of the failing window of each name that last cost a step.
        costs: Whether one of those that were just seen costs a step.
    """

    to_ns: Mapping[WindowName, int]
    costs: bool


def see(
    windows: Mapping[WindowName, SloWindow], policy: SloPolicy, rule: ClimbingRule, at_ns: int
) -> tuple[WindowSeen, ...]:
    """Return every declared window as it counts at ``at_ns``, the shortest first.

    A window that is not there, ended too long ago or in the future, is not of its whole length or
    was judged by other service levels is missing: a stale pass would be a pass for ever.
    """
    return tuple(_seen(name, windows.get(name), policy, rule, at_ns) for name in policy.windows)


def worst_of(seen: tuple[WindowSeen, ...]) -> Literal["pass", "fail", "closed"]:
    """Return what several windows come to together."""
    statuses = {one.status for one in seen}
    if statuses & {"fail", "missing"}:
        return "fail"
    return "closed" if "closed" in statuses else "pass"


def _seen(
    name: WindowName, window: SloWindow | None, policy: SloPolicy, rule: ClimbingRule, at_ns: int
) -> WindowSeen:
    """Return one window as it counts."""
    span_ns = WINDOW_MS[name] * _NS_PER_MS
    if window is None or not (
        _is_of(window, name, policy) and _is_recent(window, span_ns, rule, at_ns)
    ):
        return WindowSeen(
            name=name,
            digest=_NO_WINDOW if window is None else message_digest(window),
            status="missing",
            from_ns=max(0, at_ns - span_ns),
            to_ns=at_ns,
            failing=() if window is None else window.failing,
        )
    return WindowSeen(
        name=name,
        digest=message_digest(window),
        status=window.status,
        from_ns=window.from_ns,
        to_ns=window.to_ns,
        failing=window.failing,
    )


def _is_of(window: SloWindow, name: WindowName, policy: SloPolicy) -> bool:
    """Say whether a window is the one that is asked for, judged by these service levels."""
    return (window.name, window.policy) == (name, message_digest(policy))


def _is_recent(window: SloWindow, span_ns: int, rule: ClimbingRule, at_ns: int) -> bool:
    """Say whether a window is of its whole length and has ended just now."""
    age_ns = at_ns - window.to_ns
    whole = window.to_ns - window.from_ns == span_ns
    return whole and 0 <= age_ns <= rule.window_max_age_ms * _NS_PER_MS
