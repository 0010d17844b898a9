"""What an evaluation comes to on paper: the figures of its gates, and its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torghut.evals.contamination import Contamination
from torghut.evals.judging import Judgement, short_difference
from torghut.evals.reproducing import Reproduction
from torghut.evals.tails import EXPOSURE, RARE_LOSSES
from torghut.schemas.rollout.evaluation import (
    ARMS,
    ArmDifference,
    EvaluationCard,
    EvaluationWindows,
)
from torghut.schemas.rollout.gates import SHORT_OF, Comparator, GateStatus, compares
from torghut.schemas.rollout.phases import GateId
from torghut.schemas.types import message_digest

BPS_PER_STEP: Final = "bps/step"
_BPS: Final = 1e4
_AT_MOST: Final[Comparator] = "<="
_ABOVE: Final[Comparator] = ">"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFigure:
    """What one gate came to; with evidence it becomes a ``GateRow``.

    Attributes:
        id: Of the gate.
        value: As measured; None where it was not.
        comparator: Between value and threshold.
        threshold: In ``unit``.
        unit: Of value and threshold.
        n: What there has to be enough of: steps, blocks, cuts, arms.
        status: ``pass``, ``fail`` or ``insufficient``; a pass always compares as it says.
        reason: A code; None for a pass.
    """

    id: GateId
    value: float | None
    comparator: Comparator
    threshold: float
    unit: str
    n: int | None
    status: GateStatus
    reason: str | None


def figure(
    gate: str, measured: tuple[float, Comparator, float], *, unit: str, n: int, reason: str
) -> GateFigure:
    """Return what one gate came to.

    Args:
        gate: Its id.
        measured: The value, how it is to stand to the threshold, and that.
        unit: Of value and threshold.
        n: Observations behind the value.
        reason: A code for where it does not pass.
    """
    value, comparator, threshold = measured
    passed = compares(value, comparator, threshold)
    return GateFigure(
        id=gate,
        value=value,
        comparator=comparator,
        threshold=threshold,
        unit=unit,
        n=n,
        status="pass" if passed else "fail",
        reason=None if passed else reason,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Everything that was found about a candidate.

    Attributes:
        judgement: Of the paired arms.
        contamination: Of what was evaluated.
        reproduction: Of a second evaluation; None where there was none.
        budget_gap: From ``pairing.budget_gap``; None where budgets are not known.
    """

    judgement: Judgement
    contamination: Contamination
    reproduction: Reproduction | None
    budget_gap: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What a card says beside the findings.

    Attributes:
        run_id: Of the lane's run.
        candidate_id: Of the candidate.
        windows: How time was split.
        signals: Contexts that came in during the test, decided or not.
        arms: sha256 of each arm's steps, in the order of ``ARMS``.
    """

    run_id: str
    candidate_id: str
    windows: EvaluationWindows
    signals: int
    arms: tuple[str, ...]


def gate_figures(found: Evaluation) -> tuple[GateFigure, ...]:
    """Return the figure of every gate of an evaluation, in a fixed order."""
    judgement = found.judgement
    return (
        *judgement_figures(judgement),
        _contamination(found.contamination),
        _reproducibility(found.reproduction),
        _budget(found.budget_gap, judgement.policy.budget_tolerance_ratio),
    )


def judgement_figures(judgement: Judgement) -> tuple[GateFigure, ...]:
    """Return the figures of the gates that follow from a judgement alone."""
    return (
        *(_edge(one, judgement) for one in judgement.differences),
        _tail(judgement),
        _regimes(judgement),
    )


def evaluation_card(found: Evaluation, facts: CardFacts) -> EvaluationCard:
    """Return the card of an evaluation."""
    judgement = found.judgement
    return EvaluationCard(
        run_id=facts.run_id,
        candidate_id=facts.candidate_id,
        policy=message_digest(judgement.policy),
        windows=facts.windows,
        arms=facts.arms,
        signals=facts.signals,
        decisions=judgement.n,
        trials=judgement.trials,
        trials_correction=judgement.policy.significance.trials_correction,
        judge=judgement.judge,
        seed=judgement.seed,
        resamples=judgement.resamples,
        differences=judgement.differences,
        regimes=judgement.regimes,
        tail=judgement.tail,
        contamination=found.contamination.verdict,
        reproducible=None if found.reproduction is None else found.reproduction.identical,
        verdict=judgement.verdict,
        reason=judgement.reason,
    )


def _edge(difference: ArmDifference, judgement: Judgement) -> GateFigure:
    """Return whether the candidate is shown to be better than one baseline."""
    status, reason, n = _edge_status(difference, judgement)
    return GateFigure(
        id=f"gate_edge_over_{difference.baseline.replace('-', '_')}",
        value=None if difference.lower is None else difference.lower * _BPS,
        comparator=">",
        threshold=0.0,
        unit=BPS_PER_STEP,
        n=n,
        status=status,
        reason=reason,
    )


def _edge_status(
    difference: ArmDifference, judgement: Judgement
) -> tuple[GateStatus, str | None, int]:
    """Return status, reason, and the count that it hangs on: blocks that differ, or steps."""
    match difference.finding:
        case "better":
            return "pass", None, difference.n
        case "worse" | "not-different":
            word = "worse-than" if difference.finding == "worse" else "not-better-than"
            return "fail", f"{word}-{difference.baseline}", difference.n
        case "insufficient":
            reason = short_difference(difference, judgement.policy)
            few = reason == f"{SHORT_OF}{judgement.policy.minimums.differing_blocks}"
            return "insufficient", reason, difference.differing_blocks if few else difference.n


def _tail(judgement: Judgement) -> GateFigure:
    """Return whether the candidate's tail stays within the champion's: by the test that binds."""
    tail = judgement.tail
    value, comparator, threshold, unit = tail.ratio_upper, _AT_MOST, tail.limit_ratio, "ratio"
    if tail.reason == RARE_LOSSES:
        value, comparator, threshold, unit = (
            tail.rare_probability,
            _ABOVE,
            tail.alpha,
            "probability",
        )
    elif tail.reason == EXPOSURE:
        value = _ratio(tail.candidate_exposure, tail.champion_exposure)
    return GateFigure(
        id="gate_tail_loss",
        value=None if tail.status == "insufficient" else value,
        comparator=comparator,
        threshold=threshold,
        unit=unit,
        n=tail.n,
        status=tail.status,
        reason=tail.reason,
    )


def _ratio(own: float | None, other: float | None) -> float | None:
    """Return one exposure over the other; None where there is none to divide by."""
    return own / other if own is not None and other else None


def _regimes(judgement: Judgement) -> GateFigure:
    """Return whether every regime was seen enough, and in none the candidate is shown worse."""
    least = judgement.policy.minimums.per_regime
    fewest = min(one.n for one in judgement.regimes)
    worse = next((one for one in judgement.regimes if one.worse and one.upper is not None), None)
    if fewest >= least and worse is not None and worse.upper is not None:
        return GateFigure(
            id="gate_regime_minimum",
            value=worse.upper * _BPS,
            comparator=">=",
            threshold=-worse.margin * _BPS,
            unit=BPS_PER_STEP,
            n=worse.n,
            status="fail",
            reason=f"worse-in-regime-{worse.regime}",
        )
    return GateFigure(
        id="gate_regime_minimum",
        value=float(fewest),
        comparator=">=",
        threshold=float(least),
        unit="steps",
        n=fewest,
        status="pass" if fewest >= least else "insufficient",
        reason=None if fewest >= least else f"{SHORT_OF}{least}",
    )


def _contamination(found: Contamination) -> GateFigure:
    """Return whether nothing of what was evaluated was seen before, and that was checked."""
    return GateFigure(
        id="gate_contamination",
        value=None
        if found.verdict == "unchecked"
        else float(len(found.leaks) + len(found.overlaps)),
        comparator="==",
        threshold=0.0,
        unit="findings",
        n=found.cuts,
        status="pass" if found.verdict == "clean" else "fail",
        reason=found.reason,
    )


def _reproducibility(found: Reproduction | None) -> GateFigure:
    """Return whether a second evaluation came to the same bytes."""
    apart = None if found is None else len(found.divergences) + (not found.same_contexts)
    return GateFigure(
        id="gate_reproducibility",
        value=None if apart is None else float(apart),
        comparator="==",
        threshold=0.0,
        unit="arms",
        n=None if found is None else len(ARMS),
        status="pass" if apart == 0 else "fail",
        reason=None
        if apart == 0
        else "not-run-twice"
        if apart is None
        else "differs-when-run-twice",
    )


def _budget(gap: float | None, tolerance: float) -> GateFigure:
    """Return whether all arms had the same to work with."""
    equal = gap is not None and gap <= tolerance
    reason = "budgets-not-known" if gap is None else "budgets-differ"
    return GateFigure(
        id="gate_equal_budget",
        value=gap,
        comparator="<=",
        threshold=tolerance,
        unit="ratio",
        n=None if gap is None else len(ARMS),
        status="pass" if equal else "fail",
        reason=None if equal else reason,
    )
