"""What a run may ask to be promoted to: live only while nothing is missing for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torghut.schemas.rollout.phases import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFacts:
    """What is known of a candidate that asks for live.

    Attributes:
        allow_live: Whether the scheduler is declared to allow it at all.
        approval_fault: Why no approval of it holds; None where one does.
        drift_fault: Why its drift evidence is not eligible; None where it is.
        continuity_alert: Whether one stands.
        stage_target: The most that the stage of the rollout allows.
    """

    allow_live: bool
    approval_fault: str | None
    drift_fault: str | None
    continuity_alert: bool
    stage_target: Target


def decide_target(asked: Target, facts: LiveFacts) -> tuple[Target, tuple[str, ...]]:
    """Return the target to request, and what was missing where it is not the one asked for.

    Example:
        >>> facts = LiveFacts(
        ...     allow_live=True,
        ...     approval_fault="approval-missing",
        ...     drift_fault=None,
        ...     continuity_alert=False,
        ...     stage_target="live",
        ... )
        >>> decide_target("live", facts), decide_target("paper", facts)
        (('paper', ('approval-missing',)), ('paper', ()))
    """
    if asked == "paper":
        return "paper", ()
    missing = tuple(_missing(facts))
    return ("paper" if missing else "live"), missing


def _missing(facts: LiveFacts) -> Iterator[str]:
    """Yield what keeps a candidate from being live."""
    if not facts.allow_live:
        yield "live-not-allowed"
    if facts.approval_fault is not None:
        yield facts.approval_fault
    if facts.drift_fault is not None:
        yield facts.drift_fault
    if facts.continuity_alert:
        yield "continuity-alert"
    if facts.stage_target != "live":
        yield "stage-allows-paper-only"
