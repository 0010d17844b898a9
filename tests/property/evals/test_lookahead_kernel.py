"""The kernel decides from the past alone; planted leaks in it are caught by the same tests."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM

from tests.support.decisions.kernels import compiled, feature_pass
from tests.support.decisions.rows import (
    SECOND_NS,
    RowArray,
    decide,
    quotes,
    state_rows,
    tables,
    walk,
)
from torghut.evals.lookahead import Answers, Decide, LookaheadPlan, LookaheadReport, check_lookahead
from torghut.schemas.codes import REGIME_FEATURES

PLAN: Final = LookaheadPlan(random_cuts=50, cuts_min=50)
BAR_NS: Final = 30 * SECOND_NS


@functools.cache
def ticks() -> RowArray:
    """Return twenty minutes of quotes in changing turmoil."""
    draw = np.random.Generator(np.random.PCG64(11))
    turmoil = np.repeat([1e-5, 8e-5, 2e-5, 1.5e-4], 300)
    return quotes(1.3 * np.exp(np.cumsum(turmoil * draw.standard_normal(1200))))


def kernel(contexts: RowArray) -> Answers:
    """Decide with the whole compiled kernel, newborn."""
    rows, outcomes = decide(compiled(), contexts, state_rows(2), tables(2))
    return Answers(rows=rows, outcomes=outcomes)


def whole_series(contexts: RowArray) -> tuple[GaussianHMM, RowArray]:
    """Return the kernel's regime model as hmmlearn's, and all samples of ``contexts``."""
    row = tables().parameters[0]
    hmm = GaussianHMM(3, covariance_type="diag")
    hmm.startprob_ = row["start"][:3]
    hmm.transmat_ = row["transition"].reshape(4, 4)[:3, :3]
    hmm.means_ = row["regime_mean"].reshape(4, REGIME_FEATURES)[:3]
    hmm.covars_ = 1.0 / row["regime_precision"].reshape(4, REGIME_FEATURES)[:3]
    hmm.n_features = REGIME_FEATURES
    return hmm, feature_pass().begin(tables().parameters).take(contexts)


def smoothed(contexts: RowArray) -> Answers:
    """Decide with the kernel, but let the posterior know the whole series (forward-backward)."""
    answers = kernel(contexts)
    hmm, samples = whole_series(contexts)
    if len(samples):
        places = samples["context"].astype(np.int64)
        answers.rows["posterior"][places, :3] = hmm.predict_proba(samples["features"])
    return answers


def viterbi(contexts: RowArray) -> Answers:
    """Decide with the kernel, but take the regime from the likeliest path of the whole series."""
    answers = kernel(contexts)
    hmm, samples = whole_series(contexts)
    if len(samples):
        answers.rows["regime"][samples["context"].astype(np.int64)] = hmm.predict(
            samples["features"]
        )
    return answers


def decided_at_the_label(contexts: RowArray) -> Answers:
    """Decide bars at their label: every context is told the close of the bar that it is in."""
    bar = contexts["event_ns"] // BAR_NS
    last = np.searchsorted(bar, bar, side="right") - 1
    shown = contexts.copy()
    for name in ("bid", "ask"):
        shown[name] = contexts[name][last]
    return kernel(shown)


def decided_at_the_close(contexts: RowArray) -> Answers:
    """Decide bars at their close: every context is told the close of the bar before its own."""
    bar = contexts["event_ns"] // BAR_NS
    last = np.maximum(np.searchsorted(bar, bar, side="left") - 1, 0)
    shown = contexts.copy()
    for name in ("bid", "ask"):
        shown[name] = contexts[name][last]
    return kernel(shown)


def checked(decider: Decide) -> LookaheadReport:
    """Return what the black box says of a decider of the ticks."""
    return check_lookahead(decider, ticks(), PLAN)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_kernel_is_clean_on_every_kind_of_message_of_two_symbols(seed: int) -> None:
    market = walk(1500, symbols=2, seed=seed)

    report = check_lookahead(kernel, market, PLAN, boundaries=range(0, 1500, 100))

    assert (report.verdict, report.leaks) == ("clean", ())
    assert report.cuts >= PLAN.cuts_min
    assert 0 < report.decided < report.contexts


def test_a_bar_decided_at_its_close_is_clean() -> None:
    assert checked(decided_at_the_close).verdict == "clean"


def test_a_smoothed_posterior_is_caught() -> None:
    report = checked(smoothed)

    assert report.verdict == "leak"
    assert [leak.field for leak in report.leaks] == ["posterior"]
    assert report.leaks[0].cuts >= PLAN.cuts_min // 2


def test_a_regime_from_the_whole_series_is_caught_though_few_cuts_show_it() -> None:
    report = checked(viterbi)

    assert report.verdict == "leak"
    assert [leak.field for leak in report.leaks] == ["regime"]
    assert report.leaks[0].cuts < report.cuts


def test_a_bar_decided_at_its_label_is_caught() -> None:
    report = checked(decided_at_the_label)

    assert report.verdict == "leak"
    assert {"reference_price", "score"} <= {leak.field for leak in report.leaks}
