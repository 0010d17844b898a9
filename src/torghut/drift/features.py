"""Drift of the features: does a stream still look like it did before the window?

Each value is taken over its moving deviation, a level less its moving mean, as known before it, so
that volatility which comes and goes by itself does not alarm; what is left is watched by four
cumulative sums (``cusum``). One stream's alarm says little: with thousands of streams there is
always one. A quorum of them says that something has changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.drift.cusum import SIDES, Limits, calibrate, go_on, resampled
from torghut.schemas.declarations.safety import DriftDetectors
from torghut.schemas.governing.drift_evidence import DriftObservation, is_beyond
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.rows import Floats

_AT_ONCE: Final = 256
"""Values averaged at once: few enough for weights to stay far from what a number can hold."""

_SEED: Final = 20_140_505
"""Of resampling: the same reference gives the same limits."""

_NAMED: Final = 6
"""Alarmed streams that are named."""


@dataclass(slots=True, kw_only=True)
class Moving:
    """A moving mean and variance, each with the declared half-life.

    Attributes:
        half_life: In values.
        centred: Whether a value is taken less its moving mean, as that of a level; a return is not,
            or its drift would never show. The variance is about the moving mean either way.
        count: Values seen.
    """

    half_life: int
    centred: bool
    mean: float = math.nan
    variance: float = math.nan
    count: int = 0

    def standardised(self, values: Floats) -> Floats:
        """Return ``values`` by what was known before each, shape (n,); NaN at the very first."""
        if len(values) == 0:
            return values
        if self.count == 0:
            self.mean, self.variance = float(values[0]), 0.0
        self.count += len(values)
        decay = math.exp(-math.log(2.0) / self.half_life)
        means = _averages(values, self.mean, decay)
        innovations = values - means[:-1]
        variances = _averages(innovations * innovations, self.variance, decay)
        self.mean, self.variance = float(means[-1]), float(variances[-1])
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (innovations if self.centred else values) / np.sqrt(variances[:-1])
        # A stream that stood still has no deviation to measure by.
        return np.where(np.isfinite(found), found, np.nan)


def _averages(values: Floats, before: float, decay: float) -> Floats:
    """Return a moving average before each value and after the last, shape (n + 1,)."""
    found = [np.array([before])]
    for begin in range(0, len(values), _AT_ONCE):
        piece = values[begin : begin + _AT_ONCE]
        powers = decay ** np.arange(1, len(piece) + 1)
        sums = np.cumsum(piece / powers)
        found.append(powers * (float(found[-1][-1]) + (1.0 - decay) * sums))
    return np.concatenate(found)


@dataclass(slots=True, kw_only=True)
class FeatureStream:
    """One feature of one symbol: first what is normal, then whether it still is.

    Attributes:
        name: The symbol and the feature.
        moving: Standardises its values.
        reference: Standardised values from before the window, the newest.
        limits: Once it is watched; None while it is not, or cannot be.
        sums: Of the four sides.
        watched: Values in the window.
        alarmed: The first side to exceed its limit; empty for none.
    """

    name: str
    moving: Moving
    reference: Floats = field(default_factory=lambda: np.zeros(0))
    limits: Limits | None = None
    calibrated: bool = False
    sums: Floats = field(default_factory=lambda: np.zeros(len(SIDES)))
    watched: int = 0
    alarmed: str = ""

    def learn(self, values: Floats, detectors: DriftDetectors) -> None:
        """Take values in, shape (n,), from before the window."""
        found = self.moving.standardised(values)
        kept = np.concatenate([self.reference, found[np.isfinite(found)]])
        self.reference = kept[-detectors.reference_samples_max :]

    def watch(self, values: Floats, detectors: DriftDetectors) -> None:
        """Take values in, shape (n,), that are to be like those before."""
        if not self.calibrated:
            self.calibrated, self.limits = True, self._calibrate(detectors)
            self.reference = np.zeros(0)
        found = self.moving.standardised(values)
        found = found[np.isfinite(found)]
        if self.limits is None:
            return
        self.watched += len(found)
        self.sums, first = go_on(found, self.limits, self.sums)
        sides = [(place, side) for place, side in zip(first, SIDES, strict=True) if place >= 0]
        if sides and not self.alarmed:
            self.alarmed = min(sides)[1]

    def _calibrate(self, detectors: DriftDetectors) -> Limits | None:
        """Return the limits that the reference gives; None where it is too short or still."""
        count, block = len(self.reference), detectors.block_samples
        # The moving deviation itself must be known before values over it are.
        settled = self.reference[2 * self.moving.half_life :]
        if count < detectors.reference_samples_min or len(settled) == 0:
            return None
        places = resampled(len(settled), detectors.resampled_samples, block, _SEED)
        return calibrate(
            settled,
            places,
            shift=detectors.shift_sigmas,
            block=block,
            rate=detectors.false_alarms_per_sample,
        )


def feature_drift(streams: Sequence[FeatureStream], detectors: DriftDetectors) -> DriftObservation:
    """Return the share of the watched streams that alarmed, and which did.

    A stream whose reference was too short, or stood still, is not watched; with none watched there
    is no number.
    """
    watched = [one for one in streams if one.watched]
    alarmed = [one for one in watched if one.alarmed]
    ratio = len(alarmed) / len(watched) if watched else None
    reading = reading_of(ratio, samples=len(watched))
    named = ", ".join(f"{one.name} {one.alarmed}" for one in alarmed[:_NAMED])
    more = len(alarmed) - _NAMED
    return DriftObservation(
        name="feature_distribution_alarm_ratio",
        reading=reading,
        unit="ratio",
        limit=detectors.quorum_ratio,
        beyond=is_beyond(reading, detectors.quorum_ratio),
        says=f"{named} and {more} more" if more > 0 else named,
    )
