"""Fits a regime model: a Gaussian hidden Markov model of the features, offline, on one thread.

The first part of the window fits every number of states from several starts; the last part,
never fitted on, chooses the number of states and measures the model that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, cast

import numpy as np
from hmmlearn.hmm import GaussianHMM
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from torghut.kernel.errors import TorghutError
from torghut.router.training.environment import FIT_THREADS
from torghut.router.training.likelihood import mean_log_likelihood, occupancy
from torghut.router.training.plan import FitPlan
from torghut.router.training.sequences import FeatureSequence, span_ns, split, stacked
from torghut.schemas.codes import REGIME_LABELS
from torghut.schemas.rows import Floats

_ORDERING_FEATURE: Final = 0
"""States are ordered by the mean of this feature, the log of short over long volatility."""


Progress = Callable[[int, int], None]


class TrainingDataError(TorghutError):
    """There is too little to fit a regime model on, or it holds what is no number."""

    code: ClassVar[str] = "router.training-data"

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}; widen the window")
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedRegimes:
    """A regime model without its confidence coefficients, in raw feature units.

    Attributes:
        labels: By rising volatility ratio, as in ``codes.REGIME_LABELS``.
        start: Distribution before the first sample, shape (k,); none 0.
        transition: Row: from, column: to; shape (k, k); none 0.
        mean: Of each feature in each regime, shape (k, features).
        variance: As ``mean``; all above 0.
    """

    labels: tuple[str, ...]
    start: tuple[float, ...]
    transition: tuple[tuple[float, ...], ...]
    mean: tuple[tuple[float, ...], ...]
    variance: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCandidate:
    """One finished fit, kept or not.

    Attributes:
        states: Number of states.
        seed: Of its k-means start.
        converged: Whether it ended by ``tolerance``, not by ``iterations_max``.
        training: Mean log-likelihood of a fitted observation, in nats.
        held_out: The same of a held-out one.
        occupancy: Share of the fitted observations in each state.
        model: The fit itself.
    """

    states: int
    seed: int
    converged: bool
    training: float
    held_out: float
    occupancy: tuple[float, ...]
    model: FittedRegimes


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeFit:
    """The model that was kept, and what it was chosen from.

    Attributes:
        chosen: The candidate that was kept.
        candidates: The best start of each number of states, fewest states first.
        one_gaussian: The same observations without any regimes, to compare with.
        one_gaussian_held_out: Its mean log-likelihood of a held-out observation, in nats.
        split_ns: Where the held-out part begins.
        observations: How many were fitted on, and how many held out.
    """

    chosen: FitCandidate
    candidates: tuple[FitCandidate, ...]
    one_gaussian: FittedRegimes
    one_gaussian_held_out: float
    split_ns: int
    observations: tuple[int, int]


def silent(_done: int, _total: int) -> None:
    """Report no progress."""


def fit_regimes(
    sequences: Sequence[FeatureSequence], plan: FitPlan, *, progress: Progress = silent
) -> RegimeFit:
    """Return the regime model that explains the held-out end of ``sequences`` best.

    Of each number of states the start with the highest training likelihood is kept, so that the
    held-out part chooses among few. The same input, plan and environment give the same bits.

    Args:
        sequences: Of all symbols.
        plan: Declared.
        progress: Told after every fit how many are done, and of how many.

    Raises:
        TrainingDataError: Too few observations on either side, or a feature that never varies
            or is not finite, or no candidate whose states are all in use.
    """
    if not any(len(one) for one in sequences):
        raise TrainingDataError(expected="samples in the window", found="none")
    first, last = span_ns(sequences)
    split_ns = first + int((last - first) * (1.0 - plan.held_out_ratio))
    fitted, held_out = split(sequences, split_ns)
    counts = sum(map(len, fitted)), sum(map(len, held_out))
    _check_observations(fitted, counts, plan)
    candidates = _best_starts(list(_fits(fitted, held_out, plan, progress)))
    used = [one for one in candidates if min(one.occupancy) >= plan.occupancy_min]
    if not used:
        found = ", ".join(f"{min(one.occupancy):.3f}" for one in candidates)
        raise TrainingDataError(
            expected=f"states that each hold {plan.occupancy_min} of the observations", found=found
        )
    chosen = max(used, key=lambda one: one.held_out)
    single = _one_gaussian(fitted)
    return RegimeFit(
        chosen=chosen,
        candidates=candidates,
        one_gaussian=single,
        one_gaussian_held_out=mean_log_likelihood(single, held_out),
        split_ns=split_ns,
        observations=counts,
    )


def _one_gaussian(fitted: Sequence[FeatureSequence]) -> FittedRegimes:
    """Return the model of a single state: what regimes must beat."""
    features, _ = stacked(fitted)
    return FittedRegimes(
        labels=REGIME_LABELS[1],
        start=(1.0,),
        transition=((1.0,),),
        mean=(tuple(features.mean(axis=0).tolist()),),
        variance=(tuple(features.var(axis=0).tolist()),),
    )


def _check_observations(
    fitted: Sequence[FeatureSequence], counts: tuple[int, int], plan: FitPlan
) -> None:
    """Refuse what no model can be fitted on."""
    if counts[0] < plan.observations_min or counts[1] == 0:
        raise TrainingDataError(
            expected=f"at least {plan.observations_min} samples to fit on and some held out",
            found=f"{counts[0]} and {counts[1]}",
        )
    features, _ = stacked(fitted)
    if not np.isfinite(features).all():
        raise TrainingDataError(expected="finite features", found="NaN or infinity")
    if not features.std(axis=0).all():
        raise TrainingDataError(expected="features that vary", found="one that never does")


def _best_starts(fits: Sequence[FitCandidate]) -> tuple[FitCandidate, ...]:
    """Return the fit with the highest training likelihood of each number of states."""
    return tuple(
        max((one for one in fits if one.states == states), key=lambda one: one.training)
        for states in sorted({one.states for one in fits})
    )


def _fits(
    fitted: Sequence[FeatureSequence],
    held_out: Sequence[FeatureSequence],
    plan: FitPlan,
    progress: Progress,
) -> Iterator[FitCandidate]:
    """Yield a finished fit of every declared number of states from every declared seed."""
    features, lengths = stacked(fitted)
    scaler = StandardScaler().fit(features)
    scaled = cast("Floats", scaler.transform(features))
    starts = [(states, seed) for states in plan.states for seed in plan.seeds]
    for done, (states, seed) in enumerate(starts, start=1):
        with threadpool_limits(limits=FIT_THREADS):
            hmm = _started(scaled, states, seed, plan)
            hmm.fit(scaled, lengths)
        model = _finished(hmm, scaler, plan)
        yield FitCandidate(
            states=states,
            seed=seed,
            converged=bool(hmm.monitor_.iter < plan.iterations_max),
            training=mean_log_likelihood(model, fitted),
            held_out=mean_log_likelihood(model, held_out),
            occupancy=tuple(float(share) for share in occupancy(model, fitted)),
            model=model,
        )
        progress(done, len(starts))


def _started(scaled: Floats, states: int, seed: int, plan: FitPlan) -> GaussianHMM:
    """Return an unfitted model whose states start as the clusters of k-means."""
    clusters = KMeans(states, n_init=1, random_state=seed, algorithm="lloyd").fit(scaled)
    hmm = GaussianHMM(
        states,
        covariance_type="diag",
        n_iter=plan.iterations_max,
        tol=plan.tolerance * len(scaled),
        init_params="",
        random_state=seed,
    )
    hmm.startprob_ = np.full(states, 1.0 / states)
    moving = (1.0 - plan.staying_start) / (states - 1)
    hmm.transmat_ = np.full((states, states), moving)
    np.fill_diagonal(hmm.transmat_, plan.staying_start)
    hmm.means_ = clusters.cluster_centers_
    within = [scaled[clusters.labels_ == j].var(axis=0) for j in range(states)]
    hmm.covars_ = np.maximum(np.array(within), plan.variance_floor_ratio)
    return hmm


def _finished(hmm: GaussianHMM, scaler: StandardScaler, plan: FitPlan) -> FittedRegimes:
    """Return the fit in raw feature units, ordered, floored and smoothed."""
    scale = cast("Floats", scaler.scale_)
    mean = hmm.means_ * scale + scaler.mean_
    order = np.argsort(mean[:, _ORDERING_FEATURE], kind="stable")
    scaled_variance = np.array([np.diag(matrix) for matrix in hmm.covars_])
    variance = np.maximum(scaled_variance, plan.variance_floor_ratio) * scale * scale
    transition = _smoothed(hmm.transmat_[order][:, order], plan.transition_floor)
    start = _smoothed(hmm.startprob_[order][np.newaxis], plan.transition_floor)[0]
    return FittedRegimes(
        labels=REGIME_LABELS[len(order)],
        start=tuple(start.tolist()),
        transition=tuple(tuple(row) for row in transition.tolist()),
        mean=tuple(tuple(row) for row in mean[order].tolist()),
        variance=tuple(tuple(row) for row in variance[order].tolist()),
    )


def _smoothed(rows: Floats, floor: float) -> Floats:
    """Return probability rows in which nothing is impossible, each summing to 1."""
    raised = rows + floor
    return cast("Floats", raised / raised.sum(axis=1, keepdims=True))
