"""The reasoning mode that a log's control records put in force, and the switch that overrides it.

A block says to which symbol a record applied, and what applied last holds. A symbol that is silent
since is counted as what its next context will find; those that come later, as what is said for all.
A record of a time to come waits for a context of then. Before any record advice is off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final, Self, get_args

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

MODES: Final[tuple[ReasoningModeName, ...]] = get_args(ReasoningModeName)
"""The least first."""

_ALL: Final = "*"
"""Stands for the symbols that come later."""

_Record = ReasoningModeChanged | SwitchThrown


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What holds for one symbol.

    Attributes:
        mode: Of reasoning.
        thrown: Whether the switch overrides it.
    """

    mode: ReasoningModeName = "off"
    thrown: bool = False

    def under(self, record: _Record) -> Stand:
        """Return what holds once a record does."""
        if isinstance(record, SwitchThrown):
            return replace(self, thrown=record.state == "thrown")
        return replace(self, mode=record.mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is seen of a block.

    Attributes:
        number: Of the block.
        recorded: What it holds.
        rows: Decisions of the serving arm.
        applied: Which records applied to which symbols, in order.
        until_ns: What came before contexts that came later is not seen yet; None: all is.
    """

    number: int
    recorded: Recorded
    rows: RowArray
    applied: Sequence[tuple[str, str]]
    until_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change, and what it came to.

    Attributes:
        block: In which its record came into force.
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
    _applied: dict[str, Stand] = field(default_factory=lambda: {_ALL: Stand()})
    _waiting: dict[str, list[_Record]] = field(default_factory=lambda: {_ALL: []})
    _coming: list[tuple[int, str, _Record]] = field(default_factory=list)
    _known: dict[str, _Record] = field(default_factory=dict)
    _newest_ns: int = 0

    @property
    def mode(self) -> ReasoningModeName:
        """The most that any symbol has."""
        return max((one.mode for one in self._stands(_ALL)), key=MODES.index)

    @property
    def least(self) -> ReasoningModeName:
        """The least that any symbol has."""
        return min((one.mode for one in self._stands(_ALL)), key=MODES.index)

    @property
    def deterministic_only(self) -> bool:
        """Whether the switch overrides the mode of every symbol."""
        return all(one.thrown for one in self._stands(_ALL))

    @property
    def block(self) -> int:
        """In which the mode was changed last; 0 before any change."""
        return max((one.block for one in self.changed if one.change.what == "mode"), default=0)

    def after(self, seen: Seen) -> Self:
        """Return how advice stands after a block; one seen in part is left to be seen again."""
        last_ns = INT64_LAST_NS if seen.until_ns is None else seen.until_ns
        beyond = np.flatnonzero(seen.recorded.contexts["receive_ns"] > last_ns)
        end = int(beyond[0]) if len(beyond) else len(seen.recorded.contexts)
        after = deepcopy(self) if len(beyond) else self
        after.take(seen, end)
        return after

    def take(self, seen: Seen, end: int) -> None:
        """Take in a block up to before its context ``end``."""
        for name in seen.recorded.header.symbols.values():
            self._applied.setdefault(name, self._applied[_ALL])
            self._waiting.setdefault(name, [])
        begin = 0
        for record, row, place in _placed(seen.recorded, end):
            self._come_to(seen, (begin, row))
            begin = row
            self._known[record.control_id] = record
            due_ns = record.effective_at_ns
            if due_ns is not None and due_ns > self._newest_ns:
                self._coming.append((due_ns, record.control_id, record))
            else:
                self._change(seen.number, record, self._newest_ns, seen.rows[:place])
        self._come_to(seen, (begin, end))
        self._apply(seen.applied)
        if self.rollback is not None:
            self.rollback.go_on(seen.rows)

    def _come_to(self, seen: Seen, part: tuple[int, int]) -> None:
        """Let the time of a part of a block's contexts come, and with it what waited for that."""
        outcomes = seen.recorded.outcomes[slice(*part)]
        taken = (outcomes == RefusalCode.NONE) | (outcomes == PENDING)
        times = seen.recorded.contexts["receive_ns"][slice(*part)][taken]
        if len(times):  # the time of one that was refused may be anything
            self._newest_ns = max(self._newest_ns, int(times.max()))
        due = sorted(one for one in self._coming if one[0] <= self._newest_ns)
        self._coming = [one for one in self._coming if one[0] > self._newest_ns]
        for due_ns, _, record in due:
            before = int(np.count_nonzero(seen.rows["decided_ns"] < due_ns))
            self._change(seen.number, record, due_ns, seen.rows[:before])

    def _apply(self, applied: Sequence[tuple[str, str]]) -> None:
        """Let what applied to a symbol hold for it, and wait for it no more.

        Nor does what came before it: a symbol that is new inherits nothing that was superseded.
        """
        for control_id, name in applied:
            record = self._known.get(control_id)
            if record is None:
                continue
            self._applied[name] = self._applied[name].under(record)
            waiting = self._waiting[name]
            if record in waiting:
                del waiting[: waiting.index(record) + 1]

    def _stands(self, scope: str) -> Sequence[Stand]:
        """Return what holds for each symbol of a scope: all of them, or one."""
        names = self._applied if scope == _ALL else [scope]
        return [reduce(Stand.under, self._waiting[name], self._applied[name]) for name in names]

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
        scope = record.symbol
        self._applied.setdefault(scope, self._applied[_ALL])
        self._waiting.setdefault(scope, [])
        found = self._stands(scope)
        others = [one for one in found if one.under(record) != one]
        for name in self._applied if scope == _ALL else [scope]:
            if name == _ALL:  # nothing applies to those that are still to come
                self._applied[_ALL] = self._applied[_ALL].under(record)
            else:
                self._waiting[name].append(record)
        if not others:
            return None
        if isinstance(record, SwitchThrown):
            what, to = "deterministic-only", str(record.state)
            before = "thrown" if others[0].thrown else "released"
        else:
            what, to = "mode", str(record.mode)
            before = max((one.mode for one in others), key=MODES.index)
        return ReasoningChange.model_validate(
            {
                "what": what,
                "symbol": scope,
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
