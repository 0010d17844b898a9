"""Runs of consecutive samples: what a regime model is fitted on and judged by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from torghut.schemas.codes import REGIME_FEATURES
from torghut.schemas.rows import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSequence:
    """Consecutive samples of one symbol, without a gap between them.

    Attributes:
        receive_ns: When each was taken, rising; shape (n,).
        features: Shape (n, ``REGIME_FEATURES``), finite.
    """

    receive_ns: Integers
    features: Floats

    def __len__(self) -> int:
        return len(self.receive_ns)


def span_ns(sequences: Iterable[FeatureSequence]) -> tuple[int, int]:
    """Return the times of the first and the last sample; there must be one."""
    ends = [(int(one.receive_ns[0]), int(one.receive_ns[-1])) for one in sequences if len(one)]
    return min(first for first, _ in ends), max(last for _, last in ends)


def split(
    sequences: Iterable[FeatureSequence], at_ns: int
) -> tuple[Sequence[FeatureSequence], Sequence[FeatureSequence]]:
    """Return what was sampled before ``at_ns``, and what at or after it."""
    before: list[FeatureSequence] = []
    after: list[FeatureSequence] = []
    for one in sequences:
        cut = int(np.searchsorted(one.receive_ns, at_ns))
        for part, side in ((slice(0, cut), before), (slice(cut, len(one)), after)):
            piece = FeatureSequence(receive_ns=one.receive_ns[part], features=one.features[part])
            if len(piece):
                side.append(piece)
    return before, after


def stacked(sequences: Sequence[FeatureSequence]) -> tuple[Floats, Sequence[int]]:
    """Return all features as one array, shape (n, features), and the length of each sequence."""
    if not sequences:
        return np.zeros((0, REGIME_FEATURES)), []
    features = np.concatenate([one.features for one in sequences])
    return np.ascontiguousarray(features, np.float64), [len(one) for one in sequences]
