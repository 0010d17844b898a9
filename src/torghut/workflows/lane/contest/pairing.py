"""Re-decided arms as the judge wants them: split in time, paired by context, the rivals named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from torghut.evals.pairing import ArmBudget, ArmSteps, PairedArms, budget_gap
from torghut.schemas.rollout.evaluation import ARMS, ArmName, EvaluationWindows, TimeSpan
from torghut.schemas.rows import Floats, Integers
from torghut.workflows.lane.contest.redeciding import ArmColumns, Redecided

CHAMPION: Final = "champion"
CANDIDATE: Final = "candidate"
TREND: Final = "only-trend"
EXPERTS: Final = (TREND, "only-reversal", "only-breakout", "only-defensive")
"""Roles of the arms that follow one expert each; the first is the static trend baseline."""

_UNCLASSIFIED: Final = "unclassified"
_ORDER: Final = ("calm", "normal", "elevated", "turbulent", _UNCLASSIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The arms of a test.

    Attributes:
        arms: Paired by context.
        best: Role of the expert that earned most in the select window, net; never looked at the
            test to say so.
        signals: Contexts of the test.
        unmatched: Contexts of the whole window that one arm decided and another refused.
        gap: The largest relative difference of any arm's budget, 1 where terms differ.
    """

    arms: PairedArms
    best: str
    signals: int
    unmatched: int
    gap: float


def pair(redecided: Redecided, windows: EvaluationWindows) -> Paired:
    """Return the arms of the test, in the order of time.

    The steps of the test are held out: which single expert is the best is chosen on the select
    window, and the champion's history is what it earned before the test.

    Raises:
        PairingRefusedError: There are no steps in the test.
    """
    times = redecided.receive_ns
    test = _within(times, windows.test)
    order = test[np.argsort(times[test], kind="stable")]
    best = _best_expert(redecided.arms, _within(times, windows.select))
    regimes, names = _regimes(redecided, order)
    roles: Mapping[ArmName, str] = {
        "candidate": CANDIDATE,
        "champion": CHAMPION,
        "static-trend": TREND,
        "best-expert": best,
    }
    before = np.flatnonzero(times < windows.test.first_ns)
    history = before[np.argsort(times[before], kind="stable")]
    arms = {name: _steps(name, redecided.arms[role], order) for name, role in roles.items()}
    return Paired(
        arms=PairedArms(
            times_ns=times[order],
            symbols=redecided.symbol[order].astype(np.int32),
            regimes=regimes,
            arms={**arms, "no-op": _nothing(len(order))},
            regime_names=names,
            horizon_ns=redecided.horizon_ns,
            champion_history=redecided.arms[CHAMPION].net[history],
        ),
        best=best,
        signals=len(order),
        unmatched=redecided.unmatched,
        gap=_gap(redecided, roles),
    )


def _within(times: Integers, span: TimeSpan) -> Integers:
    """Return the places of the times in a span."""
    return np.flatnonzero((times >= span.first_ns) & (times <= span.last_ns))


def _best_expert(arms: Mapping[str, ArmColumns], select: Integers) -> str:
    """Return the expert that earned most in the select window; the first of equals."""
    earned = {role: float(arms[role].net[select].sum()) for role in EXPERTS}
    return max(EXPERTS, key=lambda role: earned[role])


def _steps(name: ArmName, columns: ArmColumns, places: Integers) -> ArmSteps:
    """Return an arm's steps at ``places``."""
    return ArmSteps(
        name=name,
        net=columns.net[places],
        cost=columns.cost[places],
        turnover=columns.turnover[places],
        exposure=columns.exposure[places],
    )


def _nothing(count: int) -> ArmSteps:
    """Return the steps of doing nothing."""
    none: Floats = np.zeros(count)
    return ArmSteps(name="no-op", net=none, cost=none, turnover=none, exposure=none)


def _regimes(
    redecided: Redecided, places: Integers
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int32]], tuple[str, ...]]:
    """Return the regime of each step as a number, and the names by number.

    Models of different symbols may have different regimes; steps are told by their names.
    """
    known = {label for labels in redecided.labels for label in labels}
    if not all(redecided.labels):
        known.add(_UNCLASSIFIED)
    names = tuple(name for name in _ORDER if name in known)
    table = np.full((max(1, len(redecided.labels)), 256), 0, np.int32)
    for symbol, labels in enumerate(redecided.labels):
        table[symbol] = names.index(labels[0] if labels else _UNCLASSIFIED)
        for number, label in enumerate(labels):
            table[symbol, number] = names.index(label)
    return table[redecided.symbol[places], redecided.regime[places]], names


def _gap(redecided: Redecided, roles: Mapping[ArmName, str]) -> float:
    """Return how far apart the arms' budgets are; 1 where any symbol is traded on other terms."""
    budgets: dict[ArmName, ArmBudget] = {
        name: redecided.budgets[roles.get(name, CHAMPION)] for name in ARMS
    }
    return 1.0 if redecided.unequal else budget_gap(budgets)
