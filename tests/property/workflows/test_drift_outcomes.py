"""Outcomes do not depend on the pieces that decisions came in: they are the training labels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from torghut.router.training.labels import Labels, SampledDecisions, label, together
from torghut.workflows.drift.outcomes import Outcomes

SCORES = st.sampled_from([-0.7, 0.0, 0.0, 0.4, 0.6])


@st.composite
def sampled(draw: st.DrawFn) -> SampledDecisions:
    """Return decisions at samples: some flat, some after pauses, two at the same time."""
    count = draw(st.integers(0, 60))
    generator = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32))))
    return SampledDecisions(
        receive_ns=np.cumsum(generator.integers(0, 3, count)),
        gap=generator.random(count) < draw(st.sampled_from([0.0, 0.1])),
        mid=1.0 + generator.random(count),
        score=np.array([draw(SCORES) for _ in range(count)], np.float64),
        volatility=generator.choice([0.0, 0.1, 0.2], count),
        cost=np.full(count, 0.01),
    )


def piece_of(
    decisions: SampledDecisions, places: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> SampledDecisions:
    """Return the decisions at ``places``."""
    return SampledDecisions(
        receive_ns=decisions.receive_ns[places],
        gap=decisions.gap[places],
        mid=decisions.mid[places],
        score=decisions.score[places],
        volatility=decisions.volatility[places],
        cost=decisions.cost[places],
    )


@given(decisions=sampled(), pieces=st.integers(1, 12), horizon=st.integers(1, 9))
def test_pieces_give_the_labels_of_the_whole(
    decisions: SampledDecisions, pieces: int, horizon: int
) -> None:
    outcomes = Outcomes()
    found: list[Labels] = [
        outcomes.take(piece_of(decisions, places), horizon)
        for places in np.array_split(np.arange(len(decisions)), pieces)
    ]

    whole, cut = label(decisions, horizon), together(found)

    assert cut.decided_ns.tolist() == whole.decided_ns.tolist()
    assert cut.score.tolist() == whole.score.tolist()
    assert cut.gained.tolist() == whole.gained.tolist()


@given(decisions=sampled(), horizon=st.integers(1, 9))
def test_no_more_than_a_horizon_waits(decisions: SampledDecisions, horizon: int) -> None:
    outcomes = Outcomes()

    outcomes.take(decisions, horizon)

    assert len(outcomes.waiting) <= horizon
