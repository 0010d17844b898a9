"""A label is one whole horizon of one decision, in sigmas, and shares no return with another."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.router.training.labels import Labels, SampledDecisions, label, together

HORIZON: Final = 3


def decisions(
    mid: list[float], score: list[float], *, gaps: tuple[int, ...] = (0,), volatility: float = 0.01
) -> SampledDecisions:
    """Return decisions a nanosecond apart, each at a cost of a thousandth."""
    count = len(mid)
    gap = np.zeros(count, np.bool_)
    gap[list(gaps)] = True
    return SampledDecisions(
        receive_ns=np.arange(count),
        gap=gap,
        mid=np.array(mid),
        score=np.array(score),
        volatility=np.full(count, volatility),
        cost=np.full(count, 0.001),
    )


def test_gain_is_the_return_in_the_direction_of_the_score_in_sigmas() -> None:
    labels = label(decisions([1.0, 1.1, 1.2, 1.02], [-0.5, 0.1, 0.1, 0.1]), HORIZON)

    assert labels.gain == pytest.approx([-2.0])
    assert labels.cost == pytest.approx([0.1])
    assert labels.score == pytest.approx([0.5])
    assert (labels.decided_ns.tolist(), labels.ended_ns.tolist()) == ([0], [3])
    assert labels.gained.tolist() == [False]


def test_a_gain_that_only_pays_the_costs_is_none() -> None:
    labels = label(decisions([1.0, 1.0, 1.0, 1.0005], [0.5] * 4), HORIZON)

    assert labels.gain[0] > 0.0
    assert labels.gained.tolist() == [False]


def test_horizons_do_not_overlap_and_are_whole() -> None:
    labels = label(decisions([1.0] * 10, [0.5] * 10), HORIZON)

    assert labels.decided_ns.tolist() == [0, 3, 6]
    assert labels.ended_ns.tolist() == [3, 6, 9]


def test_no_horizon_holds_a_gap() -> None:
    labels = label(decisions([1.0] * 10, [0.5] * 10, gaps=(0, 2)), HORIZON)

    assert labels.decided_ns.tolist() == [2, 5]


def test_a_decision_without_direction_or_known_volatility_has_no_label() -> None:
    flat = label(decisions([1.0] * 10, [0.0] * 10), HORIZON)
    unknown = label(decisions([1.0] * 10, [0.5] * 10, volatility=0.0), HORIZON)

    assert (len(flat), len(unknown)) == (0, 0)


def test_too_few_samples_for_one_horizon_make_no_label() -> None:
    assert len(label(decisions([1.0] * 3, [0.5] * 3), HORIZON)) == 0
    assert len(label(decisions([], [], gaps=()), HORIZON)) == 0


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.3])), max_size=60),
    st.integers(1, 7),
)
def test_labels_share_no_return_and_cross_no_gap(
    steps: list[tuple[bool, float]], horizon: int
) -> None:
    gaps = tuple(i for i, (gap, _) in enumerate(steps) if gap)
    made = decisions([1.0] * len(steps), [score for _, score in steps], gaps=gaps)

    labels = label(made, horizon)

    assert (labels.ended_ns - labels.decided_ns == horizon).all()
    assert (labels.decided_ns[1:] >= labels.ended_ns[:-1]).all()
    for begin, end in zip(labels.decided_ns.tolist(), labels.ended_ns.tolist(), strict=True):
        assert not made.gap[begin + 1 : end + 1].any()


def test_labels_of_symbols_are_put_together() -> None:
    one = label(decisions([1.0] * 4, [0.5] * 4), HORIZON)

    assert len(together([one, one])) == 2
    assert isinstance(together([]), Labels)
    assert len(together([])) == 0
