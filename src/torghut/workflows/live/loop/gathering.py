"""Sorting what was taken from the line into what one block is made of."""

from __future__ import annotations

from collections.abc import Sequence

from torghut.decisions.fold.folding import DecisionFold
from torghut.market.ports import Arrival
from torghut.schemas.control import ControlRecord, PackageChanged, SwitchThrown
from torghut.workflows.live.errors import SwitchReleaseRefusedError
from torghut.workflows.live.intake.waiting import (
    Item,
    WaitingContext,
    WaitingControl,
    WaitingQuarantine,
)
from torghut.workflows.live.loop.blocks import Gathered
from torghut.workflows.live.loop.in_force import thrown_switches


def gather(
    items: Sequence[Item], fold: DecisionFold, first: ControlRecord | None = None
) -> Gathered:
    """Return ``items`` by kind; new symbols and sources get their numbers from ``fold``.

    Args:
        items: In their order.
        fold: As of the head of the log.
        first: A control record that goes before all of them.
    """
    gathered = Gathered()
    if first is not None:
        gathered.arrivals.append(Arrival(row=0, record=first))
    for item in items:
        match item:
            case WaitingContext():
                gathered.rows.append(_numbered(item, fold))
                gathered.contexts.append(item)
            case WaitingQuarantine():
                gathered.quarantined.append((item.source, item.record))
                gathered.traces.append(item.trace)
                gathered.quarantined_beside += item.beside is not None
            case WaitingControl():
                _take_control(item, fold, gathered)
        if not isinstance(item, WaitingContext) and item.beside is not None:
            gathered.beside.update([item.beside])
    gathered.cursor = next(filter(None, (item.cursor for item in reversed(items))), None)
    return gathered


def _numbered(item: WaitingContext, fold: DecisionFold) -> tuple[float, ...]:
    """Return a context's row with the run's numbers of its symbol and source."""
    return (fold.symbol_index(item.symbol), fold.source_index(item.source), *item.row[2:])


def _take_control(item: WaitingControl, fold: DecisionFold, gathered: Gathered) -> None:
    """Let a control record arrive, unless it would release what it was not meant for."""
    if item.ends:
        name = _ended_by(item.record)
        found = _newest_throw(name, fold, gathered)
        if found != item.ends:
            _refuse_release(item, name, "one that was thrown anew" if found else "a released one")
            return
    arrival = Arrival(row=len(gathered.rows), record=item.record, refusal=item.refusal)
    gathered.controls.append((item, arrival))
    gathered.arrivals.append(arrival)


def _ended_by(record: ControlRecord) -> str:
    """Return the name of the switch whose release a record is, or is part of."""
    if isinstance(record, SwitchThrown):
        return record.name
    return "revert-packages" if isinstance(record, PackageChanged) else "last-stable-revision"


def _newest_throw(name: str, fold: DecisionFold, gathered: Gathered) -> str:
    """Return the id of the record by which a switch is thrown for all; empty if it is not."""
    for arrival in reversed(gathered.arrivals):
        record = arrival.record
        if isinstance(record, SwitchThrown) and (record.name, record.symbol) == (name, "*"):
            return record.control_id if record.state == "thrown" else ""
    ids = (one.control_id for one in thrown_switches(fold).values() if one.name == name)
    return next(ids, "")


def _refuse_release(item: WaitingControl, name: str, found: str) -> None:
    """Tell who asked for a release that nothing was recorded."""
    if item.answer is not None and not item.answer.done():
        item.answer.set_exception(SwitchReleaseRefusedError(name=name, found=found))
