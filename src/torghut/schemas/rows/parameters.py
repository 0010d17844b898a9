"""What the declarations and the router package say about one symbol, as numbers."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from torghut.schemas.codes import MAX_REGIMES, REGIME_FEATURES, Domain, Expert
from torghut.schemas.rows.array import Bytes, Floats, Integers


class ParameterRow(Protocol):
    """What the declarations and the router package say about one symbol."""

    symbol_key: np.uint64
    lot: float
    multiplier: float
    fee_ratio: float
    slippage_ratio: float
    half_spread_ratio: float
    latency_ns: int
    lifetime_ns: int
    tolerance_ns: int
    clock_offset_ns: int
    price_min: float
    price_max: float
    jump_ratio: float
    jump_confirmations: int
    receive_leap_ns: int
    age_limit_ns: Integers
    domain_required: Bytes
    session_first: int
    session_count: int
    sample_ns: int
    sample_gap_ns: int
    horizon_samples: float
    warm_up_samples: int
    alpha_fast: float
    alpha_slow: float
    alpha_channel: float
    regimes: int
    start: Floats
    transition: Floats
    regime_mean: Floats
    regime_precision: Floats
    log_norm: Floats
    score_gain: Floats
    affinity: Floats
    weight_min: Floats
    weight_max: Floats
    static_weights: Floats
    defensive_weights: Floats
    entropy_max: float
    shock_max: float
    confidence_bias: float
    confidence_score: float
    confidence_cost: float
    risk_ratio: float
    minimum_change_ratio: float
    spread_max: float
    volatility_max: float
    drawdown_max: float
    turnover_max: float
    dwell_ns: int
    confidence_min: float
    reconcile_ns: int
    reconcile_quantity: float
    position_age_ns: int
    trigger_entropy: float
    trigger_disagreement: float
    trigger_transition: float
    trigger_news_ns: int
    trigger_notional_ratio: float
    fallback_raise_ratio: float
    advised_raise_ratio: float
    superseded_move_ratio: float
    advice_budget_ns: int


PARAMETERS: Final = np.dtype(
    [
        ("symbol_key", "<u8"),  # first 8 bytes of sha256(symbol)
        ("lot", "<f8"),  # smallest position step, in units of the base
        ("multiplier", "<f8"),  # quote currency per unit and unit of price
        ("fee_ratio", "<f8"),  # of traded notional
        ("slippage_ratio", "<f8"),  # of price, against us
        ("half_spread_ratio", "<f8"),  # of price; for contexts whose quote is assumed
        ("latency_ns", "<i8"),  # decision to fill
        ("lifetime_ns", "<i8"),  # decision to valid_until
        ("tolerance_ns", "<i8"),  # event may be this much later than receive unremarked
        ("clock_offset_ns", "<i8"),  # the source's event clock is ahead of ours by this
        ("price_min", "<f8"),
        ("price_max", "<f8"),
        ("jump_ratio", "<f8"),
        ("jump_confirmations", "<i8"),
        ("receive_leap_ns", "<i8"),  # a later receive time must be confirmed like a jump
        ("age_limit_ns", "<i8", (len(Domain),)),
        ("domain_required", "u1", (len(Domain),)),
        ("session_first", "<i8"),
        ("session_count", "<i8"),  # 0: always open
        ("sample_ns", "<i8"),  # features move once in this time; 0: with every context
        ("sample_gap_ns", "<i8"),  # a longer pause is not a return
        ("horizon_samples", "<f8"),
        ("warm_up_samples", "<i8"),
        ("alpha_fast", "<f8"),
        ("alpha_slow", "<f8"),
        ("alpha_channel", "<f8"),
        ("regimes", "<i8"),  # 0: no package
        ("start", "<f8", (MAX_REGIMES,)),
        ("transition", "<f8", (MAX_REGIMES * MAX_REGIMES,)),  # row: from, column: to
        ("regime_mean", "<f8", (MAX_REGIMES * REGIME_FEATURES,)),
        ("regime_precision", "<f8", (MAX_REGIMES * REGIME_FEATURES,)),  # 1 / variance
        ("log_norm", "<f8", (MAX_REGIMES,)),  # log of the Gaussian's normalising factor
        ("score_gain", "<f8", (len(Expert),)),
        ("affinity", "<f8", (MAX_REGIMES * len(Expert),)),  # row: regime, column: expert
        ("weight_min", "<f8", (len(Expert),)),
        ("weight_max", "<f8", (len(Expert),)),
        ("static_weights", "<f8", (len(Expert),)),
        ("defensive_weights", "<f8", (len(Expert),)),
        ("entropy_max", "<f8"),
        ("shock_max", "<f8"),
        ("confidence_bias", "<f8"),
        ("confidence_score", "<f8"),
        ("confidence_cost", "<f8"),
        ("risk_ratio", "<f8"),  # of the allotment, lost in a one-sigma move over the horizon
        ("minimum_change_ratio", "<f8"),  # of the allotment
        ("spread_max", "<f8"),  # of the mid price
        ("volatility_max", "<f8"),  # standard deviation of the return over the horizon
        ("drawdown_max", "<f8"),
        ("turnover_max", "<f8"),  # traded notional per UTC day, in allotments
        ("dwell_ns", "<i8"),
        ("confidence_min", "<f8"),
        ("reconcile_ns", "<i8"),
        ("reconcile_quantity", "<f8"),
        ("position_age_ns", "<i8"),  # an older reported position is stale
        ("trigger_entropy", "<f8"),
        ("trigger_disagreement", "<f8"),
        ("trigger_transition", "<f8"),
        ("trigger_news_ns", "<i8"),
        ("trigger_notional_ratio", "<f8"),
        ("fallback_raise_ratio", "<f8"),  # of the allotment; exposure a fallback may add
        ("advised_raise_ratio", "<f8"),  # likewise, of an approval or an adjustment
        ("superseded_move_ratio", "<f8"),  # of the mid price; advice on an older one does not hold
        ("advice_budget_ns", "<i8"),  # receive to resolution
    ]
)
