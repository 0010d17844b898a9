"""What became of decisions: did the price go their way by more than the round trip cost?

A label looks ahead on purpose. It judges decisions that were made; none is ever made with one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from torghut.schemas.rows import Floats, Integers

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledDecisions:
    """One symbol's decisions at its samples, in order; shape (n,) each.

    Attributes:
        receive_ns: When each was decided.
        gap: Whether a pause came before the sample, so that no return joins it to the last.
        mid: Mid price.
        score: The blended score, in [-1, 1].
        volatility: Standard deviation of the return over the horizon as then known; 0 unknown.
        cost: Of the round trip, as a ratio of the price.
    """

    receive_ns: Integers
    gap: Flags
    mid: Floats
    score: Floats
    volatility: Floats
    cost: Floats

    def __len__(self) -> int:
        return len(self.receive_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What became of decisions whose horizons do not overlap within a symbol; shape (n,) each.

    Attributes:
        decided_ns: When each was decided.
        ended_ns: When its horizon ended.
        score: Size of the blended score, in (0, 1].
        cost: Of the round trip, in standard deviations of the return over the horizon.
        gain: Return over the horizon in the direction of the score, in the same unit.
    """

    decided_ns: Integers
    ended_ns: Integers
    score: Floats
    cost: Floats
    gain: Floats

    def __len__(self) -> int:
        return len(self.decided_ns)

    @property
    def gained(self) -> Flags:
        """Whether each gained more than its own round trip cost."""
        return np.asarray(self.gain > self.cost)

    def where(self, chosen: Flags) -> Labels:
        """Return the labels that ``chosen`` marks."""
        return Labels(
            decided_ns=self.decided_ns[chosen],
            ended_ns=self.ended_ns[chosen],
            score=self.score[chosen],
            cost=self.cost[chosen],
            gain=self.gain[chosen],
        )


def label(decisions: SampledDecisions, horizon_samples: int) -> Labels:
    """Return labels of decisions that have a direction, a known volatility and a whole horizon.

    The horizon of a decision ends ``horizon_samples`` samples later; it must hold no gap. After a
    label none is taken before its horizon has ended, so outcomes share no return.
    """
    begins = label_places(decisions, horizon_samples)
    ends = begins + horizon_samples
    change = decisions.mid[ends] / decisions.mid[begins] - 1.0
    score = decisions.score[begins]
    volatility = decisions.volatility[begins]
    return Labels(
        decided_ns=decisions.receive_ns[begins],
        ended_ns=decisions.receive_ns[ends],
        score=np.abs(score),
        cost=decisions.cost[begins] / volatility,
        gain=np.sign(score) * change / volatility,
    )


def together(labels: Iterable[Labels]) -> Labels:
    """Return all ``labels`` in one."""
    every = list(labels)

    def joined(arrays: Sequence[npt.NDArray[np.float64]]) -> Floats:
        return np.concatenate(arrays) if arrays else np.zeros(0)

    def joined_times(arrays: Sequence[npt.NDArray[np.int64]]) -> Integers:
        return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)

    return Labels(
        decided_ns=joined_times([one.decided_ns for one in every]),
        ended_ns=joined_times([one.ended_ns for one in every]),
        score=joined([one.score for one in every]),
        cost=joined([one.cost for one in every]),
        gain=joined([one.gain for one in every]),
    )


def label_places(decisions: SampledDecisions, horizon_samples: int) -> npt.NDArray[np.intp]:
    """Return the places of decisions to label, each a horizon or more after the one before."""
    stretch = np.cumsum(decisions.gap)
    whole = np.zeros(len(decisions), np.bool_)
    count = max(0, len(decisions) - horizon_samples)
    whole[:count] = stretch[horizon_samples : horizon_samples + count] == stretch[:count]
    eligible = whole & (decisions.score != 0.0) & (decisions.volatility > 0.0)
    chosen: list[int] = []
    free = 0
    for place in np.flatnonzero(eligible).tolist():
        if place >= free:
            chosen.append(place)
            free = place + horizon_samples
    return np.array(chosen, np.intp)
