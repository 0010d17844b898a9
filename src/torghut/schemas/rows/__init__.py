"""The packed rows that the compiled kernel reads and writes, and their types for a checker.

Everything is little-endian and unpadded, so a row's bytes are the same on every machine. Field
names never equal an ndarray method. Prices are in the instrument's quote currency, sizes and
positions in units of the base (not lots), times in ns since 1970 UTC, ratios in [0, 1].
"""

from torghut.schemas.leaf import LEAF_VERSION
from torghut.schemas.rows.array import Bytes, Floats, Integers, RowArray, Rows, Words
from torghut.schemas.rows.decision import DECISION, DecisionRow, decision_dtype
from torghut.schemas.rows.inputs import (
    CONTEXT,
    INT64_LAST_NS,
    LATEST_NS,
    SESSION,
    SOURCE,
    ContextRow,
    SessionRow,
    SourceRow,
)
from torghut.schemas.rows.parameters import PARAMETERS, ParameterRow
from torghut.schemas.rows.state import REMEMBERED_SOURCES, STATE, StateRow

__all__ = [
    "CONTEXT",
    "DECISION",
    "INT64_LAST_NS",
    "LATEST_NS",
    "LEAF_VERSION",
    "PARAMETERS",
    "REMEMBERED_SOURCES",
    "SESSION",
    "SOURCE",
    "STATE",
    "Bytes",
    "ContextRow",
    "DecisionRow",
    "Floats",
    "Integers",
    "ParameterRow",
    "RowArray",
    "Rows",
    "SessionRow",
    "SourceRow",
    "StateRow",
    "Words",
    "decision_dtype",
]
