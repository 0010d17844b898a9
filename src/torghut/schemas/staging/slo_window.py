"""One window judged against the service levels."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, model_validator

from torghut.schemas.declarations.staging.slo import WindowName
from torghut.schemas.types import Message, Nanoseconds, Real, SafeCount, Sha256

SloName = Literal[
    "decision-loop-availability",
    "fast-path-p95-latency",
    "reasoning-fallback-ratio",
    "news-freshness",
    "fundamentals-freshness",
    "router-fallback-ratio",
]

SLOS: Final[tuple[SloName, ...]] = get_args(SloName)
"""Every service level, in the order in which they are told."""

SloStatus = Literal["pass", "fail", "insufficient", "missing", "not-applicable"]
"""Anything but ``pass`` and ``not-applicable`` fails the window."""

WindowStatus = Literal["pass", "fail", "closed"]
"""``closed``: no context came, and by the calendars none was to come; it shows nothing."""


class SloRow(Message):
    """What one service level came to."""

    id: SloName
    status: SloStatus
    value: Annotated[Real | None, Field(description="As measured; null where it was not.")]
    comparator: Literal[">=", "<="]
    threshold: Real
    unit: Literal["ratio", "ms"]
    samples: SafeCount
    declaration: Annotated[
        Sha256 | None, Field(description="Of the declaration that makes it not applicable.")
    ]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        measured = self.status in {"pass", "fail", "insufficient"}
        if measured != (self.value is not None):
            message = "a value where it is measured, and nowhere else"
            raise ValueError(message)
        if (self.status == "not-applicable") != (self.declaration is not None):
            message = "a declaration's digest where it is not applicable, and nowhere else"
            raise ValueError(message)
        if self.value is not None and self.status != "insufficient":
            below = self.value <= self.threshold
            kept = below if self.comparator == "<=" else self.value >= self.threshold
            if kept != (self.status == "pass"):
                message = "the status that value and threshold make"
                raise ValueError(message)
        return self


class SloWindow(Message):
    """Every service level over one window; it passes only if nothing in it fails."""

    type: Literal["slo.slo-window.v1"] = "slo.slo-window.v1"
    name: WindowName
    from_ns: Annotated[Nanoseconds, Field(description="Receive time, not in the window itself.")]
    to_ns: Annotated[Nanoseconds, Field(description="Receive time, in it.")]
    policy: Annotated[Sha256, Field(description="Of the declared service levels.")]
    status: WindowStatus
    rows: tuple[SloRow, ...]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if tuple(row.id for row in self.rows) != SLOS:
            message = f"the service levels {', '.join(SLOS)}, once each and in this order"
            raise ValueError(message)
        if self.status != window_status(self.rows):
            message = "the status that the rows make"
            raise ValueError(message)
        return self

    @property
    def failing(self) -> tuple[SloName, ...]:
        """Return what does not pass."""
        return tuple(row.id for row in self.rows if row.status not in _HARMLESS)


_HARMLESS: Final = frozenset({"pass", "not-applicable"})


def window_status(rows: tuple[SloRow, ...]) -> WindowStatus:
    """Return what ``rows`` come to; rows of which none is applicable show nothing."""
    if all(row.status == "not-applicable" for row in rows):
        return "closed"
    return "pass" if all(row.status in _HARMLESS for row in rows) else "fail"
