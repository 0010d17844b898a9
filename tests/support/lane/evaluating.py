"""What tests of evaluations share: paired arms with planted noise, edges and tails."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np

from tests.support.decisions.declared import changed, text_of
from torghut.evals.pairing import ArmSteps, PairedArms
from torghut.governance.declarations import parse_evaluation_policy
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.rollout.evaluation import ARMS, ArmName
from torghut.schemas.rows import Floats

FILE: Final = "governance/policies/evaluation.yaml"
MINUTE_NS: Final = 60_000_000_000
START_NS: Final = 1_700_000_000_000_000_000


@cache
def evaluation_policy() -> EvaluationPolicy:
    """Return the shipped evaluation policy."""
    return parse_evaluation_policy(text_of(FILE), file=FILE)


@cache
def quick_policy() -> EvaluationPolicy:
    """Return the shipped policy with half as many draws."""
    return parse_evaluation_policy(
        changed(FILE, "resamples_min: 1999", "resamples_min: 999"), file=FILE
    )


def generator(seed: int) -> np.random.Generator:
    """Return a generator that draws the same again."""
    return np.random.Generator(np.random.PCG64(seed))


def persistent(source: np.random.Generator, steps: int, persistence: float) -> Floats:
    """Return noise of deviation 1 whose neighbours correlate by ``persistence``."""
    kernel = persistence ** np.arange(60, dtype=np.float64)
    noise = np.convolve(source.standard_normal(steps + 100), kernel)[100 : steps + 100]
    return np.asarray(noise * np.sqrt(1.0 - persistence**2))


def clustered(source: np.random.Generator, steps: int) -> Floats:
    """Return noise of deviation 1 with fat tails, in quiet and wild times (GARCH of order 1, 1)."""
    shocks = source.standard_t(6, steps + 200) / np.sqrt(1.5)
    found, variance = np.zeros(steps + 200), 1.0
    for place, shock in enumerate(shocks):
        found[place] = np.sqrt(variance) * shock
        variance = 0.02 + 0.08 * found[place] ** 2 + 0.9 * variance
    return found[200:]


def arm(name: ArmName, net: Floats, exposure: float | Floats | None = 1.0) -> ArmSteps:
    """Return an arm that costs nothing."""
    zeros = np.zeros(len(net))
    held = None if exposure is None else zeros + exposure
    return ArmSteps(name=name, net=net, cost=zeros, turnover=zeros, exposure=held)


def paired(
    candidate: Floats | ArmSteps,
    champion: Floats,
    others: Mapping[ArmName, Floats] | None = None,
    *,
    history: Floats | None = None,
    regimes: int = 1,
) -> PairedArms:
    """Return arms, a step each minute; without ``others`` those lose one a step to the champion.

    A regime lasts 50 steps, then comes the next.
    """
    steps = len(champion)
    own = candidate if isinstance(candidate, ArmSteps) else arm("candidate", candidate)
    worse = champion - 1.0 + 0.1 * generator(9).standard_normal(steps)
    nets: dict[ArmName, Floats] = {
        "champion": champion,
        "static-trend": worse,
        "best-expert": worse,
        "no-op": worse,
        **(others or {}),
    }
    arms = {name: own if name == "candidate" else arm(name, nets[name]) for name in ARMS}
    return PairedArms(
        times_ns=START_NS + MINUTE_NS * np.arange(steps, dtype=np.int64),
        symbols=np.zeros(steps, np.int32),
        regimes=(np.arange(steps) // 50 % regimes).astype(np.int32),
        arms=arms,
        champion_history=np.zeros(0) if history is None else history,
    )
