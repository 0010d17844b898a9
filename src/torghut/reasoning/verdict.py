"""What the committee's answers come to: the risk critic bounds the decision, never the other way.

An answer that cites what it was not shown is invalid as a whole: whoever makes up a source may have
made up the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.steps import AdviceAnswer, CounterAnswer, RiskAnswer, SignalAnswer

CitationFault = Literal["", "reasoning.citation-forged", "reasoning.nothing-cited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Committee:
    """The answers of the four steps."""

    signal: SignalAnswer
    counter: CounterAnswer
    risk: RiskAnswer
    advice: AdviceAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is recorded of a committee.

    Attributes:
        resolution: A verdict, or ``invalid``.
        factor: Of an adjustment.
        confidence: Of the decision; None where it is invalid.
        fault: Why it is invalid; empty if it is not.
    """

    resolution: Literal["approve", "adjust", "defer", "veto", "invalid"]
    factor: float | None = None
    confidence: float | None = None
    fault: CitationFault = ""


def judge(committee: Committee, shown: AdviceContext, *, confidence_min: float) -> Judged:
    """Return what a committee's answers come to.

    In this order: a forged citation, or a decision that cites nothing, is invalid; the critic's
    veto stands; what is not confident enough defers, or is a veto where the critic leaves nothing;
    the smaller of both factors bounds the target.

    Args:
        committee: Its answers.
        shown: What each of them was shown.
        confidence_min: Of the decision; less than that defers.
    """
    advice, risk = committee.advice, committee.risk
    answers = (committee.signal, committee.counter, risk, advice)
    if _forged((cited for one in answers for cited in one.citations), shown):
        return Judged(resolution="invalid", fault="reasoning.citation-forged")
    if not advice.citations:
        return Judged(resolution="invalid", fault="reasoning.nothing-cited")
    sure = advice.confidence
    if risk.veto or advice.verdict == "veto":
        return Judged(resolution="veto", confidence=sure)
    if advice.verdict == "defer" or sure < confidence_min:
        # The fallback may add exposure, which a critic who leaves nothing does not allow.
        nothing = risk.exposure_factor == 0.0
        return Judged(resolution="veto" if nothing else "defer", confidence=sure)
    factor = min(risk.exposure_factor, 1.0 if advice.factor is None else advice.factor)
    if factor < 1.0:
        return Judged(resolution="adjust", factor=factor, confidence=sure)
    return Judged(resolution="approve", confidence=sure)


def _forged(citations: Iterable[str], shown: AdviceContext) -> bool:
    """Return whether anything is cited that was not shown."""
    return not shown.citable.issuperset(citations)
