"""A throw of ``deterministic-only`` while advice counted, and the decisions that came under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from torghut.drift.model import is_asked, is_unanswered
from torghut.schemas.codes import Reason
from torghut.schemas.reasoning.standing import AdviceRollback
from torghut.schemas.rows import RowArray

_FORCED: Final = np.uint64(1 << Reason.DETERMINISTIC_ONLY)
_UNHEEDED: Final = np.uint64(
    1 << Reason.DETERMINISTIC_ONLY
    | 1 << Reason.REASONING_OFF
    | 1 << Reason.REASONING_SHADOW
    | 1 << Reason.ADVICE_SUPERSEDED
)
"""Reasons for which the kernel made nothing of a verdict that came."""


@dataclass(slots=True, kw_only=True)
class FallenBack:
    """What came of a throw, up to its release.

    Attributes:
        control_id: Of its record.
        reason: As given.
        at_ns: When it came into force, on the receive clock.
        place: Decisions of the block under way that were made before it.
        over: Whether it was released.
        fell_back_ns: When the first decision fell back for it; None while none has.
        advised_since: Decisions under it in which advice counted all the same.
    """

    control_id: str
    reason: str
    at_ns: int
    place: int
    over: bool = False
    fell_back_ns: int | None = None
    advised_since: int = 0

    def go_on(self, rows: RowArray) -> None:
        """Take in the rest of a block under it; the next one is under it from its beginning."""
        if not self.over:
            self._take(rows[self.place :])
            self.place = 0

    def end(self, rows: RowArray) -> None:
        """Take in the decisions of the block that were made before its release."""
        self._take(rows[self.place :])
        self.over = True

    def told(self) -> AdviceRollback:
        """Return it as it is published."""
        fell_back_ns = self.fell_back_ns
        return AdviceRollback(
            control_id=self.control_id,
            reason=self.reason,
            at_ns=self.at_ns,
            fell_back_ns=fell_back_ns,
            recovery_ns=None if fell_back_ns is None else max(0, fell_back_ns - self.at_ns),
            advised_since=self.advised_since,
        )

    def _take(self, rows: RowArray) -> None:
        """Count decisions under it."""
        reasons = rows["reasons"]
        verdict = is_asked(reasons) & ~is_unanswered(reasons)
        self.advised_since += int(np.count_nonzero(verdict & ((reasons & _UNHEEDED) == 0)))
        forced = rows["decided_ns"][(reasons & _FORCED) != 0]
        if self.fell_back_ns is None and len(forced):
            self.fell_back_ns = int(forced[0])
