"""What the kernel writes: a decision with everything that explains it, as one leaf."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from torghut.schemas.codes import MAX_REGIMES, Domain, Expert, Gate
from torghut.schemas.rows.array import Bytes, Floats, Integers, Words

LEAF_VERSION: Final = 1
"""Raised when the layout of ``DECISION`` changes."""


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
    decided_ns: int
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
        ("decided_ns", "<i8"),  # the kernel's now
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
