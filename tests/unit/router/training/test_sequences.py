"""Sequences are cut by time and never joined."""

from __future__ import annotations

import numpy as np

from tests.support.decisions.regime_data import drawn
from torghut.router.training.sequences import span_ns, split, stacked


def test_split_keeps_every_sample_once_and_in_its_sequence() -> None:
    sequences = drawn((10, 20))
    at_ns = int(sequences[1].receive_ns[5])

    before, after = split(sequences, at_ns)

    assert [len(one) for one in before] == [10, 5]
    assert [len(one) for one in after] == [15]
    assert int(after[0].receive_ns[0]) == at_ns
    assert np.array_equal(
        np.concatenate([before[1].features, after[0].features]), sequences[1].features
    )


def test_span_is_from_the_first_to_the_last_sample() -> None:
    sequences = drawn((10, 20))

    assert span_ns(sequences) == (
        int(sequences[0].receive_ns[0]),
        int(sequences[1].receive_ns[-1]),
    )


def test_stacked_remembers_the_lengths() -> None:
    features, lengths = stacked(drawn((10, 20)))

    assert features.shape == (30, 3)
    assert lengths == [10, 20]
    assert stacked([])[0].shape == (0, 3)
