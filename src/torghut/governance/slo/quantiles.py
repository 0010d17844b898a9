"""The quantile that a histogram's buckets still let one say: never less than the true one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise


def upper_quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """Return an upper bound of a quantile: the bound of the bucket that it falls into.

    Args:
        bounds: Upper bounds of the buckets, ascending; the last may be infinite.
        counts: How much is in each bucket and all below it: shape as ``bounds``, never falling.
        share: In (0, 1].

    Returns:
        A bound, infinite if the quantile is above all finite ones; None if nothing was counted or
        the counts fall.

    Example:
        >>> upper_quantile([0.1, 0.5, math.inf], [90, 99, 100], 0.95)
        0.5
        >>> upper_quantile([0.1, math.inf], [0, 0], 0.95) is None
        True
    """
    if not counts or counts[-1] <= 0 or any(low > high for low, high in pairwise(counts)):
        return None
    needed = share * counts[-1]
    for bound, count in zip(bounds, counts, strict=True):
        if count >= needed:
            return bound
    return math.inf
