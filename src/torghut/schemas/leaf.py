"""The layouts of stored decisions, and a decision taken apart; needs no numpy.

Little-endian and unpadded. The newest layout makes the rows that the kernel writes
(``torghut.schemas.rows``), so there is one place to change it. A layout that logs were written in
is never changed, only joined by the next: every row says in its second byte which one is its own.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

from torghut.kernel.errors import TorghutError

Field = tuple[str, str] | tuple[str, str, tuple[int]]
"""A field's name and type, as numpy spells them, and the length of an array."""

# Lengths are spelled out: an expert or a gate more must not change what is already stored.
_FIRST: Final[Sequence[Field]] = (
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
    ("posterior", "<f8", (4,)),
    ("scores", "<f8", (4,)),
    ("weights", "<f8", (4,)),
    ("age_ns", "<i8", (3,)),  # -1: none seen, or not declared
    ("gate_value", "<f8", (13,)),
    ("gate_status", "u1", (13,)),
    ("lineage", "<u8", (4,)),
)

LAYOUTS: Final[Mapping[int, Sequence[Field]]] = MappingProxyType({1: _FIRST})
"""Every layout that is read here, by its version."""

LEAF_VERSION: Final = max(LAYOUTS)
"""Of the layout that the kernel writes."""


class LeafVersionError(TorghutError):
    """A stored decision is of a layout that is not known here; a newer Torghut may know it."""

    code: ClassVar[str] = "schemas.leaf-version"

    def __init__(self, *, found: int, known: tuple[int, ...] = tuple(LAYOUTS)) -> None:
        super().__init__(
            f"expected decision rows of layout {' or '.join(map(str, known))}, found layout "
            f"{found}; read them with the Torghut that wrote them, or a newer one"
        )
        self.found = found
        self.known = known


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How rows of one layout are packed.

    Attributes:
        arrays: Where the arrays stand among the values; they come last.
        names: Of every value: its field, in an array with its place there.
    """

    packed: struct.Struct
    arrays: Sequence[slice[int, int, None]]
    names: Sequence[str]


def leaf_version(rows: bytes) -> int:
    """Return the version of the layout that packed decisions, at least one, are of.

    Raises:
        LeafVersionError: It is not known here.
    """
    version = rows[1] if len(rows) > 1 else 0
    if version not in LAYOUTS:
        raise LeafVersionError(found=version)
    return version


def row_bytes(version: int) -> int:
    """Return how many bytes a decision of a layout has.

    Example:
        >>> row_bytes(1)
        479
    """
    return _FORMS[version].packed.size


def decision_fields(row: bytes) -> DecisionFields:
    """Return the fields of ``row``, which is as long as its layout says.

    Raises:
        LeafVersionError: It is of a layout that is not known here.
    """
    form = _FORMS[leaf_version(row)]
    values = form.packed.unpack(row)
    return DecisionFields(
        *values[: form.arrays[0].start], *[values[array] for array in form.arrays]
    )


def row_values(row: bytes) -> tuple[float, ...]:
    """Return every value of ``row``, which is as long as its layout says, arrays spread out.

    Raises:
        LeafVersionError: It is of a layout that is not known here.
    """
    return _FORMS[leaf_version(row)].packed.unpack(row)


def value_names(version: int) -> Sequence[str]:
    """Return what the values of a layout are called, in order.

    Example:
        >>> value_names(1)[-2:]
        ('lineage.2', 'lineage.3')
    """
    return _FORMS[version].names


def _form(layout: Sequence[Field]) -> _Form:
    """Return how ``layout`` is packed."""
    codes = {"u1": "B", "<u8": "Q", "<i8": "q", "<f8": "d"}
    form, place = "<", 0
    arrays: list[slice[int, int, None]] = []
    names: list[str] = []
    for name, kind, *shape in layout:
        count = shape[0][0] if shape else 1
        if shape:
            arrays.append(slice(place, place + count))
        names += [f"{name}.{at}" for at in range(count)] if shape else [name]
        form += f"{count}{codes[kind]}"
        place += count
    return _Form(packed=struct.Struct(form), arrays=tuple(arrays), names=tuple(names))


_FORMS: Final[Mapping[int, _Form]] = {number: _form(one) for number, one in LAYOUTS.items()}
ROW_BYTES: Final = row_bytes(LEAF_VERSION)
"""Of every decision that the kernel writes."""
