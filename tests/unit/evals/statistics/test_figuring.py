"""Figures by blocks are all that a judge needs: from a file they give the same judgement."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.lane.evaluating import arm, generator, paired, persistent, quick_policy
from torghut.evals.judging import FixedSampleJudge, judge_figures
from torghut.evals.statistics.figuring import paired_figures
from torghut.kernel.canonical import canonical_bytes
from torghut.schemas.reviewing.paired import LOSSES_MAX, PairedFigures
from torghut.schemas.rows import Floats


def noise(seed: int, steps: int = 3000) -> Floats:
    """Return what an arm may come to."""
    return persistent(generator(seed), steps, 0.3) * 1e-4


@pytest.mark.parametrize("edge", [-2e-5, 0.0, 3e-5])
@pytest.mark.parametrize("regimes", [1, 3])
def test_judgement_from_a_file_is_the_judgement_to_the_last_bit(edge: float, regimes: int) -> None:
    base = noise(1)
    given = paired(base + 0.5 * noise(2) + edge, base, history=noise(3), regimes=regimes)
    policy = quick_policy()
    judged = FixedSampleJudge().judge(given, policy, trials=3, seed=5)

    body = canonical_bytes(paired_figures(given, policy).model_dump(mode="json"))
    kept = PairedFigures.model_validate_json(body)

    assert judge_figures(kept, policy, trials=3, seed=5) == judged


def test_figures_are_small_however_long_the_test_is() -> None:
    policy = quick_policy()
    sizes = [
        len(paired_figures(paired(noise(1, n), noise(2, n)), policy).model_dump_json())
        for n in (20_000, 200_000)
    ]

    assert max(sizes) < 100_000


def test_the_largest_losses_are_kept_by_their_steps() -> None:
    own = np.zeros(3000)
    own[[700, 2100]] = -1.0, -2.0

    losses = paired_figures(paired(arm("candidate", own), noise(1)), quick_policy()).losses

    assert len(losses) == LOSSES_MAX
    assert [one.step for one in losses] == sorted(one.step for one in losses)
    by_step = {one.step: one.loss for one in losses}
    assert by_step[2100] == pytest.approx(2.0 - 0.001)
    assert by_step[700] == pytest.approx(1.0 - 0.001)


def test_steps_are_counted_once_in_blocks_and_in_regimes() -> None:
    found = paired_figures(paired(noise(1), noise(2), regimes=3), quick_policy())

    assert found.steps == 3000
    assert sum(sum(one.counts) for one in found.regimes) == 3000
    apart = sum(found.differences[0].sums)
    assert sum(sum(one.sums) for one in found.regimes) == pytest.approx(apart)
