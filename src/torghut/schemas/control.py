"""Control records: what may change the kernel's behaviour, as part of its input.

A record names one symbol or ``*`` and is placed before that symbol's first context whose receive
time is not earlier than ``effective_at_ns``; without a time, before its next context.

What a later version of a record added is written only where it is set: a record without it keeps
the bytes, and so the digest, that it had before.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.json_schema import SkipJsonSchema

from torghut.schemas.context import ContextIdText, DecisionIdText
from torghut.schemas.types import (
    UNION,
    Added,
    Identifier,
    Message,
    Nanoseconds,
    SafeCount,
    Sha256,
    Symbol,
)

REASON_MAX: Final = 500
"""Longest reason that is recorded."""

Scope = Annotated[Literal["*"] | Symbol, Field(description="One symbol, or * for all of them.")]
Reasoned = Annotated[str, Field(min_length=1, max_length=REASON_MAX)]
Revision = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$",
        description="What is deployed as one: its configured name, else version and build.",
    ),
]


def _without_sign_of_zero(number: float) -> float:
    """Return ``number``, and 0 for minus zero: canonical JSON knows only one of the two."""
    return number + 0.0


_OneZero = AfterValidator(_without_sign_of_zero)
Money = Annotated[float, Field(ge=0, le=1e15, strict=True), _OneZero]
Quantity = Annotated[float, Field(ge=-1e15, le=1e15, strict=True), _OneZero]
Share = Annotated[float, Field(ge=0, le=1, strict=True), _OneZero]

ReasoningModeName = Literal["off", "shadow", "active"]
"""The published names of ``codes.ReasoningMode``, the least first."""

VERDICTS: Final = ("approve", "adjust", "defer", "veto")
"""What advice can say."""

ResolutionName = Literal[
    "approve",
    "adjust",
    "defer",
    "veto",
    "timed-out",
    "breaker-open",
    "calls-spent",
    "too-many",
    "invalid",
    "failed",
    "lost",
]
"""The published names of ``codes.Resolution``; a test holds the two together."""


class _Control(Message):
    """What every control record carries."""

    version: ClassVar[int] = 1
    """Of its published schema; the older ones stay valid."""

    control_id: Identifier
    symbol: Scope = "*"
    effective_at_ns: Nanoseconds | None = None


class SwitchThrown(_Control):
    """A hard switch is thrown or released."""

    version: ClassVar[int] = 2

    kind: Literal["switch"] = "switch"
    name: Literal[
        "stop", "deterministic-only", "defensive-weights", "revert-packages", "last-stable-revision"
    ]
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

    version: ClassVar[int] = 2

    kind: Literal["package-changed"] = "package-changed"
    router: Identifier
    package: Sha256 | None
    previous: Annotated[
        Sha256 | SkipJsonSchema[None],
        Added,
        Field(description="Promoted before it, as the promotion ledger says; reverting serves it."),
    ] = None
    reason: Annotated[
        str, Added, Field(max_length=REASON_MAX, description="Why, where a switch asked for it.")
    ] = ""


class DeclarationsChanged(_Control):
    """Other declarations hold from here on; their bytes are an object of the log."""

    kind: Literal["declarations-changed"] = "declarations-changed"
    symbol: Literal["*"] = "*"
    declarations: Sha256


class FillReported(_Control):
    """A fill as the venue reported it; counted once per account and fill id."""

    version: ClassVar[int] = 2

    kind: Literal["fill"] = "fill"
    symbol: Symbol
    account: Identifier = "default"
    fill_id: Identifier
    quantity: Quantity
    price: Annotated[float, Field(gt=0, le=1e15, strict=True)]
    decision_id: Annotated[
        DecisionIdText | SkipJsonSchema[None],
        Added,
        Field(description="The decision behind its order."),
    ] = None
    fee: Annotated[
        Quantity | SkipJsonSchema[None],
        Added,
        Field(description="In the quote currency; negative where the venue paid one."),
    ] = None
    at_ns: Annotated[
        Nanoseconds | SkipJsonSchema[None],
        Added,
        Field(description="When it was executed, on the receive clock; else when it applies."),
    ] = None
    replaces: Annotated[
        Identifier | SkipJsonSchema[None],
        Added,
        Field(description="Fill id of the same account that this one corrects: it counts no more."),
    ] = None


class OrderReported(_Control):
    """What became of the order behind a decision."""

    kind: Literal["order"] = "order"
    symbol: Symbol
    decision_id: Identifier
    status: Literal["accepted", "rejected", "cancelled", "expired"]
    reason: Annotated[str, Field(max_length=REASON_MAX)] = ""


class PositionReported(_Control):
    """A position snapshot; it outranks summed fills."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"reconciled": ["reason"]}})

    version: ClassVar[int] = 2

    kind: Literal["position"] = "position"
    symbol: Symbol
    quantity: Quantity
    as_of_ns: Nanoseconds
    reconciled: Annotated[
        bool,
        Added,
        Field(strict=True, description="True: fills that it disagrees with are written off."),
    ] = False
    reason: Annotated[
        str, Added, Field(max_length=REASON_MAX, description="Why they are, where they are.")
    ] = ""

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.reconciled and not self.reason:
            message = "a reason: fills are written off"
            raise ValueError(message)
        return self


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


class GovernanceHeartbeat(_Control):
    """The fenced holder of governance's lease is there: until then live decisions may open."""

    kind: Literal["governance-heartbeat"] = "governance-heartbeat"
    symbol: Literal["*"] = "*"
    epoch: Annotated[
        SafeCount,
        Field(ge=1, strict=True, description="Of the lease; below one that was taken: refused."),
    ]
    expires_ns: Annotated[Nanoseconds, Field(description="On the receive clock.")]


class RevisionFence(_Control):
    """A revision is fenced or released, and which revision decides this log from here on.

    Decisions abstain while the revision that decides is the one that is fenced.
    """

    kind: Literal["revision-fence"] = "revision-fence"
    symbol: Literal["*"] = "*"
    revision: Revision
    state: Literal["fenced", "released"]
    decides: Revision
    reason: Reasoned


class ReasoningModeChanged(_Control):
    """Whether advice is not asked for, is only recorded beside decisions, or counts."""

    kind: Literal["reasoning-mode"] = "reasoning-mode"
    mode: ReasoningModeName
    reason: Reasoned


class _AdviceCame(_Control):
    """What became of a question for advice.

    It is not placed before a later context, as other records are: it has a place of its own, at
    once. ``adjust`` has a factor; what is no verdict has neither factor nor confidence.
    """

    symbol: Symbol
    effective_at_ns: None = None
    context_id: ContextIdText
    at_ns: Annotated[Nanoseconds, Field(description="When it came, on the receive clock.")]
    resolution: Annotated[ResolutionName, Field(description="A verdict, or why there is none.")]
    factor: Annotated[
        Share | SkipJsonSchema[None], Added, Field(description="Of the target that remains.")
    ] = None
    confidence: Annotated[
        Share | SkipJsonSchema[None], Added, Field(description="Of whoever advised.")
    ] = None
    advice: Annotated[
        Sha256 | SkipJsonSchema[None],
        Added,
        Field(description="Of the record of what was asked and answered."),
    ] = None
    code: Annotated[
        str,
        Added,
        Field(max_length=100, description="Of the fault, where there was one."),
    ] = ""

    @model_validator(mode="after")
    def _fits_its_verdict(self) -> Self:
        check_verdict(self.resolution, self.factor, self.confidence)
        return self


def check_verdict(
    resolution: ResolutionName, factor: float | None, confidence: float | None
) -> None:
    """Refuse what no answer can be: an adjustment without its factor, or numbers of no verdict.

    Raises:
        ValueError: It is none.
    """
    if (factor is None) == (resolution == "adjust"):
        message = "a factor for adjust, and for nothing else"
        raise ValueError(message)
    if confidence is not None and resolution not in VERDICTS:
        message = f"a confidence only with one of {', '.join(VERDICTS)}"
        raise ValueError(message)


class AdviceResolved(_AdviceCame):
    """What became of a question for advice: the context that waited for it is decided here."""

    kind: Literal["advice-resolved"] = "advice-resolved"


class AdviceShadowed(_AdviceCame):
    """What became of a question that nothing waited for: it changes no state and no decision."""

    kind: Literal["advice-shadowed"] = "advice-shadowed"


AdviceOutcome = AdviceResolved | AdviceShadowed
"""What became of a question, whether or not a context waited for it."""

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
    | DepthSnapshot
    | GovernanceHeartbeat
    | RevisionFence
    | ReasoningModeChanged
    | AdviceResolved
    | AdviceShadowed,
    Field(discriminator="kind"),
]

CONTROL_RECORD: TypeAdapter[ControlRecord] = TypeAdapter(ControlRecord, config=UNION)
"""Parses any control record, by its ``kind``."""
