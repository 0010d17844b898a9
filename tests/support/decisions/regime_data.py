"""Observations drawn from a known regime model, for tests that must find it again."""

from __future__ import annotations

from typing import Final

import numpy as np

from torghut.router.training.regimes import FittedRegimes
from torghut.router.training.sequences import FeatureSequence
from torghut.schemas.codes import REGIME_LABELS

MINUTE_NS: Final = 60_000_000_000
START_NS: Final = 1_300_000_000_000_000_000

PLANTED: Final = FittedRegimes(
    labels=REGIME_LABELS[3],
    start=(0.5, 0.3, 0.2),
    transition=((0.95, 0.04, 0.01), (0.03, 0.94, 0.03), (0.01, 0.05, 0.94)),
    mean=((-0.4, 0.1, 0.2), (0.0, 0.3, 0.35), (0.5, 0.15, 0.6)),
    variance=((0.01, 0.002, 0.01), (0.01, 0.004, 0.02), (0.03, 0.003, 0.02)),
)
"""Three regimes, well apart."""


def drawn(
    counts: tuple[int, ...], *, seed: int = 0, model: FittedRegimes = PLANTED
) -> list[FeatureSequence]:
    """Return one sequence drawn from ``model`` for each of ``counts``, an hour between them."""
    draw = np.random.Generator(np.random.PCG64(seed))
    begin = START_NS
    found = []
    for count in counts:
        found.append(_sequence(draw, count, begin, model))
        begin += (count + 60) * MINUTE_NS
    return found


def _sequence(
    draw: np.random.Generator, count: int, begin: int, model: FittedRegimes
) -> FeatureSequence:
    states = [int(draw.choice(len(model.start), p=model.start))]
    for _ in range(count - 1):
        states.append(int(draw.choice(len(model.start), p=model.transition[states[-1]])))
    mean, deviation = np.array(model.mean)[states], np.sqrt(np.array(model.variance)[states])
    return FeatureSequence(
        receive_ns=begin + MINUTE_NS * np.arange(count),
        features=mean + deviation * draw.standard_normal(mean.shape),
    )
