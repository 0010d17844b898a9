"""Blocks of time: steps next to each other, summed, so that what is alike counts once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from torghut.schemas.declarations.rollout.evaluation import BlockPolicy
from torghut.schemas.rows import Floats, Integers

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Where the steps of a window are cut; all of them are in a block, and none in two.

    Attributes:
        starts: intp (blocks,); the first step of each, rising, the first of them 0.
        counts: float64 (blocks,); steps in each.
    """

    starts: Places
    counts: Floats

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.starts)

    def sums(self, values: Floats) -> Floats:
        """Return the sum of ``values`` (n,) over each block, shape (blocks,)."""
        return np.add.reduceat(values, self.starts)


def blocks_of(times_ns: Integers, policy: BlockPolicy, horizon_ns: int) -> Blocks:
    """Return the blocks of steps at ``times_ns`` (n,), n >= 1.

    Each but the last has the declared number of steps at least, or more where there would be more
    blocks than declared; spans at least ``horizon_ns``; and ends between two times, so that what
    happened at once stays together. What is left over at the end belongs to the last.
    """
    steps = len(times_ns)
    least = max(policy.contexts_min, -(-steps // policy.blocks_max))
    starts = np.array([0, *_cuts(times_ns, least, horizon_ns)], np.intp)
    counts = np.diff(np.append(starts, steps)).astype(np.float64)
    return Blocks(starts=starts, counts=counts)


def _cuts(times_ns: Integers, least: int, horizon_ns: int) -> Iterator[int]:
    """Yield where blocks begin, but for the first, as long as a whole one is left after it."""
    steps, last_ns = len(times_ns), int(times_ns[-1])
    start = 0
    while start + least <= steps - least:
        after_ns = max(int(times_ns[start + least - 1]) + 1, int(times_ns[start]) + horizon_ns)
        start = int(np.searchsorted(times_ns, after_ns, side="left"))
        if start + least > steps or last_ns - int(times_ns[start]) < horizon_ns:
            return
        yield start
