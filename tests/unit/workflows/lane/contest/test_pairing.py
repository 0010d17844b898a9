"""Rivals paired by context: the test held out, the best expert chosen before it, budgets equal."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from torghut.evals.errors import PairingRefusedError
from torghut.evals.pairing import ArmBudget
from torghut.schemas.rollout.evaluation import EvaluationWindows, TimeSpan
from torghut.schemas.rows import CONTEXT
from torghut.workflows.lane.contest.pairing import CANDIDATE, CHAMPION, EXPERTS, pair
from torghut.workflows.lane.contest.redeciding import ArmColumns, Redecided

COUNT: Final = 100
WINDOWS: Final = EvaluationWindows(
    fit=TimeSpan(first_ns=0, last_ns=39),
    select=TimeSpan(first_ns=45, last_ns=64),
    test=TimeSpan(first_ns=70, last_ns=99),
    embargo_ns=5,
)
BUDGET: Final = ArmBudget(contexts=COUNT, capital=1000.0, cost_bps=0.5, latency_ns=1)


def columns(value: float, *, select: float | None = None) -> ArmColumns:
    """Return an arm that earns ``value`` a step, and something else in the select window."""
    net = np.full(COUNT, value)
    net[45:65] = value if select is None else select
    ones = np.ones(COUNT)
    return ArmColumns(
        arm="ab" * 32,
        net=net,
        cost=0.1 * ones,
        turnover=ones,
        exposure=ones,
        refused=0,
        digest="cd" * 32,
        cpu_ns=0,
    )


def redecided(**experts: ArmColumns) -> Redecided:
    """Return a window of one symbol, a context each nanosecond."""
    arms = {CHAMPION: columns(1.0), CANDIDATE: columns(2.0)}
    arms |= {role: columns(0.0) for role in EXPERTS}
    arms |= {f"only-{name}": one for name, one in experts.items()}
    return Redecided(
        receive_ns=np.arange(COUNT, dtype=np.int64),
        symbol=np.zeros(COUNT, np.uint32),
        regime=(np.arange(COUNT) % 2).astype(np.uint8),
        contexts="ef" * 32,
        symbols=("fxcm:EURUSD",),
        decided=COUNT,
        unmatched=3,
        fed=COUNT,
        unequal=0,
        budgets=dict.fromkeys(arms, BUDGET),
        horizon_ns=4,
        labels=[("calm", "turbulent")],
        sample=np.zeros(0, CONTEXT),
        sources=("ab" * 32,),
        arms=arms,
    )


def test_only_the_test_is_judged_and_nothing_earns_nothing() -> None:
    found = pair(redecided(), WINDOWS)

    assert found.arms.times_ns.tolist() == list(range(70, 100))
    assert found.signals == len(found.arms) == 30
    assert (found.arms.arms["candidate"].net == 2.0).all()
    no_op = found.arms.arms["no-op"]
    assert not any(values.any() for values in (no_op.net, no_op.cost, no_op.turnover))


def test_best_expert_is_chosen_on_the_select_window_whatever_the_test_says() -> None:
    found = pair(
        redecided(reversal=columns(-5.0, select=3.0), breakout=columns(9.0, select=1.0)), WINDOWS
    )

    assert found.best == "only-reversal"
    assert (found.arms.arms["best-expert"].net == -5.0).all()
    assert (found.arms.arms["static-trend"].net == 0.0).all()


def test_champions_history_ends_where_the_test_begins() -> None:
    assert len(pair(redecided(), WINDOWS).arms.champion_history) == 70


def test_contexts_that_were_received_out_of_order_are_put_in_order_alike_for_all() -> None:
    whole = redecided()
    draw = np.random.Generator(np.random.PCG64(1)).permutation(COUNT)
    mixed = replace(
        whole,
        receive_ns=whole.receive_ns[draw],
        regime=whole.regime[draw],
        arms={
            role: replace(one, net=np.arange(COUNT, dtype=np.float64)[draw])
            for role, one in whole.arms.items()
        },
    )

    found = pair(mixed, WINDOWS)

    assert found.arms.arms["candidate"].net.tolist() == list(range(70, 100))
    assert found.arms.regimes.tolist() == [place % 2 for place in range(70, 100)]


def test_regimes_are_told_by_name_across_models() -> None:
    both = replace(
        redecided(),
        symbol=(np.arange(COUNT) % 2).astype(np.uint32),
        symbols=("a", "b"),
        labels=[("calm", "normal", "turbulent"), ()],
    )

    found = pair(both, WINDOWS)

    assert found.arms.regime_names == ("calm", "normal", "turbulent", "unclassified")
    assert found.arms.regimes[:2].tolist() == [0, 3]


def test_terms_that_differ_anywhere_are_the_largest_gap() -> None:
    other = replace(BUDGET, capital=900.0)
    whole = redecided()

    assert pair(whole, WINDOWS).gap == 0.0
    assert pair(replace(whole, unequal=1), WINDOWS).gap == 1.0
    lesser = replace(whole, budgets={**whole.budgets, CANDIDATE: other})
    assert pair(lesser, WINDOWS).gap == pytest.approx(0.1)


def test_a_test_without_steps_cannot_be_paired() -> None:
    late = replace(redecided(), receive_ns=np.arange(COUNT, dtype=np.int64) - 40)

    with pytest.raises(PairingRefusedError):
        pair(late, WINDOWS)
