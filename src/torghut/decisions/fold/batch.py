"""What became of one batch: outcomes, rows with their leaves, control records and their places."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from torghut.decisions.fold.judging import ControlRefusal
from torghut.decisions.fold.lineage import Lineage
from torghut.kernel.digests import DIGEST_BYTES
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival
from torghut.schemas.codes import PENDING, SHADOWED
from torghut.schemas.rows import DECISION

_ROW: Final = struct.Struct(f"{DECISION.itemsize}s")
_FEW: Final = 128
"""Rows up to which a set is faster than counting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A control record and where it applied: after that many contexts of the symbol.

    Attributes:
        resolution: Id of the record that resolved the symbol's pending context right then; empty
            where it was a context that came next.
    """

    control_id: str
    symbol: int
    position: int
    resolution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where records apply: before the next context of a symbol, or before a resolution decides.

    Attributes:
        symbol: Its number.
        now_ns: On the receive clock.
        resolution: Id of the record that resolves there; empty before a context.
    """

    symbol: int
    now_ns: int
    resolution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A control record that cannot hold, where it came, and why."""

    arrival: Arrival
    code: ControlRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A context about which advice is asked.

    Attributes:
        context: Its place in the batch.
        row: What is known as it is asked: a row of dtype ``DECISION`` that is no decision.
    """

    context: int
    row: bytes


class ArmRows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that one arm decided, packed, and their leaf digests, 32 bytes each."""

    rows: bytes
    leaves: bytes


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one batch; a struct, since a batch may be a single context.

    Attributes:
        outcomes: Shape (n,), uint8: each context's refusal code, 0 if it was decided, 255 if it
            waits for advice.
        arms: Rows of each arm for the contexts that were decided, in the order decided.
        asked: The contexts that wait for advice.
        shadowed: The contexts that were decided, and beside which advice is asked.
        resolved: Which of each arm's rows are of contexts that had waited, rising.
        received: Control records that were new.
        repeated: Control records that had been taken before; they have no effect.
        refused: Control records that cannot hold; they have no effect either.
        applied: Where waiting records took effect.
        lineages: Every lineage that the rows name, by digest.
    """

    outcomes: npt.NDArray[np.uint8]
    arms: Mapping[str, ArmRows]
    asked: Sequence[Asked]
    shadowed: Sequence[Asked]
    resolved: Sequence[int]
    received: Sequence[Arrival]
    repeated: Sequence[Arrival]
    refused: Sequence[Refused]
    applied: Sequence[Applied]
    lineages: Mapping[str, Lineage]

    @property
    def count(self) -> int:
        """How many decisions the serving arm made."""
        return len(self.arms[SERVING].leaves) // DIGEST_BYTES


class Pass(msgspec.Struct, kw_only=True):
    """One batch on its way through the fold; a struct for the same reason.

    Attributes:
        contexts: Shape (n,), dtype ``CONTEXT``.
        outcomes: Shape (n,), uint8; of the contexts that have been taken.
        rows: What each arm decided so far, piece by piece.
        taken: How many contexts have been taken.
        rows_written: How many rows each arm has.
        placed: In a replay, what the log says applied, by the resolution that it came before.
    """

    contexts: npt.NDArray[np.void]
    outcomes: npt.NDArray[np.uint8]
    rows: Mapping[str, list[bytes]]
    taken: int = 0
    rows_written: int = 0
    asked: list[Asked] = []
    shadowed: list[Asked] = []
    resolved: list[int] = []
    received: list[Arrival] = []
    repeated: list[Arrival] = []
    refused: list[Refused] = []
    applied: list[Applied] = []
    lineages: dict[str, Lineage] = {}
    placed: dict[str, list[Applied]] = {}

    def decided(self) -> Decided:
        """Return what became of the batch, all of it taken."""
        return Decided(
            outcomes=self.outcomes,
            arms={arm: hash_rows(b"".join(parts)) for arm, parts in self.rows.items()},
            asked=self.asked,
            shadowed=self.shadowed,
            resolved=self.resolved,
            received=self.received,
            repeated=self.repeated,
            refused=self.refused,
            applied=self.applied,
            lineages=self.lineages,
        )

    def take_rows(self, written: Mapping[str, npt.NDArray[np.void]], start: int) -> None:
        """Take in what each arm wrote of the contexts from ``start`` on that were taken since.

        Args:
            written: Rows of each arm, shape (m,), dtype ``DECISION``: one of each context that
                was not refused, and in the arm that serves one more of each beside which advice is
                asked. They are copied.
            start: First context that they may be of.
        """
        outcomes = self.outcomes[start : self.taken]
        codes = outcomes.tobytes()  # what numpy finds in a few of them takes it microseconds
        if PENDING not in codes and SHADOWED not in codes:
            for arm, rows in written.items():
                self.rows[arm].append(rows.tobytes())
        else:
            asking = outcomes >= SHADOWED
            kinds = outcomes[asking | (outcomes == 0)]  # of each context with a row
            places = (np.flatnonzero(asking) + start).tolist()
            self._take_questions(written[SERVING], kinds, places)
            for arm, rows in written.items():
                if arm != SERVING:
                    self.rows[arm].append(rows[kinds != PENDING].tobytes())
            outcomes[outcomes == SHADOWED] = 0
        self.rows_written += codes.count(0) + codes.count(SHADOWED)

    def _take_questions(
        self, rows: npt.NDArray[np.void], kinds: npt.NDArray[np.uint8], places: Sequence[int]
    ) -> None:
        """Take in what the arm that serves wrote where advice is asked.

        Args:
            rows: As written, shape (m,).
            kinds: 0, ``PENDING`` or ``SHADOWED`` of each context with a row.
            places: Of those of them in the batch about which advice is asked.
        """
        spans = 1 + (kinds == SHADOWED)
        questions = (np.cumsum(spans) - spans)[kinds != 0]
        decided = np.ones(len(rows), np.bool_)
        decided[questions] = False
        self.rows[SERVING].append(rows[decided].tobytes())
        for place, question in zip(places, questions.tolist(), strict=True):
            asked = Asked(context=place, row=rows[question].tobytes())
            waits = self.outcomes[place] == PENDING
            (self.asked if waits else self.shadowed).append(asked)

    def take_resolved(self, written: Mapping[str, npt.NDArray[np.void]]) -> None:
        """Take in the row that each arm wrote of a context that had waited, shape (1,)."""
        for arm, rows in written.items():
            self.rows[arm].append(rows.tobytes())
        self.resolved.append(self.rows_written)
        self.rows_written += 1


def hash_rows(rows: bytes) -> ArmRows:
    """Return packed rows with the digest of each."""
    sha256 = hashlib.sha256
    leaves = [sha256(row).digest() for (row,) in _ROW.iter_unpack(rows)]
    return ArmRows(rows=rows, leaves=b"".join(leaves))


def occurring(numbers: npt.NDArray[np.uint32] | npt.NDArray[np.uint16]) -> set[int]:
    """Return which numbers of a run's tables occur in a batch."""
    many = len(numbers) > _FEW
    return set((np.flatnonzero(np.bincount(numbers)) if many else numbers).tolist())
