"""The exposure ladder on record: each look at it, and each step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter
from pydantic.json_schema import SkipJsonSchema

from torghut.schemas.declarations.fields import AmountOrZero
from torghut.schemas.declarations.roadmap import StageCaps
from torghut.schemas.declarations.staging.ladder import Fraction
from torghut.schemas.declarations.staging.slo import WindowName
from torghut.schemas.governing.fields import Ordinal
from torghut.schemas.staging.slo_window import SloName
from torghut.schemas.types import UNION, Added, Message, Nanoseconds, SafeCount, Sha256

Holding = Literal[
    "stopped",
    "continuity-alert",
    "rollback",
    "stage-on-paper",
    "switch-thrown",
    "by-hand",
    "window-failed",
    "window-missing",
    "window-closed",
    "windows-few",
    "dwell",
    "drill-missing",
    "drill-old",
    "top",
]
"""Why the ladder does not climb now."""

StepReason = Literal[
    "windows-passed",
    "window-failed",
    "stopped",
    "rollback",
    "stage-on-paper",
    "stage-changed",
    "steps-changed",
]


class WindowSeen(Message):
    """A window that was looked at."""

    name: WindowName
    digest: Annotated[Sha256, Field(description="Of the whole window as judged.")]
    status: Literal["pass", "fail", "closed", "missing"]
    from_ns: Nanoseconds
    to_ns: Nanoseconds
    failing: tuple[SloName, ...]


class ExposureReviewed(Message):
    """The ladder was looked at: what speaks for a step up, and what against it."""

    type: Literal["exposure.reviewed.v1"] = "exposure.reviewed.v1"
    review: Ordinal
    policy: Annotated[Sha256, Field(description="Of the declared ladder.")]
    slo_policy: Annotated[Sha256, Field(description="Of the declared service levels.")]
    caps: Annotated[StageCaps, Field(description="Of the stage in force.")]
    windows: tuple[WindowSeen, ...]
    stopped: Annotated[
        bool, Field(description="Whether the stop latch is closed, or was since the last look.")
    ]
    continuity_alert: bool
    rollback: Annotated[
        bool, Field(description="Whether one is not proven, or was triggered since the last look.")
    ]
    drill_age_ms: Annotated[SafeCount | None, Field(description="Null where none is known.")]
    streak: Annotated[SafeCount, Field(description="Passing windows in a row, after this look.")]
    counted_to_ns: Annotated[Nanoseconds, Field(description="End of the last one of them.")]
    charged_to_ns: Annotated[
        dict[WindowName, Nanoseconds],
        Field(description="End of the failing window of each name that last cost a step."),
    ]
    holding: tuple[Holding, ...]
    at_ns: Nanoseconds
    seen_to: Annotated[
        SafeCount | SkipJsonSchema[None],
        Added,
        Field(description="Place in governance's log; what stands behind it is for the next look."),
    ] = None


class ExposureStepped(Message):
    """Another part of the stage's notional cap is given from here on."""

    type: Literal["exposure.stepped.v1"] = "exposure.stepped.v1"
    step: Annotated[Ordinal, Field(description="Counts the steps, whichever way.")]
    review: Ordinal
    reason: StepReason
    came_from: Fraction
    fraction: Fraction
    notional_cap: Annotated[AmountOrZero, Field(description="Never above the stage's.")]
    at_ns: Nanoseconds


ExposureEvent = Annotated[ExposureReviewed | ExposureStepped, Field(discriminator="type")]

EXPOSURE_EVENT: TypeAdapter[ExposureEvent] = TypeAdapter(ExposureEvent, config=UNION)
"""Parses any event of the exposure ladder."""
