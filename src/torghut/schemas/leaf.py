"""The layout of a stored decision, and the decision taken apart; needs no numpy.

Little-endian and unpadded. The same layout makes the rows that the kernel writes
(``torghut.schemas.rows``), so there is one place to change it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from torghut.schemas.codes import MAX_REGIMES, Domain, Expert, Gate

Field = tuple[str, str] | tuple[str, str, tuple[int]]
"""A field's name and type, as numpy spells them, and the length of an array."""

LEAF_VERSION: Final = 1
"""Raised when ``LAYOUT`` changes."""

LAYOUT: Final[Sequence[Field]] = (
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
)


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
    """Return the fields of ``row``, which has ``ROW_BYTES`` bytes."""
    values = _STRUCT.unpack(row)
    return DecisionFields(*values[:_SCALARS], *[values[array] for array in _ARRAYS])


def _places() -> tuple[struct.Struct, tuple[slice[int, int, None], ...]]:
    """Return how ``LAYOUT`` is packed, and where its arrays stand among the values."""
    codes = {"u1": "B", "<u8": "Q", "<i8": "q", "<f8": "d"}
    form, place = "<", 0
    arrays: list[slice[int, int, None]] = []
    for _, kind, *shape in LAYOUT:
        count = shape[0][0] if shape else 1
        if shape:
            arrays.append(slice(place, place + count))
        form += f"{count}{codes[kind]}"
        place += count
    return struct.Struct(form), tuple(arrays)


_STRUCT, _ARRAYS = _places()
_SCALARS: Final = _ARRAYS[0].start
ROW_BYTES: Final = _STRUCT.size
"""Of every stored decision."""
