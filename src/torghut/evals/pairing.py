"""Arms side by side: what each came to at every context that all of them decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from torghut.evals.errors import PairingRefusedError
from torghut.schemas.rollout.evaluation import ARMS, ArmName
from torghut.schemas.rows import Floats, Integers

Indexes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSteps:
    """What one arm came to, step by step; shape (n,) each.

    All amounts are ratios of the capital allotted to the symbol. An arm's steps come from its own
    simulated fills; what another arm or the venue filled never enters.

    Attributes:
        name: Of the arm.
        net: float64; profit and loss of the step, net of costs.
        cost: float64; costs of the step, already taken off ``net``; a rebate is negative.
        turnover: float64, >= 0; what was traded in the step.
        exposure: float64, >= 0; the absolute position held after the step. Without it the tail
            gate cannot see a loss that has not happened yet, and says insufficient.

    Raises:
        PairingRefusedError: An array is not float64 of shape (n,), holds a number that is not
            finite, or a negative one where none can be.
    """

    name: ArmName
    net: Floats
    cost: Floats
    turnover: Floats
    exposure: Floats | None = None

    def __post_init__(self) -> None:
        """Refuse what is no series of steps."""
        if self.name not in ARMS:
            raise PairingRefusedError(what="arm", expected=" or ".join(ARMS), found=self.name)
        for what, values in (("net", self.net), ("cost", self.cost), ("turnover", self.turnover)):
            _require_finite(f"{what} of {self.name}", values, len(self.net))
        _require_not_negative(f"turnover of {self.name}", self.turnover)
        if self.exposure is not None:
            _require_finite(f"exposure of {self.name}", self.exposure, len(self.net))
            _require_not_negative(f"exposure of {self.name}", self.exposure)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedArms:
    """All arms on the same held-out contexts, in the order of time.

    Attributes:
        times_ns: int64 (n,); receive time of each step, never falling.
        symbols: int32 (n,); number of the step's symbol.
        regimes: int32 (n,), >= 0; number of the regime that the step is counted to.
        arms: By name: candidate, champion, static-trend, best-expert, no-op, all of n steps.
        regime_names: Of the regimes by number; each of them needs the declared minimum of steps.
            Empty: only those that occur do, and they are called by their numbers.
        horizon_ns: The longest label horizon of the symbols; a block spans at least this.
        champion_history: float64 (m,); net of the champion's steps before the window, frozen, in
            the order of time; may be empty.

    Raises:
        PairingRefusedError: An arm is missing or too many, lengths differ, time falls, a regime has
            no name, a number is not finite, or there are no steps.
    """

    times_ns: Integers
    symbols: Indexes
    regimes: Indexes
    arms: Mapping[ArmName, ArmSteps]
    regime_names: tuple[str, ...] = ()
    horizon_ns: int = 0
    champion_history: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        """Refuse arms that do not pair."""
        steps = len(self.times_ns)
        if steps == 0:
            raise PairingRefusedError(what="steps", expected="at least one", found="none")
        _require_order(self.times_ns)
        _require_shape("symbols", self.symbols, "int32", steps)
        _require_shape("regimes", self.regimes, "int32", steps)
        _require_not_negative("symbols", self.symbols)
        self._require_named_regimes()
        self._require_arms(steps)
        _require_finite("champion_history", self.champion_history, len(self.champion_history))
        if self.horizon_ns < 0:
            raise PairingRefusedError(
                what="horizon_ns", expected="0 or more", found=str(self.horizon_ns)
            )

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.times_ns)

    def _require_arms(self, steps: int) -> None:
        if sorted(self.arms) != sorted(ARMS):
            found = ", ".join(sorted(self.arms)) or "none"
            raise PairingRefusedError(what="arms", expected=", ".join(sorted(ARMS)), found=found)
        for name, arm in self.arms.items():
            if arm.name != name:
                raise PairingRefusedError(what="arm", expected=name, found=arm.name)
            if len(arm.net) != steps:
                raise PairingRefusedError(
                    what=f"steps of {name}", expected=str(steps), found=str(len(arm.net))
                )

    def _require_named_regimes(self) -> None:
        _require_not_negative("regimes", self.regimes)
        highest, names = int(self.regimes.max()), self.regime_names
        if names and highest >= len(names):
            raise PairingRefusedError(
                what="regimes", expected=f"numbers below {len(names)}", found=str(highest)
            )
        if len(set(names)) != len(names):
            raise PairingRefusedError(
                what="regime_names", expected="each once", found=", ".join(names)
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmBudget:
    """What an arm was given to work with.

    Attributes:
        contexts: It decided.
        capital: Allotted over all symbols, in quote currency.
        cost_bps: Declared fee of a trade.
        latency_ns: Declared, from decision to fill.
    """

    contexts: int
    capital: float
    cost_bps: float
    latency_ns: int


def budget_gap(budgets: Mapping[ArmName, ArmBudget]) -> float:
    """Return the largest relative difference of any arm's budget from the candidate's.

    0 where all are equal. What one has and the other lacks altogether differs by 1, the largest
    value: |a - b| / max(|a|, |b|).

    Raises:
        PairingRefusedError: An arm is missing, or a number is not finite or negative.
    """
    if sorted(budgets) != sorted(ARMS):
        found = ", ".join(sorted(budgets)) or "none"
        raise PairingRefusedError(what="budgets", expected=", ".join(sorted(ARMS)), found=found)
    own = _amounts(budgets["candidate"])
    gaps = [_gaps(own, _amounts(budget)) for budget in budgets.values()]
    return float(np.max(gaps))


def _amounts(budget: ArmBudget) -> Floats:
    """Return a budget as numbers, shape (4,)."""
    amounts = np.array(
        [budget.contexts, budget.capital, budget.cost_bps, budget.latency_ns], np.float64
    )
    _require_finite("budget", amounts, len(amounts))
    _require_not_negative("budget", amounts)
    return amounts


def _gaps(one: Floats, other: Floats) -> Floats:
    """Return the relative difference of each amount, in [0, 1]."""
    larger = np.maximum(one, other)
    return np.abs(one - other) / np.where(larger > 0.0, larger, 1.0)


def _require_order(times_ns: Integers) -> None:
    """Refuse times that fall."""
    _require_shape("times_ns", times_ns, "int64", len(times_ns))
    if (np.diff(times_ns) < 0).any():
        place = int(np.argmax(np.diff(times_ns) < 0)) + 1
        raise PairingRefusedError(
            what="times_ns", expected="times that never fall", found=f"a fall at step {place}"
        )


def _require_shape(what: str, values: Floats | Integers | Indexes, dtype: str, length: int) -> None:
    """Refuse an array of another type, shape or length."""
    if values.dtype != dtype or values.shape != (length,):
        raise PairingRefusedError(
            what=what, expected=f"{dtype} ({length},)", found=f"{values.dtype} {values.shape}"
        )


def _require_finite(what: str, values: Floats, length: int) -> None:
    """Refuse an array that is not finite float64 of ``length``."""
    _require_shape(what, values, "float64", length)
    if not np.isfinite(values).all():
        place = int(np.argmin(np.isfinite(values)))
        raise PairingRefusedError(
            what=what, expected="finite numbers", found=f"{values[place]} at step {place}"
        )


def _require_not_negative(what: str, values: Floats | Indexes) -> None:
    """Refuse an array with a negative number."""
    if (values < 0).any():
        place = int(np.argmax(values < 0))
        raise PairingRefusedError(
            what=what, expected="0 or more", found=f"{values[place]} at step {place}"
        )
