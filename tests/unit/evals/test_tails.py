"""Sellers of tails are stopped where their losses show, and it is said where none can."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.lane.evaluating import (
    arm,
    clustered,
    generator,
    paired,
    persistent,
    quick_policy,
)
from torghut.evals.judging import FixedSampleJudge, Judgement
from torghut.evals.pairing import PairedArms
from torghut.evals.statistics.figuring import paired_figures
from torghut.evals.tails import CANNOT_SEE, judge_tails
from torghut.schemas.rollout.evaluation import TailFigures
from torghut.schemas.rows import Floats

STEPS = 3000


def champion(steps: int = STEPS) -> Floats:
    """Return a champion that earns nothing."""
    return persistent(generator(1), steps, 0.3)


def history() -> Floats:
    """Return what the champion did before."""
    return persistent(generator(8), 2 * STEPS, 0.3)


def tail(given: PairedArms) -> TailFigures:
    """Return what the tail gate makes of ``given``."""
    policy = quick_policy()
    return judge_tails(paired_figures(given, policy), policy, seed=3)


def judged(given: PairedArms) -> Judgement:
    """Return what the judge makes of ``given``."""
    return FixedSampleJudge().judge(given, quick_policy(), trials=1, seed=3)


def seller(gain: float, loss: float, every: int, spread: int = 1, first: int = 100) -> Floats:
    """Return small steady gains and, every so many steps, one large loss over ``spread`` steps."""
    steps = gain + 0.05 * generator(5).standard_normal(STEPS)
    for start in range(first, STEPS, every):
        steps[start : start + spread] -= loss / spread
    return steps


def test_candidate_with_the_champions_tail_passes() -> None:
    base = champion()
    candidate = 0.8 * base + 0.6 * persistent(generator(2), STEPS, 0.3) + 0.1

    assert tail(paired(candidate, base, history=history())).status == "pass"


def test_champion_itself_passes() -> None:
    found = tail(paired(champion(), champion(), history=history()))

    assert (found.status, found.ratio_upper) == ("pass", 1.0)


@pytest.mark.parametrize(
    ("gain", "loss", "every", "spread"),
    [
        (0.3, 40.0, 500, 1),  # a blow-up now and then
        (0.2, 20.0, 300, 1),  # smaller ones, oftener
        (0.4, 80.0, 1000, 1),  # three in the window
        (0.3, 60.0, 700, 40),  # each over an hour's steps
        (0.3, 150.0, 9999, 1),  # a single one
    ],
)
def test_seller_of_a_tail_is_denied_though_its_mean_passes(
    gain: float, loss: float, every: int, spread: int
) -> None:
    base = champion() - 0.25

    found = judged(paired(seller(gain, loss, every, spread), base, history=history()))

    assert [one.finding for one in found.differences] == ["better"] * 4
    assert found.tail.status == "fail"
    assert (found.verdict, found.reason) == ("deny", found.tail.reason)


def test_losses_within_the_worst_blocks_are_found_by_their_size() -> None:
    """Each is a block like the champion's worst, but a step such as it never had."""
    found = tail(paired(seller(0.1, 9.0, 400), champion(), history=history()))

    assert found.ratio_upper is not None
    assert found.ratio_upper <= found.limit_ratio
    assert (found.status, found.reason) == ("fail", "rare-losses-above-limit")
    assert found.rare_losses == 8
    assert found.rare_probability == pytest.approx((1 / 4) ** 8)


def test_losses_of_one_block_count_once() -> None:
    candidate = champion()
    candidate[500:510] = -20.0

    assert tail(paired(candidate, champion(), history=history())).rare_losses == 1


def test_loss_that_has_not_happened_shows_in_the_position() -> None:
    held = np.where(np.arange(STEPS) % 500 == 7, 3.0, 0.5)

    found = tail(paired(arm("candidate", seller(0.1, 0.0, 9999), held), champion()))

    assert (found.status, found.reason) == ("fail", "exposure-above-limit")
    assert (found.candidate_exposure, found.champion_exposure) == (3.0, 1.0)


def test_loss_that_has_not_happened_at_an_equal_position_cannot_be_seen() -> None:
    found = tail(paired(seller(0.1, 0.0, 9999), champion()))

    assert found.status == "pass"
    assert found.cannot_see == CANNOT_SEE
    assert "did not happen" in found.cannot_see[0]


def test_position_that_is_not_told_is_insufficient() -> None:
    found = tail(paired(arm("candidate", champion(), None), champion()))

    assert (found.status, found.reason) == ("insufficient", "exposure-not-given")


def test_twice_the_champions_size_is_too_much() -> None:
    found = tail(paired(2.0 * champion(), champion()))

    assert (found.status, found.reason) == ("fail", "shortfall-above-limit")
    assert found.ratio_upper == pytest.approx(2.0)


def test_fewer_than_1500_paired_decisions_are_insufficient() -> None:
    found = tail(paired(champion(1499), champion(1499)))

    assert (found.status, found.reason, found.n) == ("insufficient", "n-below-1500", 1499)


def test_champion_that_never_loses_is_nothing_to_compare_with() -> None:
    found = tail(paired(champion(), np.zeros(STEPS)))

    assert (found.status, found.reason) == ("insufficient", "champion-without-losses")


def test_candidate_that_never_trades_has_no_tail() -> None:
    assert tail(paired(np.zeros(STEPS), champion())).status == "pass"


def test_honest_candidates_mostly_pass_and_sellers_hardly_ever() -> None:
    """Measured on 60 windows: 98 % and 7 %, all of which lost their 40 at most twice.

    At 1,500 steps, the fewest that are judged, 85 % of the honest pass.
    """
    runs, honest, sellers = 25, 0, 0
    for seed in range(runs):
        source = generator(4000 + seed)
        base = persistent(source, STEPS, 0.3)
        near = 0.6 * base + 0.8 * persistent(source, STEPS, 0.3) + 0.1
        sold = 0.1 + 0.05 * source.standard_normal(STEPS) - 40.0 * (source.random(STEPS) < 0.002)
        before = persistent(source, 2 * STEPS, 0.3)
        honest += tail(paired(near, base, history=before)).status == "pass"
        sellers += tail(paired(sold, base, history=before)).status == "pass"

    assert honest >= 0.8 * runs
    assert sellers <= 0.1 * runs


def test_fat_tails_of_both_are_no_reason_by_themselves() -> None:
    source = generator(6)
    base = clustered(source, 6000)

    assert tail(paired(0.8 * base + 0.6 * clustered(source, 6000), base)).status == "pass"
