"""Which switches and which stop latch hold, by the control records of a fold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.placement import Held
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Switch
from torghut.schemas.control import ControlRecord, StopChanged, SwitchThrown
from torghut.schemas.live.delivery import SwitchName


def standing_records(fold: DecisionFold) -> Iterator[ControlRecord]:
    """Yield what holds for all symbols by records, in the order in which it does."""
    return _in_order(fold, fold.waiting.standing)


def thrown_switches(fold: DecisionFold) -> Mapping[SwitchName, SwitchThrown]:
    """Return the newest record of each switch that is thrown for all symbols."""
    newest = newest_switches(fold)
    return {name: record for name, record in newest.items() if record.state == "thrown"}


def newest_switches(fold: DecisionFold) -> Mapping[SwitchName, SwitchThrown]:
    """Return the newest record of each switch for all symbols, be it a throw or a release."""
    newest: dict[SwitchName, SwitchThrown] = {}
    for record in standing_records(fold):
        if isinstance(record, SwitchThrown):
            newest[record.name] = record
    return newest


def latched(fold: DecisionFold) -> str:
    """Return why the stop latch is closed for all symbols; empty if it is open."""
    return _latched(fold, fold.waiting.standing)


def latched_anywhere(fold: DecisionFold) -> bool:
    """Return whether the stop latch is closed for any symbol, or closes with its next context."""
    closed = (fold.arms[SERVING]["switches"] & (1 << Switch.STOP_LATCH)).any()
    return bool(closed) or any(
        _latched(fold, held) for held in (fold.waiting.standing, *fold.waiting.by_symbol.values())
    )


def _latched(fold: DecisionFold, held: Sequence[Held]) -> str:
    """Return the reason of the newest stop among records; empty if it was released, or is none."""
    newest: StopChanged | None = None
    for record in _in_order(fold, held):
        if isinstance(record, StopChanged):
            newest = record
    return newest.reason if newest is not None and newest.state == "stopped" else ""


def _in_order(fold: DecisionFold, held: Sequence[Held]) -> Iterator[ControlRecord]:
    """Yield records whose time has come, in the order in which they hold."""
    now_ns = fold.clock_ns
    for one in sorted(held, key=lambda one: one.rank):
        if (one.record.effective_at_ns or 0) <= now_ns:
            yield one.record
