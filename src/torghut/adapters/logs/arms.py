"""How a block's arms and citations stand in a row: two byte strings, and what cuts them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pydantic import TypeAdapter

from torghut.eventlog.block import Arm
from torghut.kernel.canonical import JsonValue, canonical_text

_ARMS: Final = TypeAdapter(tuple[tuple[str, int, int], ...])
_CITES: Final = TypeAdapter(tuple[str, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedArms:
    """The arms of a block as they are stored.

    Attributes:
        layout: Name, bytes of leaves and bytes of rows of each arm, by name, as canonical JSON.
        leaves: Of all arms, one after the other.
        rows: Likewise.
    """

    layout: str
    leaves: bytes
    rows: bytes


def pack_arms(arms: Mapping[str, Arm]) -> PackedArms:
    """Return ``arms`` as they are stored."""
    named = sorted(arms.items())
    layout = _text(tuple((name, len(arm.leaves), len(arm.rows)) for name, arm in named))
    if len(named) == 1:  # the usual case, without copying
        return PackedArms(layout=layout, leaves=named[0][1].leaves, rows=named[0][1].rows)
    return PackedArms(
        layout=layout,
        leaves=b"".join(arm.leaves for _, arm in named),
        rows=b"".join(arm.rows for _, arm in named),
    )


def unpack_arms(layout: str, *, leaves: bytes, rows: bytes) -> Mapping[str, Arm]:
    """Return the arms that ``layout`` cuts out of the stored bytes.

    Raises:
        ValueError: It does not fit them, or is no layout.
    """
    arms: dict[str, Arm] = {}
    leaf = row = 0
    for name, leaf_bytes, row_bytes in _layout(layout):
        arms[name] = Arm(leaves=leaves[leaf : leaf + leaf_bytes], rows=rows[row : row + row_bytes])
        leaf, row = leaf + leaf_bytes, row + row_bytes
    if (leaf, row) != (len(leaves), len(rows)):
        message = f"arms of {leaf} and {row} bytes in {len(leaves)} and {len(rows)}"
        raise ValueError(message)
    return arms


def cites_text(cites: tuple[str, ...]) -> str:
    """Return citations as canonical JSON."""
    return _text(cites)


@lru_cache(maxsize=64)
def read_cites(text: str) -> tuple[str, ...]:
    """Return the citations that ``cites_text`` wrote.

    Raises:
        ValueError: They are none.
    """
    return _CITES.validate_json(text)


@lru_cache(maxsize=64)
def _text(values: tuple[str | tuple[str, int, int], ...]) -> str:
    """Return values as canonical JSON; small blocks have the same ones again and again."""
    plain: list[JsonValue] = [list(one) if isinstance(one, tuple) else one for one in values]
    return canonical_text(plain)


@lru_cache(maxsize=64)
def _layout(text: str) -> tuple[tuple[str, int, int], ...]:
    """Return the layout that ``_text`` wrote; small blocks have the same again and again."""
    return _ARMS.validate_json(text)
