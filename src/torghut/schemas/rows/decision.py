"""What the kernel writes: a decision with everything that explains it, as one leaf."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from torghut.schemas.leaf import LAYOUTS, LEAF_VERSION, leaf_version
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


DECISIONS: Final[Mapping[int, np.dtype[np.void]]] = MappingProxyType(
    {version: np.dtype(list(layout)) for version, layout in LAYOUTS.items()}
)
"""Stored decisions, by the version of their layout."""

DECISION: Final = DECISIONS[LEAF_VERSION]


def decision_dtype(rows: bytes) -> np.dtype[np.void]:
    """Return what packed decisions are; of none at all, the newest layout.

    Raises:
        LeafVersionError: They are of a layout that is not known here.
    """
    return DECISIONS[leaf_version(rows)] if rows else DECISION
