"""What became of one batch: outcomes, rows with their leaves, control records and their places."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from torghut.decisions.fold.lineage import Lineage
from torghut.market.ports import Arrival
from torghut.schemas.rows import DECISION


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A control record and where it applied: after that many contexts of the symbol."""

    control_id: str
    symbol: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRows:
    """The rows that one arm decided, packed, and their leaf digests, 32 bytes each."""

    rows: bytes
    leaves: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of one batch.

    Attributes:
        outcomes: Shape (n,), uint8: each context's refusal code, 0 if it was decided.
        arms: Rows of each arm for the contexts that were decided.
        received: Control records that were new.
        repeated: Control records whose id had been taken before; they have no effect.
        applied: Where waiting records took effect.
        lineages: Every lineage that the rows name, by digest.
    """

    outcomes: npt.NDArray[np.uint8]
    arms: Mapping[str, ArmRows]
    received: Sequence[Arrival]
    repeated: Sequence[Arrival]
    applied: Sequence[Applied]
    lineages: Mapping[str, Lineage]


def hash_rows(rows: bytes) -> ArmRows:
    """Return packed rows with the digest of each."""
    view = memoryview(rows)
    size = DECISION.itemsize
    sha256 = hashlib.sha256
    leaves = [sha256(view[i : i + size]).digest() for i in range(0, len(rows), size)]
    return ArmRows(rows=rows, leaves=b"".join(leaves))
