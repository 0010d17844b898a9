"""The judgement of a run, computed again from its figures by blocks: every draw of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from torghut.evals.figures import GateFigure, judgement_figures
from torghut.evals.judging import FixedSampleJudge, Judgement, draws_of, judge_figures
from torghut.schemas.reviewing.paired import LOSSES_MAX, PairedBlocks
from torghut.schemas.rollout.evaluation import EvaluationCard
from torghut.schemas.rollout.gates import GateRow
from torghut.schemas.rollout.lane import LaneInputs
from torghut.schemas.types import message_digest
from torghut.workflows.lane.gates import count_figures, recommended
from torghut.workflows.reviewing.again.values import Derived, row_text
from torghut.workflows.reviewing.material import Material

_TRIALS_MAX: Final = 1_000_000
"""More trials than that were never made: they would have taken a year of draws to count."""

_DRAWS_MAX: Final = 200_000
"""Twice the most that the shipped policy allows: no reader of somebody's file waits for more."""

_STEPS_MAX: Final = 100_000_000

_EDGE_SHOWN: Final = ("finding", "mean", "lower", "upper", "p_better", "detectable_edge")
_REGIME_SHOWN: Final = ("n", "mean", "lower", "upper", "worse")
_TAIL_SHOWN: Final = (
    "status",
    "ratio_upper",
    "candidate_shortfall",
    "rare_losses",
    "rare_probability",
)


def judgement_again(material: Material, derived: Derived) -> None:
    """Derive the evaluation card and the gates of the evaluation from the paired blocks."""
    card, blocks = material.only(EvaluationCard), material.only(PairedBlocks)
    if card is None or blocks is None:
        derived.leave("the judgement", "no evaluation card with paired blocks is cited intact")
        return
    _card_gates(material, card, derived)
    if card.judge != FixedSampleJudge.name:
        derived.leave("the judgement", f"judge {card.judge} is not known here")
        return
    _policy_again(material, card, blocks, derived)
    fault = _unfit(card, blocks)
    if fault:
        derived.add("paired blocks", "figures of a test", fault)
        return
    if draws_of(blocks.policy, card.trials) > _DRAWS_MAX:
        derived.leave("the judgement", f"it takes more than {_DRAWS_MAX:,} draws")
        return
    judged = _judged(card, blocks)
    if judged is None:
        derived.add("paired blocks", "figures of a test", "numbers that nothing follows from")
        return
    _card_again(card, judged, derived)
    _gates_again(material, [*_counts(card, blocks), *judgement_figures(judged)], derived)


def _judged(card: EvaluationCard, blocks: PairedBlocks) -> Judgement | None:
    """Return the judgement of figures; None where they lead to none, as numbers near the end do."""
    try:
        with np.errstate(all="ignore"):
            return judge_figures(blocks.figures, blocks.policy, trials=card.trials, seed=card.seed)
    except (ArithmeticError, ValueError):
        return None


def _unfit(card: EvaluationCard, blocks: PairedBlocks) -> str:
    """Return why figures are none that a judge could be given; empty where they are."""
    figures, count = blocks.figures, len(blocks.figures.counts)
    series = [
        *(one.sums for one in figures.differences),
        *(one.sums for one in figures.regimes),
        *(one.counts for one in figures.regimes),
        figures.candidate.sums,
        figures.champion.sums,
    ]
    if any(len(one) != count for one in series):
        return "series of different lengths"
    if not figures.regimes or not 1 <= figures.steps <= _STEPS_MAX:
        return "no steps, or no regime"
    declared = blocks.policy.blocks
    if count > declared.blocks_max + 1 or not 1 <= card.trials <= _TRIALS_MAX:
        return "more blocks or trials than there can be"
    return ""


def _policy_again(
    material: Material, card: EvaluationCard, blocks: PairedBlocks, derived: Derived
) -> None:
    """Derive which policy judged."""
    digest = message_digest(blocks.policy)
    derived.add("evaluation policy of the card", card.policy, digest)
    inputs = material.only(LaneInputs)
    if inputs is not None:
        derived.add(
            "evaluation policy of the inputs", inputs.policies.get(blocks.policy.kind), digest
        )


def _card_again(card: EvaluationCard, judged: Judgement, derived: Derived) -> None:
    """Derive every figure of the card that the judge computed."""
    derived.add("steps", card.decisions, judged.n)
    derived.add("draws", card.resamples, judged.resamples)
    derived.add("baselines", _names(card.differences), _names(judged.differences))
    for one, two in zip(card.differences, judged.differences, strict=False):
        derived.compare(f"edge over {one.baseline}", one, two, _EDGE_SHOWN)
    derived.add("regimes", len(card.regimes), len(judged.regimes))
    for regime, other in zip(card.regimes, judged.regimes, strict=False):
        derived.compare(f"edge in regime {regime.name}", regime, other, _REGIME_SHOWN)
    derived.compare("tail", card.tail, judged.tail, _TAIL_SHOWN)
    if card.tail.rare_losses >= LOSSES_MAX:
        derived.leave("rare losses beyond the largest", "only so many are kept")
    derived.add("verdict of the judge", card.verdict, judged.verdict)
    derived.add("reason of the judge", card.reason, judged.reason)


def _names(differences: Sequence[object]) -> str:
    """Return the baselines that were compared with."""
    return ", ".join(str(getattr(one, "baseline", "?")) for one in differences)


def _counts(card: EvaluationCard, blocks: PairedBlocks) -> Sequence[GateFigure]:
    """Return the counts of the evaluation."""
    return count_figures(blocks.policy, signals=card.signals, decisions=blocks.figures.steps)


def _gates_again(material: Material, figures: Sequence[GateFigure], derived: Derived) -> None:
    """Derive the rows of gate evaluation."""
    rows = {row.id: row for row in material.document.phases[0].slo_gates}
    for figure in figures:
        row = rows.get(figure.id)
        recorded = "no such gate" if row is None else row_text(row)
        derived.add(figure.id, recorded, row_text(figure_row(figure)))


def figure_row(figure: GateFigure) -> GateRow:
    """Return a figure as a row that cites nothing."""
    return GateRow(
        id=figure.id,
        status=figure.status,
        value=None if figure.value is None else figure.value + 0.0,
        comparator=figure.comparator,
        threshold=figure.threshold,
        unit=figure.unit,
        n=figure.n,
        reason=figure.reason,
        evidence=(),
    )


def _card_gates(material: Material, card: EvaluationCard, derived: Derived) -> None:
    """Derive from the card what stands there in words only."""
    first = material.document.phases[0]
    rows = {row.id: row for row in first.slo_gates}
    for gate, passed in (
        ("gate_contamination", card.contamination == "clean"),
        ("gate_reproducibility", card.reproducible is True),
    ):
        if gate in rows:
            derived.add(gate, rows[gate].status, "pass" if passed else "fail")
    verdict = recommended(card.verdict, card.contamination, reproducible=card.reproducible is True)
    derived.add("recommendation", first.observations.get("verdict"), verdict)
