"""What a look at the exposure ladder is told, and what of it keeps the ladder from climbing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from torghut.schemas.declarations.roadmap import StageCaps
from torghut.schemas.declarations.staging.ladder import ExposurePolicy
from torghut.schemas.declarations.staging.slo import SloPolicy, WindowName
from torghut.schemas.staging.exposure import Holding
from torghut.schemas.staging.slo_window import SloWindow

TOLD: Final = frozenset[Holding](
    ("stopped", "rollback", "continuity-alert", "stage-on-paper", "switch-thrown", "by-hand")
)
"""What a look is told to hold; the rest is measured or counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewExposure:
    """Look at everything that speaks for or against another step.

    Attributes:
        review: One more than the last; the last one again changes nothing.
        at_ns: Receive clock.
        caps: Of the stage in force.
        windows: As judged just now, by name; one that is not there counts as failing.
        stopped: Whether the stop latch is closed, or was since the last look.
        continuity_alert: Whether signals are missing too often.
        rollback: Whether a rollback is triggered and not proven, or was since the last look.
        on_paper: Whether a stage was entered since then that allows paper only.
        switched: Whether a switch is in force on a living worker.
        by_hand: Whether a person looks, and not a cycle.
        entered_ns: When the stage in force was entered; 0 before any was.
        drill_age_ms: Of the last drill that every living worker acknowledged; None without one.
        seen_to: Place in governance's log up to which ``stopped``, ``rollback`` and ``on_paper``
            are known; None where it is not.
    """

    review: int
    at_ns: int
    caps: StageCaps
    windows: Mapping[WindowName, SloWindow]
    stopped: bool
    continuity_alert: bool
    rollback: bool
    on_paper: bool
    switched: bool
    by_hand: bool
    entered_ns: int
    drill_age_ms: int | None
    seen_to: int | None
    policy: ExposurePolicy
    slo: SloPolicy


def is_void(command: ReviewExposure) -> bool:
    """Say whether what the loop did meanwhile shows nothing, however well its windows passed."""
    interrupted = command.stopped or command.rollback or command.continuity_alert
    return interrupted or command.switched or is_on_paper(command)


def is_on_paper(command: ReviewExposure) -> bool:
    """Say whether a stage that allows paper only is in force, or was since the last look."""
    return command.on_paper or command.caps.target != "live"


def told_of(command: ReviewExposure) -> Mapping[Holding, bool]:
    """Return what keeps the ladder from climbing whatever was measured."""
    return {
        "stopped": command.stopped,
        "rollback": command.rollback,
        "continuity-alert": command.continuity_alert,
        "stage-on-paper": is_on_paper(command),
        "switch-thrown": command.switched,
        "by-hand": command.by_hand,
    }
