"""Instruments: what is traded where, what it costs, how it is sampled, what it may risk."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import (
    Amount,
    AssetClass,
    Bps,
    Count,
    Milliseconds,
    Name,
    Ratio,
    Why,
)
from torghut.schemas.types import Message, Symbol


class Costs(Message):
    """What trading costs, apart from the spread that the quote itself shows."""

    fee_bps: Annotated[Bps, Field(description="Of traded notional, per side.")]
    slippage_bps: Annotated[Bps, Field(description="Of price, against us, per side.")]
    half_spread_bps: Annotated[Bps, Field(description="Of price, where the quote is assumed.")]


class Timing(Message):
    """How long things take, and what the source's clock is worth."""

    receive_latency_ms: Annotated[
        Milliseconds, Field(description="Event to receipt, where no receive time is known.")
    ]
    fill_latency_ms: Annotated[Milliseconds, Field(description="Decision to fill.")]
    decision_lifetime_ms: Annotated[
        Milliseconds, Field(gt=0, description="Receipt to valid_until.")
    ]
    event_after_receive_tolerance_ms: Annotated[
        Milliseconds, Field(description="An event later than its receipt by more is remarked.")
    ]
    event_clock_ahead_ms: Annotated[
        Milliseconds,
        Field(description="How far event times run ahead of receive times; ages are judged by it."),
    ]


class Sampling(Message):
    """When features move, how much they remember and how far a decision looks ahead."""

    sample_interval_ms: Annotated[
        Milliseconds, Field(description="Features move once in this time; 0: with every context.")
    ]
    longest_pause_s: Annotated[Count, Field(description="A longer pause is not a return.")]
    fast_samples: Count
    slow_samples: Count
    channel_samples: Count
    warm_up_samples: Count
    horizon_samples: Annotated[Count, Field(description="Evaluation horizon of a decision.")]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.fast_samples < self.slow_samples <= self.warm_up_samples:
            message = "fast_samples < slow_samples <= warm_up_samples"
            raise ValueError(message)
        if self.longest_pause_s * 1000 <= self.sample_interval_ms:
            message = "a longest pause above one sample interval"
            raise ValueError(message)
        return self


class Plausible(Message):
    """What a price of this instrument can be; anything else is refused, never traded on."""

    price_min: Amount
    price_max: Amount
    jump_ratio: Annotated[float, Field(gt=0, le=1, description="Of the last mid price.")]
    jump_confirmations: Annotated[
        Count, Field(description="Contexts in a row that must agree before a jump is believed.")
    ]
    receive_leap_hours: Annotated[
        int,
        Field(
            ge=1,
            le=87_600,
            description="A receive time further ahead of the symbol's last one is refused until "
            "jump_confirmations contexts in a row agree; longer than any scheduled closing.",
        ),
    ] = 240

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.price_min >= self.price_max:
            message = "price_min < price_max"
            raise ValueError(message)
        return self


class Required(Message):
    """A domain without whose fresh information nothing is decided."""

    age_limit_ms: Annotated[Milliseconds, Field(gt=0)]


DomainRule = Literal["not-applicable"] | Required


class Domains(Message):
    """Which kinds of information a decision needs; not applicable is declared, never assumed."""

    market: DomainRule
    news: DomainRule
    fundamentals: DomainRule


class Risk(Message):
    """What a symbol is born with, until control records say otherwise."""

    notional_cap: Annotated[Amount, Field(description="In the quote currency.")]
    risk_ratio: Annotated[
        float, Field(gt=0, le=1, description="Of the allotment, lost in one sigma at score 1.")
    ]
    minimum_change_ratio: Annotated[Ratio, Field(description="Of the allotment.")]
    reconcile_tolerance: Annotated[Amount, Field(description="In units of the base.")]
    reconcile_settle_ms: Annotated[
        Milliseconds, Field(description="How long fills and positions may disagree.")
    ]
    position_age_limit_ms: Annotated[
        Milliseconds,
        Field(
            gt=0,
            description="In live mode nothing is opened on an older reported position.",
        ),
    ] = 3_600_000
    mode: Literal["shadow", "paper", "live"]
    router_mode: Literal["static", "shadow", "live"]
    on_stop: Literal["freeze", "reduce-only", "flatten"]


class Instrument(Message):
    """One tradable thing at one venue, and everything that is assumed about it."""

    kind: Literal["instrument.v1"]
    symbol: Symbol
    why: Why
    asset_class: AssetClass
    base: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,12}$")]
    quote: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,12}$")]
    tick: Annotated[Amount, Field(description="Smallest price step.")]
    lot: Annotated[Amount, Field(description="Smallest position step, in units of the base.")]
    multiplier: Annotated[Amount, Field(description="Quote currency per unit and unit of price.")]
    calendar: Name
    router: Annotated[Name, Field(description="Router package that serves this instrument.")]
    costs: Costs
    timing: Timing
    sampling: Sampling
    plausible: Plausible
    domains: Domains
    risk: Risk
