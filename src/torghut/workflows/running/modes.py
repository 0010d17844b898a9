"""Control records for the modes that a run is asked for, where others are in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torghut.decisions.fold.folding import DecisionFold
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Mode, RouterMode
from torghut.schemas.control import ControlRecord, ModeChanged, RouterModeChanged


def mode_records(
    fold: DecisionFold, symbols: Sequence[str], mode: str | None, *, number: int
) -> Iterator[ControlRecord]:
    """Yield what puts ``mode`` in force for each of ``symbols`` that is in another, cap unchanged.

    Args:
        fold: What is in force.
        symbols: Those that the source can name.
        mode: As asked for; None asks for nothing.
        number: Of the log's last block; makes the ids the same in every attempt.
    """
    for symbol in _declared(fold, symbols) if mode else ():
        now, cap = _mode_in_force(fold, symbol)
        if now != mode:
            yield ModeChanged.model_validate(
                {
                    "control_id": f"mode:{number + 1}:{symbol}:{mode}",
                    "symbol": symbol,
                    "mode": mode,
                    "notional_cap": cap,
                }
            )


def router_mode_records(
    fold: DecisionFold, symbols: Sequence[str], mode: str | None, *, number: int
) -> Iterator[ControlRecord]:
    """Yield what puts the router mode in force for all symbols, if any of them is in another."""
    declared = _declared(fold, symbols)
    if mode and any(_router_mode_in_force(fold, one) != mode for one in declared):
        yield RouterModeChanged.model_validate(
            {"control_id": f"router-mode:{number + 1}:{mode}", "mode": mode}
        )


def _declared(fold: DecisionFold, symbols: Sequence[str]) -> Sequence[str]:
    """Return the symbols that the log's first declarations know; it can hold no others."""
    known = fold.genesis.declarations.by_symbol
    return [symbol for symbol in symbols if symbol in known]


def _mode_in_force(fold: DecisionFold, symbol: str) -> tuple[str, float]:
    """Return mode and notional cap that the symbol's next context would be decided under."""
    for record in _due(fold, symbol):
        if isinstance(record, ModeChanged):
            return record.mode, record.notional_cap
    index = _index(fold, symbol)
    if index is None:
        risk = fold.genesis.declarations.instrument(symbol).risk
        return risk.mode, float(risk.notional_cap)
    state = fold.arms[SERVING][index]
    return Mode(int(state["mode"])).name.lower(), float(state["notional_cap"])


def _router_mode_in_force(fold: DecisionFold, symbol: str) -> str:
    """Return the router mode that the symbol's next context would be decided under."""
    for record in _due(fold, symbol):
        if isinstance(record, RouterModeChanged):
            return record.mode
    index = _index(fold, symbol)
    if index is None:
        return fold.genesis.declarations.instrument(symbol).risk.router_mode
    return RouterMode(int(fold.arms[SERVING][index]["router_mode"])).name.lower()


def _due(fold: DecisionFold, symbol: str) -> Sequence[ControlRecord]:
    """Return the records that wait for the symbol's next context, whatever its time; last first."""
    held = fold.pending(symbol)
    due = [one for one in held if (one.record.effective_at_ns or 0) <= fold.clock_ns]
    return [one.record for one in sorted(due, key=lambda one: one.rank, reverse=True)]


def _index(fold: DecisionFold, symbol: str) -> int | None:
    """Return the symbol's number; None if it was never seen."""
    numbers = (i for i, facts in enumerate(fold.symbols) if facts.name == symbol)
    return next(numbers, None)
