"""The stationary bootstrap: what else the same blocks could have come to.

Runs of neighbouring blocks of random length, drawn with replacement around a circle (Politis and
Romano, The Stationary Bootstrap, Journal of the American Statistical Association 89, 1994).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from torghut.evals.statistics.blocks import Places

_ROWS: Final = 2048
"""Resamples made at a time, which bounds the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How blocks are drawn again; the same values give the same draws.

    Attributes:
        blocks: How many there are, and in each draw.
        resamples: How many draws.
        run_blocks: Mean length of a run of neighbours, >= 1.
        seed: Of the generator.
    """

    blocks: int
    resamples: int
    run_blocks: float
    seed: int

    def draws(self) -> Iterator[Places]:
        """Yield arrays of block numbers, shape (rows, blocks), a draw in each row."""
        generator = np.random.Generator(np.random.PCG64(self.seed))
        left = self.resamples
        while left > 0:
            rows = min(_ROWS, left)
            yield _drawn(rows, self.blocks, self.run_blocks, generator)
            left -= rows


def _drawn(rows: int, blocks: int, run_blocks: float, generator: np.random.Generator) -> Places:
    """Return ``rows`` draws: at each place the next neighbour, or with 1 / run a new beginning."""
    begins = generator.random((rows, blocks)) < 1.0 / run_blocks
    begins[:, 0] = True
    chosen = generator.integers(0, blocks, (rows, blocks))
    places = np.arange(blocks)
    latest = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    return (np.take_along_axis(chosen, latest, axis=1) + places - latest) % blocks
