"""What the kernel writes: a decision with everything that explains it, as one leaf."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from torghut.schemas.leaf import LAYOUT
from torghut.schemas.rows.array import Bytes, Floats, Integers, Words


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


DECISION: Final = np.dtype(list(LAYOUT))
