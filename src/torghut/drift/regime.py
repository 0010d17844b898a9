"""Drift of the regime: how often it leaps, and how often the router does not trust it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.schemas.codes import Reason
from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.fields import Reading, declared_off, reading_of
from torghut.schemas.rows import Bytes, Floats, Words

Flags = npt.NDArray[np.bool_]

NO_REGIME: Final = 255
"""Stands in a row where the posterior is not valid."""

DISTRUSTS: Final = (
    Reason.PACKAGE_MISSING,
    Reason.POSTERIOR_INVALID,
    Reason.FEATURES_STALE,
    Reason.TRANSITION_SHOCK,
    Reason.ENTROPY_HIGH,
)
"""Reasons for which the defensive weights stood in for the router's."""

_DISTRUST: Final = np.uint64(sum(1 << one for one in DISTRUSTS))
_PEOPLES: Final = np.uint64(1 << Reason.STATIC_WEIGHTS | 1 << Reason.DEFENSIVE_WEIGHTS)
"""Weights that people declared, or threw a switch for: no fault of the router's."""


def is_routed(reasons: Words) -> Flags:
    """Return which decisions the router was to weigh, by their reason bits, shape (n,)."""
    return np.asarray((reasons & _PEOPLES) == 0)


def is_distrusted(reasons: Words) -> Flags:
    """Return for which of those the defensive weights stood in, shape (n,)."""
    return np.asarray(is_routed(reasons) & ((reasons & _DISTRUST) != 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Regimes:
    """The regime at successive samples of one symbol; shape (n, ...) each.

    Attributes:
        regime: The likeliest one; ``NO_REGIME`` where the posterior is not valid.
        posterior: Shape (n, regimes).
    """

    regime: Bytes
    posterior: Floats


def shocks(before: Regimes, after: Regimes, shock_max: float) -> Flags:
    """Return which changes of the regime came with a posterior shift beyond ``shock_max``.

    The shift is the total variation distance between the two posteriors, half the sum of absolute
    differences, as the router measures it.
    """
    shift = 0.5 * np.abs(after.posterior - before.posterior).sum(axis=1)
    changed = after.regime != before.regime
    return np.asarray(valid(before, after) & changed & (shift > shock_max))


def valid(before: Regimes, after: Regimes) -> Flags:
    """Return where there was a regime before and after."""
    return np.asarray((before.regime != NO_REGIME) & (after.regime != NO_REGIME))


@dataclass(slots=True, kw_only=True)
class RegimeTally:
    """The regimes of a window, counted.

    Attributes:
        moves: Decisions at which the posterior moved, with a regime before and after.
        shocks: Those of them at which the regime leapt.
        routed: Decisions that the router was to weigh by the regime.
        distrusted: Those of them for which it did not.
    """

    moves: int = 0
    shocks: int = 0
    routed: int = 0
    distrusted: int = 0

    def take_moves(self, before: Regimes, after: Regimes, shock_max: float) -> None:
        """Count one symbol's samples: the regime after each, and at the sample before it."""
        self.moves += int(np.count_nonzero(valid(before, after)))
        self.shocks += int(np.count_nonzero(shocks(before, after, shock_max)))

    def take_reasons(self, reasons: Words) -> None:
        """Count decisions by their reason bits, shape (n,)."""
        self.routed += int(np.count_nonzero(is_routed(reasons)))
        self.distrusted += int(np.count_nonzero(is_distrusted(reasons)))

    def readings(self, *, not_routed_by: str | None) -> Mapping[DriftCode, Reading]:
        """Return what was counted.

        Args:
            not_routed_by: Digest of the declarations by which no regime weights serve any symbol;
                None where they serve one.
        """
        off = None if not_routed_by is None else declared_off(not_routed_by)
        return {
            "regime_transition_shock_ratio_exceeded": off or _ratio(self.shocks, self.moves),
            "regime_stale_or_defensive_ratio_exceeded": off or _ratio(self.distrusted, self.routed),
        }


def _ratio(part: int, whole: int) -> Reading:
    """Return a share as a reading; of nothing, there is none."""
    return reading_of(part / whole if whole else None, samples=whole)
