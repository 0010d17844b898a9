"""Windows as the exposure ladder sees them: only whole, recent ones say anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from torghut.kernel.digests import sha256_hex
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.staging.ladder import ClimbingRule
from torghut.schemas.declarations.staging.slo import WINDOW_MS, WindowName
from torghut.schemas.staging.exposure import WindowSeen
from torghut.schemas.staging.slo_window import SloWindow
from torghut.schemas.types import message_digest

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which windows are asked for.

    Attributes:
        names: The shortest first.
        policy: Digest of the service levels that they are to be judged by.
        rule: Says how old they may be.
    """

    names: tuple[WindowName, ...]
    policy: str
    rule: ClimbingRule


def see(
    windows: Mapping[WindowName, SloWindow], asked: Asked, at_ns: int
) -> tuple[WindowSeen, ...]:
    """Return every window that is asked for as it counts at ``at_ns``, the shortest first.

    A window that is not there, ended too long ago or in the future, is not of its whole length or
    was judged by other service levels is missing: a stale pass would be a pass for ever.
    """
    return tuple(_seen(name, windows.get(name), asked, at_ns) for name in asked.names)


def worst_of(seen: tuple[WindowSeen, ...]) -> Literal["pass", "fail", "closed"]:
    """Return what several windows come to together."""
    statuses = {one.status for one in seen}
    if statuses & {"fail", "missing"}:
        return "fail"
    return "closed" if "closed" in statuses else "pass"


def _seen(name: WindowName, window: SloWindow | None, asked: Asked, at_ns: int) -> WindowSeen:
    """Return one window as it counts."""
    span_ns = WINDOW_MS[name] * NS_PER_MS
    digest = _NO_WINDOW if window is None else message_digest(window)
    failing = () if window is None else window.failing
    if window is None or not _counts(window, name, asked, at_ns):
        return WindowSeen(
            name=name,
            digest=digest,
            status="missing",
            from_ns=max(0, at_ns - span_ns),
            to_ns=at_ns,
            failing=failing,
        )
    return WindowSeen(
        name=name,
        digest=digest,
        status=window.status,
        from_ns=window.from_ns,
        to_ns=window.to_ns,
        failing=failing,
    )


def _counts(window: SloWindow, name: WindowName, asked: Asked, at_ns: int) -> bool:
    """Say whether a window is what is asked for: whole, judged alike, and ended just now."""
    if (window.name, window.policy) != (name, asked.policy):
        return False
    whole = window.to_ns - window.from_ns == WINDOW_MS[name] * NS_PER_MS
    return whole and 0 <= at_ns - window.to_ns <= asked.rule.window_max_age_ms * NS_PER_MS
