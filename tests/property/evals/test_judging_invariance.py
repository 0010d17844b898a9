"""What must not matter to a judgement does not: size, level, order of arms, a larger edge."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lane.evaluating import arm, generator, paired, persistent, quick_policy
from torghut.evals.judging import FixedSampleJudge, Judgement
from torghut.evals.pairing import PairedArms
from torghut.schemas.rollout.evaluation import ARMS, ArmName
from torghut.schemas.rows import Floats

STEPS = 1600
SEEDS = st.integers(0, 10**6)
EDGES = st.sampled_from([-0.3, 0.0, 0.05, 0.3])


@cache
def arms(seed: int, edge: float) -> PairedArms:
    """Return arms with noise of their own, the candidate better by ``edge`` than the champion."""
    source = generator(seed)
    base = persistent(source, STEPS, 0.3)
    candidate = 0.7 * base + 0.7 * persistent(source, STEPS, 0.3) + edge
    others = {
        "static-trend": persistent(source, STEPS, 0.0) - 0.4,
        "best-expert": persistent(source, STEPS, 0.6) - 0.2,
    }
    history = persistent(source, STEPS, 0.3)
    return paired(
        candidate,
        base,
        {
            "static-trend": others["static-trend"],
            "best-expert": others["best-expert"],
            "no-op": np.zeros(STEPS) + 0.01 * source.standard_normal(STEPS),
        },
        history=history,
        regimes=2,
    )


def judged(given_arms: PairedArms) -> Judgement:
    """Return the judgement of ``given_arms``."""
    return FixedSampleJudge().judge(given_arms, quick_policy(), trials=1, seed=5)


def findings(found: Judgement) -> object:
    """Return all that was found, without its amounts."""
    return (
        found.verdict,
        found.reason,
        [(one.baseline, one.finding, round(one.p_better, 9)) for one in found.differences],
        [one.worse for one in found.regimes],
        (found.tail.status, found.tail.reason),
    )


def remade(whole: PairedArms, times: float, plus: float) -> PairedArms:
    """Return every arm's steps ``times`` as large and ``plus`` higher, the history too."""

    def net(values: Floats) -> Floats:
        return values * times + plus

    return replace(
        whole,
        arms={name: arm(name, net(one.net)) for name, one in whole.arms.items()},
        champion_history=net(whole.champion_history),
    )


@settings(max_examples=15)
@given(seed=SEEDS, edge=EDGES, power=st.integers(-20, 20))
def test_size_of_all_amounts_does_not_matter(seed: int, edge: float, power: int) -> None:
    whole = arms(seed, edge)

    assert findings(judged(remade(whole, 2.0**power, 0.0))) == findings(judged(whole))


@settings(max_examples=15)
@given(seed=SEEDS, edge=EDGES, plus=st.floats(-10.0, 10.0))
def test_what_all_arms_earn_alike_does_not_matter(seed: int, edge: float, plus: float) -> None:
    whole = arms(seed, edge)

    assert findings(judged(remade(whole, 1.0, plus))) == findings(judged(whole))


@settings(max_examples=10)
@given(seed=SEEDS, edge=EDGES, order=st.permutations(ARMS))
def test_order_of_arms_does_not_matter(seed: int, edge: float, order: list[ArmName]) -> None:
    whole = arms(seed, edge)
    mixed = replace(whole, arms={name: whole.arms[name] for name in order})

    assert judged(mixed) == judged(whole)


@settings(max_examples=10)
@given(seed=SEEDS, edge=EDGES)
def test_names_of_the_two_rules_do_not_matter(seed: int, edge: float) -> None:
    whole = arms(seed, edge)
    swapped = replace(
        whole,
        arms={
            **whole.arms,
            "static-trend": arm("static-trend", whole.arms["best-expert"].net),
            "best-expert": arm("best-expert", whole.arms["static-trend"].net),
        },
    )
    first, second = judged(whole), judged(swapped)

    assert second.verdict == first.verdict
    by_name = {one.baseline: one.p_better for one in first.differences}
    assert [one.p_better for one in second.differences] == [
        by_name[name] for name in ("champion", "best-expert", "static-trend", "no-op")
    ]


@settings(max_examples=10)
@given(seed=SEEDS, edge=EDGES, more=st.floats(0.0, 1.0))
def test_larger_edge_never_makes_it_worse(seed: int, edge: float, more: float) -> None:
    whole = arms(seed, edge)
    raised = arm("candidate", whole.arms["candidate"].net + more)
    found = judged(whole)
    better = judged(replace(whole, arms={**whole.arms, "candidate": raised}))

    for one, other in zip(found.differences, better.differences, strict=True):
        assert other.p_better <= one.p_better
