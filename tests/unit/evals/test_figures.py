"""Every gate gets its figure, a pass always compares as it says, and the card holds it all."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from tests.support.lane.evaluating import arm, generator, paired, persistent, quick_policy
from torghut.evals.contamination import judge_contamination
from torghut.evals.figures import (
    CardFacts,
    Evaluation,
    GateFigure,
    evaluation_card,
    gate_figures,
)
from torghut.evals.judging import FixedSampleJudge
from torghut.evals.lookahead import LookaheadReport
from torghut.evals.pairing import PairedArms
from torghut.evals.reproducing import reproduce
from torghut.evals.splitting import Window, split_window
from torghut.kernel.canonical import canonical_bytes
from torghut.schemas.publish import published_texts
from torghut.schemas.rollout.evaluation import ARMS, EvaluationCard
from torghut.schemas.rollout.gates import GateRow, compares
from torghut.schemas.types import message_digest

STEPS = 3000
GATES = (
    "gate_edge_over_champion",
    "gate_edge_over_static_trend",
    "gate_edge_over_best_expert",
    "gate_edge_over_no_op",
    "gate_tail_loss",
    "gate_regime_minimum",
    "gate_contamination",
    "gate_reproducibility",
    "gate_equal_budget",
)
CLEAN = LookaheadReport(
    verdict="clean", cuts=60, cuts_tried=70, contexts=500, decided=400, repeatable=True, leaks=()
)


def better() -> PairedArms:
    """Return a candidate that is better."""
    base = persistent(generator(1), STEPS, 0.3)
    return paired(0.8 * base + 0.6 * persistent(generator(2), STEPS, 0.3) + 0.2, base, regimes=2)


def evaluated(given: PairedArms, trials: int = 1) -> Evaluation:
    """Return an evaluation with nothing against it but what ``given`` shows."""
    return Evaluation(
        judgement=FixedSampleJudge().judge(given, quick_policy(), trials=trials, seed=3),
        contamination=judge_contamination(CLEAN, (), cuts_min=30),
        reproduction=reproduce(given, given),
        budget_gap=0.0,
    )


def figure(found: Evaluation, gate: str) -> GateFigure:
    """Return the figure of one gate."""
    return {one.id: one for one in gate_figures(found)}[gate]


def assert_fits_a_row(one: GateFigure) -> None:
    """A figure becomes a gate's row, and says pass only where it compares so."""
    GateRow(
        id=one.id,
        status=one.status,
        value=one.value,
        comparator=one.comparator,
        threshold=one.threshold,
        unit=one.unit,
        n=one.n,
        reason=one.reason,
        evidence=(),
    )
    holds = one.value is not None and compares(one.value, one.comparator, one.threshold)
    assert (one.status == "pass") == (one.reason is None)
    assert holds or one.status != "pass"
    if one.status == "fail" and one.value is not None:
        assert not holds, f"{one.id} fails at a value that would pass"


def test_every_gate_of_a_better_candidate_passes() -> None:
    figures = gate_figures(evaluated(better()))

    assert tuple(one.id for one in figures) == GATES
    assert [one.status for one in figures] == ["pass"] * len(GATES)
    for one in figures:
        assert_fits_a_row(one)


def worse_in_a_regime() -> PairedArms:
    """Return a candidate that is better, but for one regime."""
    given = better()
    net = given.arms["candidate"].net - 2.0 * (given.regimes == 1)
    return replace(given, arms={**given.arms, "candidate": arm("candidate", net)})


def in_larger_positions() -> PairedArms:
    """Return a candidate that once held three times as much."""
    given = better()
    held = np.ones(STEPS)
    held[5] = 3.0
    candidate = arm("candidate", given.arms["candidate"].net, held)
    return replace(given, arms={**given.arms, "candidate": candidate})


def with_rare_losses() -> PairedArms:
    """Return a candidate whose losses are rare, and larger than the champion's ever were."""
    base = persistent(generator(1), STEPS, 0.3)
    net = 0.1 + 0.05 * generator(5).standard_normal(STEPS)
    net[100::400] -= 9.0
    return paired(net, base, history=persistent(generator(8), 2 * STEPS, 0.3))


@pytest.mark.parametrize(
    ("given", "gate", "status", "reason", "unit"),
    [
        (paired(np.zeros(9), np.zeros(9)), 0, "insufficient", "n-below-1500", "bps/step"),
        (paired(np.zeros(2000), np.zeros(2000)), 0, "fail", "not-better-than-champion", "bps/step"),
        (worse_in_a_regime(), 5, "fail", "worse-in-regime-1", "bps/step"),
        (paired(np.zeros(99), np.zeros(99)), 5, "insufficient", "n-below-100", "steps"),
        (in_larger_positions(), 4, "fail", "exposure-above-limit", "ratio"),
        (with_rare_losses(), 4, "fail", "rare-losses-above-limit", "probability"),
        (
            paired(2 * better().arms["champion"].net, better().arms["champion"].net),
            4,
            "fail",
            "shortfall-above-limit",
            "ratio",
        ),
        (paired(np.zeros(9), np.zeros(9)), 4, "insufficient", "n-below-1500", "ratio"),
    ],
)
def test_gate_says_what_it_hangs_on(
    given: PairedArms, gate: int, status: str, reason: str, unit: str
) -> None:
    found = gate_figures(evaluated(given))

    assert (found[gate].status, found[gate].reason, found[gate].unit) == (status, reason, unit)
    for one in found:
        assert_fits_a_row(one)


def test_few_differing_blocks_are_the_n_that_was_too_small() -> None:
    base = better().arms["champion"].net
    lucky = base.copy()
    lucky[::300] += 50.0

    found = figure(evaluated(paired(lucky, base)), "gate_edge_over_champion")

    assert (found.status, found.n, found.reason) == ("insufficient", 10, "n-below-30")


def test_trials_beyond_resolution_are_insufficient() -> None:
    found = figure(evaluated(better(), trials=10**6), "gate_edge_over_no_op")

    assert (found.status, found.reason) == ("insufficient", "trials-beyond-resolution")


def test_what_was_not_done_fails() -> None:
    bare = replace(
        evaluated(better()),
        contamination=judge_contamination(None, (), cuts_min=30),
        reproduction=None,
        budget_gap=None,
    )

    reasons = {one.id: one.reason for one in gate_figures(bare) if one.status == "fail"}
    assert reasons == {
        "gate_contamination": "not-checked",
        "gate_reproducibility": "not-run-twice",
        "gate_equal_budget": "budgets-not-known",
    }


def test_what_went_wrong_fails() -> None:
    given = better()
    found = replace(
        evaluated(given),
        reproduction=reproduce(given, worse_in_a_regime()),
        budget_gap=0.5,
    )

    assert figure(found, "gate_reproducibility").value == 1.0
    assert figure(found, "gate_equal_budget").reason == "budgets-differ"
    for one in gate_figures(found):
        assert_fits_a_row(one)


def card(found: Evaluation) -> EvaluationCard:
    """Return the card of an evaluation of some run."""
    reproduction = found.reproduction
    assert reproduction is not None
    window = Window(first_ns=0, last_ns=10**15, horizon_ns=10**12)
    return evaluation_card(
        found,
        CardFacts(
            run_id="run-1",
            candidate_id="fx-trend",
            windows=split_window(window, quick_policy().split),
            signals=STEPS + 5,
            arms=tuple(reproduction.digests[name] for name in ARMS),
        ),
    )


def test_card_holds_the_judgement_and_fits_its_published_schema() -> None:
    found = evaluated(better())
    made = card(found)

    assert (made.verdict, made.trials, made.decisions) == ("promote", 1, STEPS)
    assert made.policy == message_digest(quick_policy())
    schema = json.loads(published_texts()["artifacts/evaluation-card.v1.json"])
    jsonschema.validate(json.loads(canonical_bytes(made.model_dump(mode="json"))), schema)


def test_card_reads_back_as_it_was() -> None:
    made = card(evaluated(paired(np.zeros(9), np.zeros(9))))

    body = canonical_bytes(made.model_dump(mode="json"))
    assert EvaluationCard.model_validate_json(body) == made
