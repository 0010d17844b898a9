"""Control records: what may change the kernel's behaviour, as part of its input.

A record names one symbol or ``*`` and is placed before that symbol's first context whose receive
time is not earlier than ``effective_at_ns``; without a time, before its next context.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from torghut.schemas.types import Identifier, Message, Nanoseconds, SafeCount, Sha256, Symbol

Scope = Annotated[Literal["*"] | Symbol, Field(description="One symbol, or * for all of them.")]
Reasoned = Annotated[str, Field(min_length=1, max_length=500)]


def _without_sign_of_zero(number: float) -> float:
    """Return ``number``, and 0 for minus zero: canonical JSON knows only one of the two."""
    return number + 0.0


_OneZero = AfterValidator(_without_sign_of_zero)
Money = Annotated[float, Field(ge=0, le=1e15, strict=True), _OneZero]
Quantity = Annotated[float, Field(ge=-1e15, le=1e15, strict=True), _OneZero]


class _Control(Message):
    """What every control record carries."""

    control_id: Identifier
    symbol: Scope = "*"
    effective_at_ns: Nanoseconds | None = None


class SwitchThrown(_Control):
    """A hard switch is thrown or released."""

    kind: Literal["switch"] = "switch"
    name: Literal["stop", "deterministic-only", "defensive-weights"]
    state: Literal["thrown", "released"]
    reason: Reasoned


class StopChanged(_Control):
    """The stop latch closes or opens, with what happens to open positions meanwhile."""

    kind: Literal["stop"] = "stop"
    state: Literal["stopped", "released"]
    on_stop: Literal["freeze", "reduce-only", "flatten"] = "reduce-only"
    reason: Reasoned


class ModeChanged(_Control):
    """What the loop may do, and up to which notional per symbol (quote currency)."""

    kind: Literal["mode"] = "mode"
    mode: Literal["shadow", "paper", "live"]
    notional_cap: Money


class RouterModeChanged(_Control):
    """Whether regime weights serve, are only compared, or are off."""

    kind: Literal["router-mode"] = "router-mode"
    mode: Literal["static", "shadow", "live"]


class LimitsAllotted(_Control):
    """The share of the portfolio's cap that a symbol may use (quote currency)."""

    kind: Literal["limits-allotted"] = "limits-allotted"
    allotment: Money


class PackageChanged(_Control):
    """A router package serves from here on for instruments that name ``router``; null: none."""

    kind: Literal["package-changed"] = "package-changed"
    router: Identifier
    package: Sha256 | None


class DeclarationsChanged(_Control):
    """Other declarations hold from here on; their bytes are an object of the log."""

    kind: Literal["declarations-changed"] = "declarations-changed"
    symbol: Literal["*"] = "*"
    declarations: Sha256


class FillReported(_Control):
    """A fill as the venue reported it; counted once per account and fill id."""

    kind: Literal["fill"] = "fill"
    symbol: Symbol
    account: Identifier = "default"
    fill_id: Identifier
    quantity: Quantity
    price: Annotated[float, Field(gt=0, le=1e15, strict=True)]


class OrderReported(_Control):
    """What became of the order behind a decision."""

    kind: Literal["order"] = "order"
    symbol: Symbol
    decision_id: Identifier
    status: Literal["accepted", "rejected", "cancelled", "expired"]
    reason: Annotated[str, Field(max_length=500)] = ""


class PositionReported(_Control):
    """A position snapshot; it outranks summed fills."""

    kind: Literal["position"] = "position"
    symbol: Symbol
    quantity: Quantity
    as_of_ns: Nanoseconds


class NewsArrived(_Control):
    """A news item became known; relevant ones ask for advice."""

    kind: Literal["news"] = "news"
    item_id: Identifier
    published_at_ns: Nanoseconds
    relevant: Annotated[bool, Field(strict=True)]


class FundamentalsArrived(_Control):
    """Fundamentals became known."""

    kind: Literal["fundamentals"] = "fundamentals"
    item_id: Identifier
    published_at_ns: Nanoseconds


class LagBegan(_Control):
    """The worker fell behind: until the lag ends nothing is opened."""

    kind: Literal["lag-begin"] = "lag-begin"


class LagEnded(_Control):
    """The worker caught up."""

    kind: Literal["lag-end"] = "lag-end"


class DepthSnapshot(_Control):
    """The whole order book was sent; recorded as found, by digest."""

    kind: Literal["depth-snapshot"] = "depth-snapshot"
    symbol: Symbol
    update_id: SafeCount
    bids: SafeCount
    asks: SafeCount
    body_digest: Sha256


ControlRecord = Annotated[
    SwitchThrown
    | StopChanged
    | ModeChanged
    | RouterModeChanged
    | LimitsAllotted
    | PackageChanged
    | DeclarationsChanged
    | FillReported
    | OrderReported
    | PositionReported
    | NewsArrived
    | FundamentalsArrived
    | LagBegan
    | LagEnded
    | DepthSnapshot,
    Field(discriminator="kind"),
]

CONTROL_RECORD: TypeAdapter[ControlRecord] = TypeAdapter(ControlRecord)
"""Parses any control record, by its ``kind``."""
