"""Where control records go: before which context of each symbol, whatever the batches.

A record is placed before its symbol's first context, in log order and after the record itself,
that has its place in time (``market.admission.judge_place``) and whose receive time is not earlier
than ``effective_at_ns``. The place is kept as the number of contexts that the symbol had taken by
then; replay uses that number and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from torghut.schemas.codes import ControlKind
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    FundamentalsArrived,
    GovernanceHeartbeat,
    NewsArrived,
    PackageChanged,
    RevisionFence,
    SwitchThrown,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A control record that waits, with what orders it among others at one place.

    Attributes:
        in_force_ns: Its effective time, but not before the clock at its arrival.
        order: Its number in the log if that time had passed when it arrived, else 0: records
            made in advance are ordered by time and id, the others as they came.
    """

    in_force_ns: int
    order: int
    record: ControlRecord

    @property
    def rank(self) -> tuple[int, int, str]:
        """What orders records that fall on one place."""
        return self.in_force_ns, self.order, self.record.control_id


@dataclass(slots=True, kw_only=True)
class Waiting:
    """Records that are in the log but whose place has not come.

    Attributes:
        by_symbol: Records waiting for one symbol's next contexts.
        standing: Records for all symbols, for symbols yet unheard; superseded ones are dropped.
        arrived: Number of records taken.
    """

    by_symbol: dict[int, list[Held]] = field(default_factory=dict)
    standing: list[Held] = field(default_factory=list)
    arrived: int = 0

    def take(self, record: ControlRecord, clocks: Mapping[int, int], latest_ns: int) -> None:
        """Let ``record`` wait for the symbols that it names.

        Args:
            record: New to the log.
            clocks: Latest receive time of each of those symbols: for ``*`` of all those heard.
            latest_ns: Latest receive time of the whole run.
        """
        self.arrived += 1
        for symbol, clock_ns in clocks.items():
            held = self.by_symbol.setdefault(symbol, [])
            if isinstance(record, GovernanceHeartbeat):  # a silent symbol hears the newest only
                held[:] = [one for one in held if not _outlives(record, one.record)]
            held.append(self._hold(record, clock_ns))
        if record.symbol == "*":
            new = self._hold(record, latest_ns)
            self.standing = [held for held in self.standing if not _replaces(new, held)]
            self.standing.append(new)

    def _hold(self, record: ControlRecord, clock_ns: int) -> Held:
        """Return ``record`` with its rank, by the clock of who waits for it."""
        effective_ns = record.effective_at_ns
        late = effective_ns is None or effective_ns <= clock_ns
        return Held(
            in_force_ns=max(effective_ns or 0, clock_ns),
            order=self.arrived if late else 0,
            record=record,
        )

    def greet(self, symbol: int) -> None:
        """Let a symbol heard for the first time inherit what is in force for all."""
        if self.standing:
            self.by_symbol.setdefault(symbol, []).extend(self.standing)

    def due_ns(self, symbol: int, *, heard: bool) -> int:
        """Return the earliest receive time at which a record applies to ``symbol``; 0: none.

        A symbol that was not ``heard`` yet is first to inherit what is in force for all.
        """
        if self.standing and not heard:
            return 1
        held = self.by_symbol.get(symbol)
        return max(1, min(_effective_ns(one) for one in held)) if held else 0

    def take_due(self, symbol: int, now_ns: int) -> Sequence[Held]:
        """Take out and return the records that apply to ``symbol`` at ``now_ns``, in order.

        Those behind new declarations are left: under these the place may be none.
        """
        held = self.by_symbol.pop(symbol, [])
        due = [one for one in held if _effective_ns(one) <= now_ns]
        due.sort(key=lambda one: one.rank)
        changes = (n for n, one in enumerate(due) if isinstance(one.record, DeclarationsChanged))
        taken = due[: next(changes, len(due)) + 1]
        ranks = {one.rank for one in taken}
        if kept := [one for one in held if one.rank not in ranks]:
            self.by_symbol[symbol] = kept
        return taken

    def settle(self, symbol: int, control_id: str) -> Held | None:
        """Take out and return a waiting record whose place is known from the log."""
        waiting = self.by_symbol.get(symbol, [])
        for index, held in enumerate(waiting):
            if held.record.control_id == control_id:
                del waiting[index]
                if not waiting:
                    del self.by_symbol[symbol]
                return held
        return None


def _effective_ns(held: Held) -> int:
    """Return the receive time from which a record applies; 0 at once."""
    return held.record.effective_at_ns or 0


def _replaces(later: Held, held: Held) -> bool:
    """Return whether a newborn that hears ``later`` need not hear ``held``."""
    if held.rank >= later.rank or standing_key(later.record) != standing_key(held.record):
        return False
    new, old = later.record, held.record
    # A dated record holds for a symbol that is behind in time, whatever the others have seen.
    if new.effective_at_ns is not None or old.effective_at_ns is not None:
        return False
    if isinstance(new, NewsArrived) and isinstance(old, NewsArrived):
        return new.published_at_ns >= old.published_at_ns and new.relevant >= old.relevant
    if isinstance(new, FundamentalsArrived) and isinstance(old, FundamentalsArrived):
        return new.published_at_ns >= old.published_at_ns
    if isinstance(new, GovernanceHeartbeat):
        return _outlives(new, old)
    return True


def _outlives(later: GovernanceHeartbeat, record: ControlRecord) -> bool:
    """Return whether ``record`` is a heartbeat that says nothing beside ``later``."""
    if not isinstance(record, GovernanceHeartbeat):
        return False
    if later.effective_at_ns is not None or record.effective_at_ns is not None:
        return False
    return later.epoch > record.epoch or (
        later.epoch == record.epoch and later.expires_ns >= record.expires_ns
    )


def standing_key(record: ControlRecord) -> str:
    """Return what a record for all symbols replaces: its kind, and a switch's name."""
    if isinstance(record, SwitchThrown):
        return f"{record.kind}:{record.name}"
    if isinstance(record, PackageChanged):
        return f"{record.kind}:{record.router}"
    if isinstance(record, RevisionFence):
        return f"{record.kind}:{record.revision}"
    if record.kind in (ControlKind.LAG_BEGIN, ControlKind.LAG_END):
        return "lag"
    return record.kind


def rows_by_position(
    applied: Sequence[tuple[int, int]], symbols: npt.NDArray[np.uint32], taken: Sequence[int]
) -> list[int]:
    """Return the row before which each recorded application stands, for replay.

    Args:
        applied: (symbol, position) pairs as recorded; position counts the symbol's contexts.
        symbols: Shape (n,), the batch's symbols by run index.
        taken: Contexts that each symbol had taken before this batch, by run index.
    """
    rows: list[int] = []
    for symbol, position in applied:
        own = np.flatnonzero(symbols == symbol)
        rows.append(int(own[position - taken[symbol]]))
    return rows
