"""What became of one batch: outcomes, rows with their leaves, control records and their places."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.decisions.fold.judging import ControlRefusal
from torghut.decisions.fold.lineage import Lineage
from torghut.market.ports import Arrival
from torghut.schemas.rows import DECISION

_ROW: Final = struct.Struct(f"{DECISION.itemsize}s")
_FEW: Final = 128
"""Rows up to which a set is faster than counting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A control record and where it applied: after that many contexts of the symbol."""

    control_id: str
    symbol: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A control record that cannot hold, where it came, and why."""

    arrival: Arrival
    code: ControlRefusal


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
        repeated: Control records that had been taken before; they have no effect.
        refused: Control records that cannot hold; they have no effect either.
        applied: Where waiting records took effect.
        lineages: Every lineage that the rows name, by digest.
    """

    outcomes: npt.NDArray[np.uint8]
    arms: Mapping[str, ArmRows]
    received: Sequence[Arrival]
    repeated: Sequence[Arrival]
    refused: Sequence[Refused]
    applied: Sequence[Applied]
    lineages: Mapping[str, Lineage]


@dataclass(slots=True, kw_only=True)
class Pass:
    """One batch on its way through the fold.

    Attributes:
        contexts: Shape (n,), dtype ``CONTEXT``.
        outcomes: Shape (n,), uint8; of the contexts that have been taken.
        rows: What each arm decided so far, piece by piece.
        taken: How many contexts have been taken.
    """

    contexts: npt.NDArray[np.void]
    outcomes: npt.NDArray[np.uint8]
    rows: Mapping[str, list[bytes]]
    taken: int = 0
    received: list[Arrival] = field(default_factory=list)
    repeated: list[Arrival] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    lineages: dict[str, Lineage] = field(default_factory=dict)

    def decided(self) -> Decided:
        """Return what became of the batch, all of it taken."""
        return Decided(
            outcomes=self.outcomes,
            arms={arm: hash_rows(b"".join(parts)) for arm, parts in self.rows.items()},
            received=self.received,
            repeated=self.repeated,
            refused=self.refused,
            applied=self.applied,
            lineages=self.lineages,
        )


def hash_rows(rows: bytes) -> ArmRows:
    """Return packed rows with the digest of each."""
    sha256 = hashlib.sha256
    leaves = [sha256(row).digest() for (row,) in _ROW.iter_unpack(rows)]
    return ArmRows(rows=rows, leaves=b"".join(leaves))


def occurring(numbers: npt.NDArray[np.uint32] | npt.NDArray[np.uint16]) -> set[int]:
    """Return which numbers of a run's tables occur in a batch."""
    many = len(numbers) > _FEW
    return set((np.flatnonzero(np.bincount(numbers)) if many else numbers).tolist())
