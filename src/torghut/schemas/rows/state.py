"""What the kernel remembers of one symbol, and all that it remembers."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from torghut.schemas.codes import MAX_REGIMES, REGIME_FEATURES, Domain, Stream
from torghut.schemas.rows.array import Floats, Integers, Words

REMEMBERED_SOURCES: Final = 4
"""Sources of one stream whose place is remembered, so that they may take turns."""


class StateRow(Protocol):
    """Everything one symbol remembers; a decision reads nothing else of the past."""

    inputs: np.uint64
    sequence: np.uint64
    notes: np.uint64
    stream_source: npt.NDArray[np.uint32]
    stream_sequence: Words
    stream_window: Words
    stream_receive_ns: Integers
    stream_forgotten_ns: Integers
    leap_ns: int
    leap_count: int
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
    target_stream: int
    target_low: np.uint64
    target_high: np.uint64
    target_sequence: np.uint64
    target_open: int
    recorded: int
    switches: int
    on_stop: int
    mode: int
    router_mode: int
    late: int
    governance_epoch: np.uint64
    governance_until_ns: int
    notional_cap: float
    allotment: float
    domain_ns: Integers
    news_relevant_ns: int
    lineage: Words
    reasoning_mode: int
    pending: int
    pending_stream: int
    pending_low: np.uint64
    pending_high: np.uint64
    pending_sequence: np.uint64
    pending_event_ns: int
    pending_ns: int
    pending_notes: np.uint64
    pending_triggers: int
    pending_regime: int
    pending_mid: float
    pending_target: float
    advice: int
    advice_factor: float


STATE: Final = np.dtype(
    [
        ("inputs", "<u8"),  # contexts seen, refused ones included
        ("sequence", "<u8"),  # decisions made
        ("notes", "<u8"),  # reason bits that the current context earned on admission
        # Of each stream its last sources, the newest first: stream * REMEMBERED_SOURCES + rank.
        ("stream_source", "<u4", (len(Stream) * REMEMBERED_SOURCES,)),  # number + 1; 0 none
        ("stream_sequence", "<u8", (len(Stream) * REMEMBERED_SOURCES,)),
        ("stream_window", "<u8", (len(Stream) * REMEMBERED_SOURCES,)),  # bit n: last - n was seen
        ("stream_receive_ns", "<i8", (len(Stream),)),  # newest taken; 0 none
        ("stream_forgotten_ns", "<i8", (len(Stream),)),  # that when a source was last forgotten
        ("leap_ns", "<i8"),  # receive time of the last context that leapt ahead
        ("leap_count", "<i8"),  # such contexts in a row that agree
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
        # The context that it was set for, as the decision's row names it.
        ("target_stream", "u1"),
        ("target_low", "<u8"),
        ("target_high", "<u8"),
        ("target_sequence", "<u8"),
        ("target_open", "u1"),  # 1: an order for it may still be filled
        ("recorded", "u1"),  # which of mode and limits a control record has set
        ("switches", "u1"),  # bits of codes.Switch
        ("on_stop", "u1"),
        ("mode", "u1"),
        ("router_mode", "u1"),
        ("late", "u1"),
        ("governance_epoch", "<u8"),  # of the newest heartbeat; 0 none
        ("governance_until_ns", "<i8"),  # until when live decisions may open; 0 never
        ("notional_cap", "<f8"),
        ("allotment", "<f8"),
        ("domain_ns", "<i8", (len(Domain),)),  # newest item of each domain; 0 never
        ("news_relevant_ns", "<i8"),
        ("lineage", "<u8", (4,)),
        ("reasoning_mode", "u1"),
        ("pending", "u1"),  # 1: a context waits for advice; what follows is about it
        ("pending_stream", "u1"),
        ("pending_low", "<u8"),
        ("pending_high", "<u8"),
        ("pending_sequence", "<u8"),
        ("pending_event_ns", "<i8"),
        ("pending_ns", "<i8"),  # its receive time
        ("pending_notes", "<u8"),  # reason bits that it earned on admission
        ("pending_triggers", "u1"),
        ("pending_regime", "u1"),  # likeliest then
        ("pending_mid", "<f8"),
        ("pending_target", "<f8"),  # that stood then
        ("advice", "u1"),  # codes.Resolution of what is being resolved; 0 none
        ("advice_factor", "<f8"),  # of an adjustment
    ]
)
