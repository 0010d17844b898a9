"""A fold that asks for advice, and resolutions of what waits in it."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Final

import numpy as np

from tests.support.decisions.declared import redeclared, shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.loops import A, B, C, made_setup
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, quotes
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.folding import DecisionFold
from torghut.schemas.control import AdviceResolved, ReasoningModeChanged
from torghut.schemas.declarations.governance import AdviceBounds, Triggers
from torghut.schemas.rows import RowArray
from torghut.workflows.opening import Setup, fresh_fold

SOURCE: Final = "cd" * 32
NAMES: Final = (A, B, C)
LEVELS: Final = (1.3, 0.7, 2000.0)
BUDGET_MS: Final = 2000

ALWAYS: Final = Triggers(
    entropy_ratio=1.0,
    disagreement_ratio=1.0,
    transition_probability=1.0,
    news_age_ms=0,
    notional_ratio=0.0,
)
"""Any wish for a position asks."""


@cache
def asking(
    *, raise_ratio: float = 1.0, move_ratio: float = 0.5, fallback: float = 0.0
) -> Declarations:
    """Return the shipped declarations under which every wish for a position asks for advice."""
    policy = shipped().reasoning
    bounds = AdviceBounds(
        budget_ms=BUDGET_MS,
        reserve_ms=200,
        exposure_raise_ratio=raise_ratio,
        superseded_move_ratio=move_ratio,
    )
    fields = {
        **policy.model_dump(),
        "triggers": ALWAYS.model_dump(),
        "bounds": bounds.model_dump(),
        "fallback": {"exposure_raise_ratio": fallback},
    }
    reasoning = type(policy).model_validate(fields)
    declared = shipped()
    for name in NAMES:
        declared = redeclared(_soon_warm, name, declared)
    return dataclasses.replace(declared, reasoning=reasoning)


def _soon_warm(instrument: dict[str, object]) -> None:
    """Let an instrument have enough samples after a minute or two."""
    sampling = instrument["sampling"]
    assert isinstance(sampling, dict)
    sampling.update(
        sample_interval_ms=1000,
        fast_samples=5,
        slow_samples=20,
        channel_samples=20,
        warm_up_samples=20,
    )


def asking_setup(declared: Declarations | None = None, *, shadow_router: bool = False) -> Setup:
    """Return what a loop that asks for advice is set up with."""
    return made_setup(
        declared or asking(), {"fx-intraday": eager_package()}, shadow_router=shadow_router
    )


def asking_fold(
    declared: Declarations | None = None, *, shadow_router: bool = False
) -> DecisionFold:
    """Return a fold that knows three symbols and a source, and has decided nothing."""
    setup = asking_setup(declared, shadow_router=shadow_router)
    fold = fresh_fold(dataclasses.replace(setup, kernel=compiled()))
    fold.source_index(SOURCE)
    for name in NAMES:
        fold.symbol_index(name)
    return fold


def mode_record(mode: str, control_id: str = "mode", symbol: str = "*") -> ReasoningModeChanged:
    """Return what puts a reasoning mode in force."""
    return ReasoningModeChanged.model_validate(
        {"control_id": control_id, "symbol": symbol, "mode": mode, "reason": "a test"}
    )


def course(symbols: list[int], *, step_s: float = 20.0, drift: float = 3e-5) -> RowArray:
    """Return one quote each, whose prices drift each by itself."""
    numbers = np.array(symbols, np.int64)
    rows = quotes(np.ones(len(numbers)), step_ns=int(step_s * SECOND_NS))
    rows["symbol"] = numbers
    for one in np.unique(numbers):
        own = numbers == one
        level = LEVELS[one] * (1.0 + drift * np.arange(own.sum()))
        rows["bid"][own], rows["ask"][own] = level, level * (1 + 1e-5)
    return rows


def resolution(
    fold: DecisionFold,
    name: str,
    how: str = "approve",
    *,
    at_ns: int = 0,
    factor: float | None = None,
    control_id: str = "",
) -> AdviceResolved:
    """Return what resolves the context of ``name`` that waits in ``fold``."""
    waits = fold.awaiting(fold.symbol_index(name))
    assert waits is not None
    return resolving(waits, how, at_ns=at_ns, factor=factor, control_id=control_id)


def resolving(
    context_id: str,
    how: str = "approve",
    *,
    at_ns: int = 0,
    factor: float | None = None,
    control_id: str = "",
) -> AdviceResolved:
    """Return what resolves a context, whether it waits or not."""
    symbol = ":".join(context_id.split(":")[1:3])
    if how == "adjust" and factor is None:
        factor = 0.5
    return AdviceResolved.model_validate(
        {
            "control_id": control_id or f"advice:{context_id}",
            "symbol": symbol,
            "context_id": context_id,
            "at_ns": at_ns,
            "resolution": how,
            "factor": factor,
        }
    )
