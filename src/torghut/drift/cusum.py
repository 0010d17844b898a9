"""Four cumulative sums over one stream, with limits that are set by resampling what was normal.

Page's CUSUM (1954), upwards and downwards, on standardised values and on their squares: a shift of
the level and one of the spread. A sum's excursions above zero have exponential tails where values
are bounded (Siegmund 1985, ch. II), so the limit for a rate too small to be seen is continued from
the largest excursions that are. Values are bounded by ``CLIP`` for that reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.schemas.rows import Floats, Integers

CLIP: Final = 4.0
"""Values beyond so many standard deviations count as that many."""

SIDES: Final = ("level up", "level down", "spread up", "spread down")
"""What each of the four sums looks for."""

_TAIL_RATIO: Final = 0.1
"""Of the excursions, the highest: the tail is fitted to them."""

_SURE: Final = 2.0
"""Standard errors by which what is estimated may be wrong without an alarm for that reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What was normal of one stream.

    Attributes:
        mean: Shape (2,): of the values, and of their squares.
        deviation: Shape (2,): likewise, above 0.
        slack: Shape (4,): by which each sum falls with each value, in standard deviations.
        limit: Shape (4,): above which each sum alarms.
    """

    mean: Floats
    deviation: Floats
    slack: Floats
    limit: Floats


def resampled(count: int, length: int, block: int, seed: int) -> Integers:
    """Return places of a stationary bootstrap, shape (length,), each from 0 to count - 1.

    Pieces of geometric length with mean ``block`` begin anywhere and go on round the end
    (Politis and Romano 1994, JASA 89, 1303-1313). The same arguments give the same places.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    begins = generator.random(length) < 1.0 / block
    begins[0] = True
    piece = np.cumsum(begins) - 1
    first = generator.integers(0, count, int(piece[-1]) + 1)
    since = np.arange(length) - np.flatnonzero(begins)[piece]
    places: Integers = (first[piece] + since) % count
    return places


def calibrate(
    reference: Floats, places: Integers, *, shift: float, block: int, rate: float
) -> Limits | None:
    """Return the limits at which a stream like ``reference`` alarms ``rate`` times a value.

    Args:
        reference: Shape (n,), finite: the stream while nothing had changed.
        places: Of ``reference``, resampled, shape (m,).
        shift: The smallest lasting shift that is looked for, in standard deviations.
        block: Mean length of the resampled pieces.
        rate: False alarms a value, all four sums together.

    Returns:
        None where the reference does not vary.
    """
    columns = _columns(reference)
    mean, deviation = columns.mean(axis=1), columns.std(axis=1)
    if not (deviation > 0.0).all():
        return None
    standard = (columns - mean[:, None]) / deviation[:, None]
    slack = np.full(4, 0.5 * shift)
    limit = np.array(
        [
            _limit(
                _sums(sign * standard[row][places] - slack[0], 0.0),
                rate / len(SIDES),
                share=len(reference) / len(places),
            )
            for row, sign in _SIGNED
        ]
    )
    # Where the mean of the reference is off, a sum would climb for no reason but that.
    margin = _SURE * np.repeat([_error_of_mean(column, block) for column in standard], 2)
    return Limits(mean=mean, deviation=deviation, slack=slack + margin, limit=limit)


_SIGNED: Final = ((0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0))


def go_on(values: Floats, limits: Limits, sums: Floats) -> tuple[Floats, Integers]:
    """Return the four sums after ``values``, and where each first exceeded its limit.

    Args:
        values: Shape (n,), finite.
        limits: Of the stream.
        sums: Shape (4,): before ``values``.

    Returns:
        The sums, shape (4,); the place in ``values``, shape (4,), -1 for none.
    """
    if len(values) == 0:
        return sums, np.full(4, -1)
    standard = (_columns(values) - limits.mean[:, None]) / limits.deviation[:, None]
    after, first = np.empty(4), np.full(4, -1)
    for side, (row, sign) in enumerate(_SIGNED):
        course = _sums(sign * standard[row] - limits.slack[side], float(sums[side]))
        after[side] = course[-1]
        beyond = np.flatnonzero(course > limits.limit[side])
        if len(beyond):
            first[side] = beyond[0]
    return after, first


def _columns(values: Floats) -> Floats:
    """Return the bounded values and their squares, shape (2, n)."""
    bounded = values.clip(-CLIP, CLIP)
    return np.stack([bounded, bounded * bounded])


def _sums(steps: Floats, before: float) -> Floats:
    """Return the course of max(0, sum + step), shape as ``steps``."""
    course = before + np.cumsum(steps)
    lowest = np.minimum(np.minimum.accumulate(course), 0.0)
    return np.asarray(course - lowest, np.float64)


def _limit(course: Floats, rate: float, *, share: float) -> float:
    """Return the height that excursions of ``course`` exceed ``rate`` times a value.

    ``share`` of what was resampled is new: the fitted tail is as sure as that many excursions make
    it, and is taken as longer by so much.
    """
    heights = np.sort(_excursions(course))[::-1]
    wanted = rate * len(course)
    seen = min(len(heights) - 1, max(int(_TAIL_RATIO * len(heights)), int(wanted)))
    if seen < 1:
        return math.inf
    begin = float(heights[seen])
    mean_excess = float((heights[:seen] - begin).mean())
    unsure = _SURE / math.sqrt(max(1.0, seen * min(1.0, share)))
    return begin + mean_excess * (1.0 + unsure) * max(0.0, math.log(seen / wanted))


def _excursions(course: Floats) -> Floats:
    """Return the height of every excursion of ``course`` above 0."""
    above: npt.NDArray[np.bool_] = course > 0.0
    begins = np.flatnonzero(above & ~np.concatenate([[False], above[:-1]]))
    return np.maximum.reduceat(course, begins) if len(begins) else np.zeros(0)


def _error_of_mean(standard: Floats, block: int) -> float:
    """Return the standard error of the mean of a dependent series, by the means of pieces."""
    pieces = len(standard) // block
    if pieces < 2:  # noqa: PLR2004 - one piece does not vary
        return 0.0
    means = standard[: pieces * block].reshape(pieces, block).mean(axis=1)
    return float(means.std(ddof=1)) / math.sqrt(pieces)
