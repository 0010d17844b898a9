"""Control records for the modes that a run is asked for, where others would be in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from torghut.decisions.declarations import SymbolUndeclaredError
from torghut.decisions.fold.control import apply_control, follow
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.parameters import initial_states
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Mode, ReasoningMode, RouterMode, published_name
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    ModeChanged,
    ReasoningModeChanged,
    RouterModeChanged,
)


def mode_records(
    fold: DecisionFold,
    symbols: Sequence[str],
    mode: str | None,
    *,
    number: int,
    coming: Sequence[ControlRecord] = (),
) -> Iterator[ControlRecord]:
    """Yield what puts ``mode`` in force for each symbol that would be in another, cap unchanged.

    Args:
        fold: As of the head of the log.
        symbols: Those that the source can name.
        mode: As asked for; None asks for nothing.
        number: Of the log's last block; makes the ids the same in every attempt.
        coming: Records that the fold will take before these.
    """
    for symbol, state in _states(fold, symbols, coming) if mode else ():
        if published_name(Mode(int(state["mode"]))) != mode:
            yield ModeChanged.model_validate(
                {
                    "control_id": f"mode:{number + 1}:{symbol}:{mode}",
                    "symbol": symbol,
                    "mode": mode,
                    "notional_cap": float(state["notional_cap"]),
                }
            )


def router_mode_records(
    fold: DecisionFold,
    symbols: Sequence[str],
    mode: str | None,
    *,
    number: int,
    coming: Sequence[ControlRecord] = (),
) -> Iterator[ControlRecord]:
    """Yield what puts the router mode in force for all symbols, if any would be in another."""
    states = _states(fold, symbols, coming) if mode else ()
    if any(published_name(RouterMode(int(state["router_mode"]))) != mode for _, state in states):
        yield RouterModeChanged.model_validate(
            {"control_id": f"router-mode:{number + 1}:{mode}", "mode": mode}
        )


def reasoning_mode_records(
    fold: DecisionFold,
    symbols: Sequence[str],
    mode: str | None,
    *,
    number: int,
    coming: Sequence[ControlRecord] = (),
) -> Iterator[ControlRecord]:
    """Yield what puts the reasoning mode in force for all symbols, if any would be in another."""
    states = _states(fold, symbols, coming) if mode else ()
    found = {published_name(ReasoningMode(int(state["reasoning_mode"]))) for _, state in states}
    if found - {mode}:
        yield ReasoningModeChanged.model_validate(
            {
                "control_id": f"reasoning-mode:{number + 1}:{mode}",
                "mode": mode,
                "reason": "asked for when the service was started",
            }
        )


def _states(
    fold: DecisionFold, symbols: Sequence[str], coming: Sequence[ControlRecord]
) -> Sequence[tuple[str, np.void]]:
    """Return each symbol that is declared, with what its next context would find."""
    found: list[tuple[str, np.void]] = []
    for symbol in symbols:
        with suppress(SymbolUndeclaredError):  # the log can hold none that is not declared
            found.append((symbol, _state(fold, symbol, coming)))
    return found


def _state(fold: DecisionFold, symbol: str, coming: Sequence[ControlRecord]) -> np.void:
    """Return a state row with the modes and the cap that a symbol's next context would find."""
    facts = next((one for one in fold.symbols if one.name == symbol), None)
    if facts is None:
        state: np.void = initial_states(fold.declared_for(symbol), (symbol,))[0]
    else:
        state = fold.arms[SERVING][fold.symbol_index(symbol)].copy()
    for record in (*_due(fold, symbol), *coming):
        if isinstance(record, DeclarationsChanged):
            new = fold.declarations[record.declarations]
            if symbol in new.by_symbol:
                follow(state, initial_states(new, (symbol,))[0])
        elif isinstance(record, ModeChanged | RouterModeChanged | ReasoningModeChanged):
            apply_control(record, fold.clock_ns, state)
    return state


def _due(fold: DecisionFold, symbol: str) -> Sequence[ControlRecord]:
    """Return the records that wait for the symbol's next context, whatever its time, in order."""
    held = fold.pending(symbol)
    due = [one for one in held if (one.record.effective_at_ns or 0) <= fold.clock_ns]
    return [one.record for one in sorted(due, key=lambda one: one.rank)]
