"""Drift of the data: what is required and not there, how old it is, repeated or of another shape.

Nothing depends on how the window was cut into pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.drift.ages import AgeCounts
from torghut.schemas.codes import PENDING, RefusalCode
from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.fields import Reading, declared_off, reading_of
from torghut.schemas.rows import Bytes, Integers

Flags = npt.NDArray[np.bool_]

NULLS: Final = frozenset({RefusalCode.MISSING_FIELD, RefusalCode.NOT_FINITE, RefusalCode.NO_QUOTE})
"""Refusals of a context because a value that it must have is not there."""

MISMATCHES: Final = frozenset(
    {
        RefusalCode.UNDECODABLE,
        RefusalCode.OVERSIZED_LINE,
        RefusalCode.MISSING_FIELD,
        RefusalCode.WRONG_TYPE,
        RefusalCode.DUPLICATE_KEY,
        RefusalCode.UNKNOWN_MESSAGE,
        RefusalCode.WRONG_UNIT,
    }
)
"""Refusals of a record because it is not of the shape, or in the unit, that its source declares."""

_P95: Final = 95
_BY_CODE: Final = {code.code: int(code) for code in RefusalCode}


@dataclass(slots=True, kw_only=True)
class DataTally:
    """The data of a window, counted.

    Attributes:
        required: Things required to be known: by each decision one a required domain, and by each
            context that was refused for the lack of a value one.
        absent: Those of them that were not.
        ages: Of each decision, that of the oldest required domain known to it.
        records: Contexts, and records that were no context.
        duplicates: Contexts that repeat what their source had said.
        mismatches: Records of another shape than their source declares.
    """

    required: int = 0
    absent: int = 0
    ages: AgeCounts = field(default_factory=AgeCounts)
    records: int = 0
    duplicates: int = 0
    mismatches: int = 0

    def take_decisions(self, age_ns: Integers, required: Flags) -> None:
        """Count what decisions knew.

        Args:
            age_ns: Shape (n, domains): age of the newest information; below 0 where there is none.
            required: Shape (n, domains): whether that domain is declared to be required.
        """
        known = required & (age_ns >= 0)
        self.required += int(np.count_nonzero(required))
        self.absent += int(np.count_nonzero(required) - np.count_nonzero(known))
        oldest = np.where(known, age_ns, -1).max(axis=1, initial=-1)
        self.ages.take(oldest[oldest >= 0])

    def take_outcomes(self, outcomes: Bytes) -> None:
        """Count what became of contexts: their refusal codes, shape (n,), 0 where decided."""
        if not outcomes.any():
            self.records += len(outcomes)
            return
        taken = outcomes[outcomes != PENDING]
        self.records += len(outcomes) - len(taken)
        self._take(np.bincount(taken, minlength=len(RefusalCode)))

    def take_quarantined(self, codes: Iterable[str]) -> None:
        """Count records that were no context, by their published code."""
        numbers = [_BY_CODE.get(code, int(RefusalCode.UNDECODABLE)) for code in codes]
        if numbers:
            self._take(np.bincount(numbers, minlength=len(RefusalCode)))

    def _take(self, counts: npt.NDArray[np.intp]) -> None:
        """Count records by refusal code."""
        nulls = sum(int(counts[code]) for code in NULLS)
        self.records += int(counts.sum())
        self.required += nulls
        self.absent += nulls
        self.duplicates += int(counts[RefusalCode.DUPLICATE])
        self.mismatches += sum(int(counts[code]) for code in MISMATCHES)

    def readings(self, *, nothing_required_by: str | None) -> Mapping[DriftCode, Reading]:
        """Return what was counted.

        Args:
            nothing_required_by: Digest of the declarations by which no domain is required of any
                decision; None where one is.
        """
        off = None if nothing_required_by is None else declared_off(nothing_required_by)
        return {
            "data_required_null_rate_exceeded": off or _ratio(self.absent, self.required),
            "data_staleness_p95_exceeded": off
            or reading_of(self.ages.percentile(_P95), samples=self.ages.count),
            "data_duplicate_ratio_exceeded": _ratio(self.duplicates, self.records),
            "data_schema_mismatch_detected": reading_of(
                float(self.mismatches), samples=self.records
            ),
        }


def _ratio(part: int, whole: int) -> Reading:
    """Return a share as a reading; of nothing, there is none."""
    return reading_of(part / whole if whole else None, samples=whole)
