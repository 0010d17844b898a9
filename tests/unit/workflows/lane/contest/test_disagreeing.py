"""Disagreements are the stretches that earned most apart, however the contexts came in."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.evals.lookahead import Answers
from torghut.schemas.reviewing.disagreements import DISAGREEMENTS_MAX, Disagreement
from torghut.schemas.rows import CONTEXT, DECISION
from torghut.workflows.lane.contest.disagreeing import Watch
from torghut.workflows.lane.contest.steps import NO_REGIME, Steps

SYMBOLS = ("fxcm:EURUSD", "fxcm:USDJPY")
Arms = tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]]
"""Positions of candidate and champion, then what each earned."""


def steps_of(net: Sequence[float]) -> Steps:
    """Return steps that earned ``net``."""
    zeros = np.zeros(len(net))
    none = np.full(len(net), NO_REGIME, np.uint8)
    values = np.array(net, np.float64)
    return Steps(net=values, cost=zeros, turnover=zeros, exposure=zeros, regime=none)


def answers_of(positions: Sequence[float], refused: Sequence[int] = ()) -> Answers:
    """Return answers that hold ``positions``, but at refused contexts."""
    outcomes = np.zeros(len(positions), np.uint8)
    outcomes[list(refused)] = 1
    rows = np.zeros(int((outcomes == 0).sum()), DECISION)
    rows["position"] = np.array(positions, np.float64)[outcomes == 0]
    return Answers(rows=rows, outcomes=outcomes)


def found(
    arms: Arms,
    *,
    cuts: Sequence[int] = (),
    symbols: Sequence[int] | None = None,
    refused: Sequence[int] = (),
    first_ns: int = 0,
) -> tuple[Watch, tuple[Disagreement, ...]]:
    """Return what a watch finds; contexts come in batches that begin at ``cuts``."""
    count = len(arms[0])
    contexts = np.zeros(count, CONTEXT)
    contexts["receive_ns"] = 1000 + np.arange(count)
    contexts["sequence"] = np.arange(count)
    contexts["symbol"] = np.zeros(count) if symbols is None else symbols
    watch = Watch(candidate="new", champion="old", first_ns=first_ns, last_ns=10**9)
    edges = sorted({0, *cuts, count})
    for start, stop in itertools.pairwise(edges):
        own = [one - start for one in refused if start <= one < stop]
        watch.hear("old", answers_of(arms[1][start:stop]), steps_of(arms[3][start:stop]))
        watch.hear("other", answers_of(arms[1][start:stop]), steps_of(arms[3][start:stop]))
        watch.hear("new", answers_of(arms[0][start:stop], own), steps_of(arms[2][start:stop]))
        watch.take(contexts[start:stop])
    return watch, watch.disagreements(SYMBOLS, ["ab" * 32])


def test_a_stretch_ends_with_the_context_at_which_they_are_the_same_again() -> None:
    arms: Arms = ([0, 1, 3, 0, 0], [0, 0, 0, 0, 0], [0, -0.1, 0.5, 0.7, 9], [0, 0, 0.2, 0, 9])

    watch, (one,) = found(arms)

    assert (one.contexts, one.first_ns, one.last_ns) == (3, 1001, 1003)
    assert one.candidate_net == pytest.approx(1.1)
    assert one.champion_net == pytest.approx(0.2)
    assert (one.widest_ns, one.candidate_position, one.champion_position) == (1002, 3.0, 0.0)
    assert one.widest_context == "ab" * 16 + ":fxcm:EURUSD:quote:2"
    assert (watch.contexts, watch.contexts_apart, watch.stretches) == (5, 3, 1)


def test_positions_that_cross_end_one_stretch_and_begin_another() -> None:
    watch, largest = found(([2, 2, -2, -2], [0, 0, 0, 0], [1, 1, 1, 5], [0, 0, 0, 0]))

    assert [(one.contexts, one.candidate_net) for one in largest] == [(1, 5.0), (3, 3.0)]
    assert watch.stretches == 2


def test_arms_that_agree_do_not_disagree() -> None:
    watch, largest = found(([1, 2, 3], [1, 2, 3], [1, 1, 1], [0, 0, 0]))

    assert (largest, watch.contexts_apart, watch.contexts) == ((), 0, 3)


def test_contexts_that_one_refused_and_those_before_the_test_do_not_count() -> None:
    arms: Arms = ([5, 5, 5, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0])

    watch, (one,) = found(arms, refused=[1], first_ns=1001)

    assert (watch.contexts, one.contexts, one.first_ns) == (2, 2, 1002)


@given(st.data())
def test_batches_change_nothing_and_no_more_than_ten_are_kept(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 60))
    few = st.sampled_from([-1.0, 0.0, 1.0, 2.0])
    columns = [data.draw(st.lists(few, min_size=count, max_size=count)) for _ in range(4)]
    symbols = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    cuts = data.draw(st.lists(st.integers(0, count), max_size=6))
    arms: Arms = (columns[0], columns[1], columns[2], columns[3])

    whole, largest = found(arms, symbols=symbols)
    cut, again = found(arms, symbols=symbols, cuts=cuts)

    sizes = [abs(one.candidate_net - one.champion_net) for one in largest]
    assert len(largest) <= DISAGREEMENTS_MAX
    assert sizes == sorted(sizes, reverse=True)
    assert sorted(map(str, again)) == sorted(map(str, largest)) or len(largest) == 10
    assert (cut.contexts_apart, cut.stretches) == (whole.contexts_apart, whole.stretches)
