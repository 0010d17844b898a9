"""The packed rows that the compiled kernel reads and writes, and their types for a checker.

Everything is little-endian and unpadded, so a row's bytes are the same on every machine. Field
names never equal an ndarray method. Prices are in the instrument's quote currency, sizes and
positions in units of the base (not lots), times in ns since 1970 UTC, ratios in [0, 1].
"""

from __future__ import annotations

from typing import Final, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from torghut.schemas.codes import (
    MAX_REGIMES,
    REGIME_FEATURES,
    Domain,
    Expert,
    Gate,
    Stream,
)

T_co = TypeVar("T_co", covariant=True)

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

LEAF_VERSION: Final = 1
"""Raised when the layout of ``DECISION`` changes."""


class Rows(Protocol, Generic[T_co]):
    """An array of packed rows, as the kernel sees it."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> T_co: ...


class ContextRow(Protocol):
    """One market context; NaN where the message carries no such value."""

    symbol: int
    source: int
    stream: int
    marks: int
    refusal: int
    sequence: np.uint64
    event_ns: int
    receive_ns: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    last: float
    last_size: float


CONTEXT: Final = np.dtype(
    [
        ("symbol", "<u4"),  # index into the run's symbol table
        ("source", "<u2"),  # index into the run's source table
        ("stream", "u1"),  # codes.Stream
        ("marks", "u1"),  # codes.ContextFlag
        ("refusal", "u1"),  # codes.RefusalCode found while decoding, or 0
        ("sequence", "<u8"),  # the source's own, else the record's ordinal
        ("event_ns", "<i8"),
        ("receive_ns", "<i8"),
        ("bid", "<f8"),
        ("ask", "<f8"),
        ("bid_size", "<f8"),
        ("ask_size", "<f8"),
        ("last", "<f8"),  # trade price, or a bar's close
        ("last_size", "<f8"),
    ]
)


class SourceRow(Protocol):
    """The first 16 bytes of a source's digest, as two little-endian words."""

    key_low: np.uint64
    key_high: np.uint64


SOURCE: Final = np.dtype([("key_low", "<u8"), ("key_high", "<u8")])


class SessionRow(Protocol):
    """One opening of a calendar: tradable from ``open_ns`` to ``close_ns``, both included."""

    open_ns: int
    close_ns: int


SESSION: Final = np.dtype([("open_ns", "<i8"), ("close_ns", "<i8")])


class StateRow(Protocol):
    """Everything one symbol remembers; a decision reads nothing else of the past."""

    inputs: np.uint64
    sequence: np.uint64
    notes: np.uint64
    stream_seen: Bytes
    stream_source: npt.NDArray[np.uint32]
    stream_sequence: Words
    stream_window: Words
    stream_receive_ns: Integers
    bid: float
    ask: float
    mid: float
    quote_ns: int
    jump_mid: float
    jump_count: int
    session_index: int
    samples: int
    sample_ns: int
    sample_mid: float
    fast: float
    slow: float
    variance_fast: float
    variance_slow: float
    net_move: float
    path_length: float
    channel_high: float
    channel_low: float
    regime_valid: int
    regime_shock: float
    entropy: float
    posterior: Floats
    features: Floats
    paper_position: float
    paper_cash: float
    traded_notional: float
    turnover_day: int
    equity_peak: float
    drawdown: float
    order_live: int
    order_quantity: float
    order_due_ns: int
    reported_known: int
    reported_position: float
    reported_fills: float
    reported_ns: int
    mismatch_ns: int
    target: float
    target_ns: int
    switches: int
    on_stop: int
    mode: int
    router_mode: int
    late: int
    notional_cap: float
    allotment: float
    domain_ns: Integers
    news_relevant_ns: int
    lineage: Words


STATE: Final = np.dtype(
    [
        ("inputs", "<u8"),  # contexts seen, refused ones included
        ("sequence", "<u8"),  # decisions made
        ("notes", "<u8"),  # reason bits that the current context earned on admission
        ("stream_seen", "u1", (len(Stream),)),
        ("stream_source", "<u4", (len(Stream),)),
        ("stream_sequence", "<u8", (len(Stream),)),
        ("stream_window", "<u8", (len(Stream),)),  # bit n: last sequence - n was seen
        ("stream_receive_ns", "<i8", (len(Stream),)),
        ("bid", "<f8"),
        ("ask", "<f8"),
        ("mid", "<f8"),  # 0 before the first quote
        ("quote_ns", "<i8"),
        ("jump_mid", "<f8"),
        ("jump_count", "<i8"),
        ("session_index", "<i8"),
        ("samples", "<i8"),
        ("sample_ns", "<i8"),
        ("sample_mid", "<f8"),
        ("fast", "<f8"),
        ("slow", "<f8"),
        ("variance_fast", "<f8"),  # of one sample's return
        ("variance_slow", "<f8"),
        ("net_move", "<f8"),
        ("path_length", "<f8"),
        ("channel_high", "<f8"),
        ("channel_low", "<f8"),
        ("regime_valid", "u1"),
        ("regime_shock", "<f8"),  # total variation between the last two posteriors
        ("entropy", "<f8"),  # of the posterior, normalised to [0, 1]
        ("posterior", "<f8", (MAX_REGIMES,)),
        ("features", "<f8", (REGIME_FEATURES,)),
        ("paper_position", "<f8"),
        ("paper_cash", "<f8"),
        ("traded_notional", "<f8"),  # since ``turnover_day`` began
        ("turnover_day", "<i8"),
        ("equity_peak", "<f8"),
        ("drawdown", "<f8"),  # ratio of the allotted capital
        ("order_live", "u1"),
        ("order_quantity", "<f8"),
        ("order_due_ns", "<i8"),
        ("reported_known", "u1"),
        ("reported_position", "<f8"),  # last snapshot, and fills since
        ("reported_fills", "<f8"),  # position by summed fills alone
        ("reported_ns", "<i8"),
        ("mismatch_ns", "<i8"),  # since when the two disagree; 0 they agree
        ("target", "<f8"),
        ("target_ns", "<i8"),
        ("switches", "u1"),  # bits of codes.Switch
        ("on_stop", "u1"),
        ("mode", "u1"),
        ("router_mode", "u1"),
        ("late", "u1"),
        ("notional_cap", "<f8"),
        ("allotment", "<f8"),
        ("domain_ns", "<i8", (len(Domain),)),  # newest item of each domain; 0 never
        ("news_relevant_ns", "<i8"),
        ("lineage", "<u8", (4,)),
    ]
)


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
    trigger_entropy: float
    trigger_disagreement: float
    trigger_transition: float
    trigger_news_ns: int
    trigger_notional_ratio: float
    fallback_raise_ratio: float


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
        ("trigger_entropy", "<f8"),
        ("trigger_disagreement", "<f8"),
        ("trigger_transition", "<f8"),
        ("trigger_news_ns", "<i8"),
        ("trigger_notional_ratio", "<f8"),
        ("fallback_raise_ratio", "<f8"),  # of the allotment; exposure a fallback may add
    ]
)


class DecisionRow(Protocol):
    """One decision with everything that explains it: the leaf of the symbol's hash tree."""

    tag: int
    version: int
    intent: int
    path: int
    mode: int
    regime: int
    lead: int
    basis: int
    stream: int
    triggers: int
    symbol_key: np.uint64
    source_low: np.uint64
    source_high: np.uint64
    source_sequence: np.uint64
    sequence: np.uint64
    event_ns: int
    receive_ns: int
    valid_until_ns: int
    reasons: np.uint64
    bid: float
    ask: float
    reference_price: float
    target: float
    delta: float
    position: float
    position_age_ns: int
    confidence: float
    notional_cap: float
    allotment: float
    score: float
    entropy: float
    disagreement: float
    transition: float
    equity: float
    posterior: Floats
    scores: Floats
    weights: Floats
    age_ns: Integers
    gate_value: Floats
    gate_status: Bytes
    lineage: Words


DECISION: Final = np.dtype(
    [
        ("tag", "u1"),  # 0: the stored row is the RFC 6962 leaf input
        ("version", "u1"),
        ("intent", "u1"),
        ("path", "u1"),
        ("mode", "u1"),
        ("regime", "u1"),  # index of the likeliest state; 255 none
        ("lead", "u1"),  # expert with the largest weight
        ("basis", "u1"),
        ("stream", "u1"),
        ("triggers", "u1"),
        ("symbol_key", "<u8"),
        ("source_low", "<u8"),
        ("source_high", "<u8"),
        ("source_sequence", "<u8"),
        ("sequence", "<u8"),
        ("event_ns", "<i8"),
        ("receive_ns", "<i8"),
        ("valid_until_ns", "<i8"),
        ("reasons", "<u8"),
        ("bid", "<f8"),
        ("ask", "<f8"),
        ("reference_price", "<f8"),
        ("target", "<f8"),
        ("delta", "<f8"),
        ("position", "<f8"),
        ("position_age_ns", "<i8"),
        ("confidence", "<f8"),
        ("notional_cap", "<f8"),
        ("allotment", "<f8"),
        ("score", "<f8"),
        ("entropy", "<f8"),
        ("disagreement", "<f8"),
        ("transition", "<f8"),
        ("equity", "<f8"),  # of the paper book, marked at the mid price
        ("posterior", "<f8", (MAX_REGIMES,)),
        ("scores", "<f8", (len(Expert),)),
        ("weights", "<f8", (len(Expert),)),
        ("age_ns", "<i8", (len(Domain),)),  # -1: none seen, or not declared
        ("gate_value", "<f8", (len(Gate),)),
        ("gate_status", "u1", (len(Gate),)),
        ("lineage", "<u8", (4,)),
    ]
)
