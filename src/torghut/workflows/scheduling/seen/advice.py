"""The reasoning mode that a log's control records put in force, and the switch that overrides it.

What holds for a symbol is what the last record said that named it or all of them, for symbols that
come later too; before any, advice is off. A record of a time to come waits for a context of then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar, get_args

import numpy as np

from torghut.decisions.recording import Recorded
from torghut.schemas.codes import PENDING, RefusalCode
from torghut.schemas.control import (
    AdviceResolved,
    ReasoningModeChanged,
    ReasoningModeName,
    SwitchThrown,
)
from torghut.schemas.reasoning.standing import ReasoningChange
from torghut.schemas.rows import INT64_LAST_NS, RowArray
from torghut.workflows.scheduling.seen.fallen_back import FallenBack

T = TypeVar("T")

MODES: Final[tuple[ReasoningModeName, ...]] = get_args(ReasoningModeName)
"""The least first."""

_ALL: Final = "*"
_Record = ReasoningModeChanged | SwitchThrown


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change, and what it came to.

    Attributes:
        block: In which its record came.
        change: As it is told.
        mode: The most that any symbol has from then on.
    """

    block: int
    change: ReasoningChange
    mode: ReasoningModeName


@dataclass(slots=True, kw_only=True)
class AdviceInForce:
    """How advice stands after the blocks that were taken in.

    Attributes:
        changed: Every change so far, oldest first.
        rollback: The last throw of the switch while advice counted; None without one.
    """

    changed: list[Changed] = field(default_factory=list)
    rollback: FallenBack | None = None
    _modes: dict[str, ReasoningModeName] = field(default_factory=lambda: {_ALL: "off"})
    _switches: dict[str, bool] = field(default_factory=lambda: {_ALL: False})
    _waiting: list[tuple[int, str, _Record]] = field(default_factory=list)
    _newest_ns: int = 0

    @property
    def mode(self) -> ReasoningModeName:
        """The most that any symbol has."""
        return max(self._modes.values(), key=MODES.index)

    @property
    def least(self) -> ReasoningModeName:
        """The least that any symbol has."""
        return min(self._modes.values(), key=MODES.index)

    @property
    def deterministic_only(self) -> bool:
        """Whether the switch overrides the mode of every symbol."""
        return all(self._switches.values())

    @property
    def block(self) -> int:
        """In which the mode was changed last; 0 before any change."""
        return max((one.block for one in self.changed if one.change.what == "mode"), default=0)

    def after(
        self, number: int, recorded: Recorded, rows: RowArray, *, until_ns: int | None
    ) -> Self:
        """Return how advice stands after a block; one seen in part is left to be seen again.

        Args:
            number: Of the block.
            recorded: What it holds.
            rows: Decisions of the serving arm that are seen.
            until_ns: What came before contexts that came later is not seen yet; None: all is.
        """
        last_ns = INT64_LAST_NS if until_ns is None else until_ns
        beyond = np.flatnonzero(recorded.contexts["receive_ns"] > last_ns)
        end = int(beyond[0]) if len(beyond) else len(recorded.contexts)
        after = deepcopy(self) if len(beyond) else self
        after.take(number, recorded, rows, end)
        return after

    def take(self, number: int, recorded: Recorded, rows: RowArray, end: int) -> None:
        """Take in a block up to before its context ``end``."""
        begin = 0
        for record, row, place in _placed(recorded, end):
            self._come_to(number, recorded, rows, (begin, row))
            begin = row
            due_ns = record.effective_at_ns
            if due_ns is not None and due_ns > self._newest_ns:
                self._waiting.append((due_ns, record.control_id, record))
            else:
                self._change(number, record, self._newest_ns, rows[:place])
        self._come_to(number, recorded, rows, (begin, end))
        if self.rollback is not None:
            self.rollback.go_on(rows)

    def _come_to(
        self, number: int, recorded: Recorded, rows: RowArray, part: tuple[int, int]
    ) -> None:
        """Let the time of a part of a block's contexts come, and with it what waited for that."""
        outcomes = recorded.outcomes[slice(*part)]
        taken = (outcomes == RefusalCode.NONE) | (outcomes == PENDING)
        times = recorded.contexts["receive_ns"][slice(*part)][taken]
        if len(times):  # the time of one that was refused may be anything
            self._newest_ns = max(self._newest_ns, int(times.max()))
        due = sorted(one for one in self._waiting if one[0] <= self._newest_ns)
        self._waiting = [one for one in self._waiting if one[0] > self._newest_ns]
        for due_ns, _, record in due:
            before = int(np.count_nonzero(rows["decided_ns"] < due_ns))
            self._change(number, record, due_ns, rows[:before])

    def _change(self, number: int, record: _Record, at_ns: int, before: RowArray) -> None:
        """Let a record hold, and remember what that changed.

        Args:
            number: Of the block.
            record: That comes into force.
            at_ns: When, on the receive clock.
            before: Decisions of the block that were made before it.
        """
        forced, mode = self.deterministic_only, self.mode
        change = self._hold(record, at_ns)
        if change is None:
            return
        self.changed.append(Changed(block=number, change=change, mode=self.mode))
        if forced == self.deterministic_only:
            return
        if forced and self.rollback is not None:
            self.rollback.end(before)
        elif not forced and mode == "active":
            self.rollback = FallenBack(
                control_id=record.control_id,
                reason=record.reason,
                at_ns=at_ns,
                place=len(before),
            )

    def _hold(self, record: _Record, at_ns: int) -> ReasoningChange | None:
        """Let a record hold, and return what that changes; None where it was so already."""
        before: str
        if isinstance(record, SwitchThrown):
            thrown = record.state == "thrown"
            what, to = "deterministic-only", str(record.state)
            before = "released" if thrown else "thrown"
            changes = bool(_put(self._switches, record.symbol, thrown))
        else:
            others = _put(self._modes, record.symbol, record.mode)
            what, to = "mode", str(record.mode)
            before = max(others, key=MODES.index, default=record.mode)
            changes = bool(others)
        if not changes:
            return None
        return ReasoningChange.model_validate(
            {
                "what": what,
                "symbol": record.symbol,
                "from": before,
                "to": to,
                "at_ns": at_ns,
                "control_id": record.control_id,
                "reason": record.reason,
            }
        )


def _placed(recorded: Recorded, end: int) -> Iterator[tuple[_Record, int, int]]:
    """Yield what concerns advice of a block: the record, its context, and its place among rows.

    Args:
        recorded: The block.
        end: Number of the context up to before which it is seen.
    """
    resolved = 0
    for arrival in recorded.received:
        record = arrival.record
        if arrival.row > end:
            return
        if isinstance(record, AdviceResolved):
            resolved += 1
        elif isinstance(record, ReasoningModeChanged) or (
            isinstance(record, SwitchThrown) and record.name == "deterministic-only"
        ):
            outcomes = recorded.outcomes[: arrival.row]
            decided = int(np.count_nonzero(outcomes == RefusalCode.NONE))
            yield record, arrival.row, decided + resolved


def _put(held: dict[str, T], scope: str, value: T) -> Sequence[T]:
    """Let a value hold in a scope, and return what else held there."""
    every = list(held.values()) if scope == _ALL else [held.get(scope, held[_ALL])]
    if scope == _ALL:
        held.clear()
    held[scope] = value
    return [one for one in every if one != value]
