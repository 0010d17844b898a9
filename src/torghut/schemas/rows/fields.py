"""A stored decision row taken apart into named Python values, without numpy's cost per field."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from torghut.schemas.rows.decision import DECISION


class DecisionFields(NamedTuple):
    """A decision row taken apart: the fields of ``DECISION``, arrays as tuples."""

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
    symbol_key: int
    source_low: int
    source_high: int
    source_sequence: int
    sequence: int
    event_ns: int
    receive_ns: int
    decided_ns: int
    valid_until_ns: int
    reasons: int
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
    posterior: tuple[float, ...]
    scores: tuple[float, ...]
    weights: tuple[float, ...]
    age_ns: tuple[int, ...]
    gate_value: tuple[float, ...]
    gate_status: tuple[int, ...]
    lineage: tuple[int, ...]


def decision_fields(row: bytes) -> DecisionFields:
    """Return the fields of ``row``, which has as many bytes as ``DECISION``."""
    values = _LAYOUT.unpack(row)
    return DecisionFields(*values[:_SCALARS], *[values[array] for array in _ARRAYS])


def _layout() -> tuple[struct.Struct, tuple[slice[int, int, None], ...]]:
    """Return how ``DECISION`` is laid out, and where its arrays stand among the values."""
    codes = {"u1": "B", "u8": "Q", "i8": "q", "f8": "d"}
    form, place = "<", 0
    arrays: list[slice[int, int, None]] = []
    for name in DECISION.names or ():
        field = DECISION[name]
        count = field.shape[0] if field.shape else 1
        if field.shape:
            arrays.append(slice(place, place + count))
        form += f"{count}{codes[field.base.str[1:]]}"
        place += count
    return struct.Struct(form), tuple(arrays)


_LAYOUT, _ARRAYS = _layout()
_SCALARS: Final = _ARRAYS[0].start
