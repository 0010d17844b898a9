"""Better, equal, worse and too little: each planted, each judged as what it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.decisions.declared import changed
from tests.support.lane.evaluating import (
    FILE,
    arm,
    evaluation_policy,
    generator,
    paired,
    persistent,
    quick_policy,
)
from torghut.evals.errors import TrialsRefusedError
from torghut.evals.judging import FixedSampleJudge, Judgement
from torghut.evals.pairing import PairedArms
from torghut.governance.declarations import parse_evaluation_policy
from torghut.schemas.rollout.evaluation import BASELINES, ArmDifference, BaselineName
from torghut.schemas.rows import Floats

STEPS = 3000


def judged(given: PairedArms, trials: int = 1) -> Judgement:
    """Return what the judge makes of ``given`` by the shipped policy with fewer draws."""
    return FixedSampleJudge().judge(given, quick_policy(), trials=trials, seed=7)


def champion(steps: int = STEPS) -> Floats:
    """Return a champion that earns nothing."""
    return persistent(generator(1), steps, 0.3)


def near(net: Floats, edge: float) -> Floats:
    """Return steps that are mostly those of ``net``, and ``edge`` better each."""
    return 0.8 * net + 0.6 * persistent(generator(2), len(net), 0.3) + edge


def to(found: Judgement, baseline: BaselineName) -> ArmDifference:
    """Return the difference to one baseline."""
    return found.differences[BASELINES.index(baseline)]


def test_better_candidate_is_promoted() -> None:
    found = judged(paired(near(champion(), 0.2), champion(), regimes=2))

    assert (found.verdict, found.reason) == ("promote", "better-than-every-baseline")
    assert [one.finding for one in found.differences] == ["better"] * 4
    assert (to(found, "champion").lower or 0.0) > 0.0


def test_champion_itself_is_no_op() -> None:
    found = judged(paired(champion(), champion()))

    assert (found.verdict, found.reason) == ("no-op", "not-better-than-champion")
    assert to(found, "champion").differing_blocks == 0


def test_equal_candidate_is_no_op() -> None:
    found = judged(paired(near(champion(), 0.0), champion()))

    assert (found.verdict, found.reason) == ("no-op", "not-better-than-champion")


def test_worse_candidate_is_denied() -> None:
    found = judged(paired(near(champion(), -0.2), champion()))

    assert (found.verdict, found.reason) == ("deny", "worse-than-champion")


@pytest.mark.parametrize("baseline", ["static-trend", "best-expert", "no-op"])
def test_candidate_must_beat_every_baseline(baseline: BaselineName) -> None:
    candidate = near(champion(), 0.2)

    found = judged(paired(candidate, champion(), {baseline: candidate}))

    assert (found.verdict, found.reason) == ("no-op", f"not-better-than-{baseline}")


def test_each_trial_raises_what_must_be_shown() -> None:
    given = paired(near(champion(), 0.065), champion())
    few, many = judged(given), judged(given, trials=40)

    assert (few.verdict, many.verdict) == ("promote", "no-op")
    assert to(many, "champion").alpha == quick_policy().significance.alpha / 40
    assert (to(many, "champion").lower or 0.0) < (to(few, "champion").lower or 0.0)
    assert to(many, "champion").upper == pytest.approx(to(few, "champion").upper, abs=0.01)


def test_more_trials_than_draws_can_tell_promote_nothing() -> None:
    found = judged(paired(near(champion(), 1.0), champion()), trials=1_000_000)

    assert (found.verdict, found.reason) == ("insufficient", "trials-beyond-resolution")


@pytest.mark.parametrize("trials", [0, -1])
def test_trials_below_one_are_refused(trials: int) -> None:
    with pytest.raises(TrialsRefusedError):
        judged(paired(champion(), champion()), trials=trials)


def test_too_few_steps_are_insufficient_however_good() -> None:
    base = champion(1499)

    found = judged(paired(near(base, 1.0), base))

    assert (found.verdict, found.reason) == ("insufficient", "n-below-1500")


def test_a_single_step_is_insufficient() -> None:
    found = judged(paired(np.ones(1), np.zeros(1)))

    assert found.verdict == "insufficient"


def test_a_few_lucky_trades_are_insufficient() -> None:
    base = champion()
    lucky = base.copy()
    lucky[::300] += 50.0

    found = judged(paired(lucky, base))

    assert (found.verdict, found.reason) == ("insufficient", "n-below-30")
    assert to(found, "champion").differing_blocks == 10


def test_regime_that_was_hardly_seen_is_insufficient() -> None:
    given = paired(near(champion(), 0.2), champion())
    regimes = np.zeros(STEPS, np.int32)
    regimes[:99] = 1

    found = judged(replace(given, regimes=regimes))

    assert (found.verdict, found.reason) == ("insufficient", "regime-1-n-below-100")
    assert [one.n for one in found.regimes] == [STEPS - 99, 99]


def test_named_regime_that_never_occurred_is_insufficient() -> None:
    given = paired(near(champion(), 0.2), champion())

    found = judged(replace(given, regime_names=("calm", "wild")))

    assert (found.verdict, found.reason) == ("insufficient", "regime-1-n-below-100")
    assert (found.regimes[1].name, found.regimes[1].n, found.regimes[1].mean) == ("wild", 0, None)


def test_better_on_average_but_worse_in_a_regime_is_no_op() -> None:
    base = champion(6000)
    candidate = near(base, 0.4)
    wild = np.arange(6000) // 50 % 4 == 3
    candidate[wild] -= 1.0

    found = judged(paired(candidate, base, regimes=4))

    assert (found.verdict, found.reason) == ("no-op", "worse-in-regime-3")
    assert [one.worse for one in found.regimes] == [False, False, False, True]


def test_constant_difference_is_no_evidence() -> None:
    found = judged(paired(champion() + 0.5, champion()))

    assert to(found, "champion").finding == "insufficient"
    assert found.verdict == "insufficient"


def test_without_exposures_nothing_is_promoted() -> None:
    base = champion()

    found = judged(paired(arm("candidate", near(base, 0.2), None), base))

    assert (found.verdict, found.reason) == ("insufficient", "exposure-not-given")


def test_same_input_gives_the_same_judgement() -> None:
    given = paired(near(champion(), 0.1), champion())

    assert judged(given) == judged(given)


@pytest.mark.slow
def test_detectable_edge_shows_about_as_often_as_it_says() -> None:
    steps, shown, runs = 1500, 0, 30
    for seed in range(runs):
        source = generator(1000 + seed)
        base, noise = source.standard_normal(steps), source.standard_normal(steps)
        first = judged(paired(base + noise, base))
        edge = to(first, "champion").detectable_edge
        assert edge is not None
        apart = noise - noise.mean() + source.standard_normal() / np.sqrt(steps)
        shown += to(judged(paired(base + apart + edge, base)), "champion").finding == "better"

    assert 0.6 <= shown / runs <= 0.97


def test_detectable_sharpe_is_the_edge_a_year_in_the_candidates_deviations() -> None:
    found = to(judged(paired(near(champion(), 0.0), champion())), "champion")
    assert found.detectable_edge is not None
    assert found.detectable_sharpe is not None

    # A step a minute; persistence .3 in one part of the noise widens a step's share of a block.
    yearly = np.sqrt(365.25 * 24 * 60)
    assert found.detectable_sharpe / found.detectable_edge == pytest.approx(
        yearly / np.sqrt(1.3 / 0.7), rel=0.25
    )


def test_power_grows_with_the_edge_and_the_window() -> None:
    shown = [
        sum(
            to(judged(paired(near_to(seed, steps, edge), own(seed, steps))), "champion").finding
            == "better"
            for seed in range(10)
        )
        for steps, edge in ((1500, 0.0), (1500, 0.05), (1500, 0.15), (4500, 0.05))
    ]

    assert shown[0] <= 1
    assert shown[0] < shown[1] < shown[2]
    assert shown[1] < shown[3]


def own(seed: int, steps: int) -> Floats:
    """Return a champion of many."""
    return generator(2000 + seed).standard_normal(steps)


def near_to(seed: int, steps: int, edge: float) -> Floats:
    """Return its challenger."""
    return own(seed, steps) + generator(3000 + seed).standard_normal(steps) + edge


def test_shipped_policy_is_what_was_agreed() -> None:
    policy = evaluation_policy()

    assert policy.tail.decisions_min == 1500
    assert policy.lookahead_cuts_min == 30
    assert (policy.significance.alpha, policy.significance.denial_alpha) == (0.025, 0.05)
    assert policy.blocks.contexts_min >= 10


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("decisions_min: 1500", "decisions_min: 1499"),
        ("contexts_min: 30", "contexts_min: 9"),
        ("lookahead_cuts_min: 30", "lookahead_cuts_min: 29"),
        ("fit_ratio: 0.5", "fit_ratio: 0.6"),
        ("alpha: 0.025", "alpha: 0"),
        ("embargo_ms: 60000", "embargo_ms: 0"),
        ("resamples_max: 100000", "resamples_max: 1000"),
        ("trials_correction: bonferroni", "trials_correction: none"),
    ],
)
def test_policy_that_would_let_anything_pass_is_refused(old: str, new: str) -> None:
    with pytest.raises(Exception, match=FILE):
        parse_evaluation_policy(changed(FILE, old, new), file=FILE)
