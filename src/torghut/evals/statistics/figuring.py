"""Paired steps as figures by blocks: everything that a judge reads, small however long the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from torghut.evals.pairing import ArmSteps, PairedArms
from torghut.evals.statistics.blocks import Blocks, blocks_of
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.reviewing.paired import (
    LOSSES_MAX,
    ArmBlocks,
    DifferenceBlocks,
    PairedFigures,
    RegimeBlocks,
    StepLoss,
)
from torghut.schemas.rollout.evaluation import BASELINES, BaselineName
from torghut.schemas.rows import Floats

_CHAMPION: Final[BaselineName] = "champion"


def paired_figures(paired: PairedArms, policy: EvaluationPolicy) -> PairedFigures:
    """Return what ``paired`` comes to by the blocks that ``policy`` declares."""
    blocks = blocks_of(paired.times_ns, policy.blocks, paired.horizon_ns)
    champion = paired.arms[_CHAMPION].net
    history = paired.champion_history
    worst = max(float(one.max()) for one in (_losses(history), _losses(champion)) if len(one))
    return PairedFigures(
        first_ns=int(paired.times_ns[0]),
        last_ns=int(paired.times_ns[-1]),
        counts=_whole(blocks.counts),
        differences=tuple(_difference(paired, name, blocks) for name in BASELINES),
        candidate=_arm(paired.arms["candidate"], blocks),
        champion=_arm(paired.arms[_CHAMPION], blocks),
        regimes=tuple(_regimes(paired, blocks)),
        worst_loss=max(0.0, worst),
        history=len(history),
        losses=_largest_losses(paired.arms["candidate"].net),
    )


def _difference(paired: PairedArms, name: BaselineName, blocks: Blocks) -> DifferenceBlocks:
    """Return candidate less a baseline."""
    own, other = paired.arms["candidate"].net, paired.arms[name].net
    scale = float(max(np.abs(own).max(), np.abs(other).max()))
    return DifferenceBlocks(baseline=name, sums=_plain(blocks.sums(own - other)), scale=scale)


def _arm(arm: ArmSteps, blocks: Blocks) -> ArmBlocks:
    """Return what an arm came to."""
    return ArmBlocks(
        sums=_plain(blocks.sums(arm.net)),
        scale=float(np.abs(arm.net).max()),
        exposure=None if arm.exposure is None else float(arm.exposure.max()),
    )


def _regimes(paired: PairedArms, blocks: Blocks) -> Iterator[RegimeBlocks]:
    """Yield candidate less champion in each regime: the named ones, else those that occur."""
    names = paired.regime_names
    numbers = range(len(names)) if names else np.unique(paired.regimes).tolist()
    apart = paired.arms["candidate"].net - paired.arms[_CHAMPION].net
    for number in numbers:
        held = paired.regimes == number
        yield RegimeBlocks(
            regime=number,
            name=names[number] if names else str(number),
            sums=_plain(blocks.sums(np.where(held, apart, 0.0))),
            counts=_whole(blocks.sums(held.astype(np.float64))),
        )


def _largest_losses(net: Floats) -> tuple[StepLoss, ...]:
    """Return the largest losses of an arm, in the order of time; of equal ones the earlier."""
    losses = _losses(net)
    largest = np.sort(np.argsort(-losses, kind="stable")[:LOSSES_MAX])
    kept = zip(largest.tolist(), losses[largest].tolist(), strict=True)
    return tuple(StepLoss(step=step, loss=loss + 0.0) for step, loss in kept)


def _losses(net: Floats) -> Floats:
    """Return how far each step falls short of their mean, shape (n,)."""
    return net.mean() - net if len(net) else net


def _plain(values: Floats) -> tuple[float, ...]:
    """Return numbers as they stand in a file, where there is one zero."""
    return tuple((values + 0.0).tolist())


def _whole(values: Floats) -> tuple[int, ...]:
    """Return counts."""
    return tuple(values.astype(np.int64).tolist())
