"""The risk critic bounds the decision, and whoever makes up a source is not listened to."""

from __future__ import annotations

from typing import Any, Final, Literal

import pytest

from torghut.reasoning.verdict import Committee, Judged, judge
from torghut.schemas.reasoning.context import AdviceContext, Fact, Passage
from torghut.schemas.reasoning.steps import AdviceAnswer, CounterAnswer, RiskAnswer, SignalAnswer

SHOWN: Final = AdviceContext(
    symbol="fxcm:EURUSD",
    event_ns=1000,
    triggers=("entropy",),
    facts=(Fact(id="blend:score", value=0.4, unit="score"),),
    passages=(
        Passage(
            id="news:n1", published_at_ns=900, source="Wire", text="Rates held.", suspicions=()
        ),
    ),
)
KNOWN: Final = ("blend:score",)
FORGED: Final = ("news:n2",)
MINIMUM: Final = 0.5

StepKind = Literal["signal", "counter", "risk", "advice"]


def committee(
    *,
    cited: dict[StepKind, tuple[str, ...]] | None = None,
    risk: dict[str, Any] | None = None,
    **advice: Any,  # noqa: ANN401 - fields of a model that checks them
) -> Committee:
    """Return a committee that approves for sure, but for what is said."""
    citations: dict[StepKind, tuple[str, ...]] = {
        "signal": KNOWN,
        "counter": KNOWN,
        "risk": KNOWN,
        "advice": KNOWN,
        **(cited or {}),
    }
    bounds = {"veto": False, "exposure_factor": 1.0, **(risk or {})}
    decision = {
        "verdict": "approve",
        "factor": None,
        "confidence": 0.9,
        "abstain_reason": None,
        **advice,
    }
    return Committee(
        signal=SignalAnswer(
            stance="long", strength=1.0, summary="s", citations=citations["signal"]
        ),
        counter=CounterAnswer(objection="o", severity=0.1, citations=citations["counter"]),
        risk=RiskAnswer.model_validate(
            {"flags": (), "rationale": "r", "citations": citations["risk"], **bounds}
        ),
        advice=AdviceAnswer.model_validate(
            {"rationale": "r", "risk_flags": (), "citations": citations["advice"], **decision}
        ),
    )


def judged(told: Committee) -> Judged:
    """Return what a committee comes to."""
    return judge(told, SHOWN, confidence_min=MINIMUM)


def test_approval_within_all_bounds_is_an_approval() -> None:
    assert judged(committee()) == Judged(resolution="approve", confidence=0.9)


def test_adjustment_keeps_its_factor() -> None:
    told = committee(verdict="adjust", factor=0.25)

    assert judged(told) == Judged(resolution="adjust", factor=0.25, confidence=0.9)


def test_critic_bounds_an_approval() -> None:
    told = committee(risk={"exposure_factor": 0.5})

    assert judged(told) == Judged(resolution="adjust", factor=0.5, confidence=0.9)


@pytest.mark.parametrize(("allowed", "wished", "expected"), [(0.3, 0.6, 0.3), (0.6, 0.3, 0.3)])
def test_smaller_factor_holds(allowed: float, wished: float, expected: float) -> None:
    told = committee(risk={"exposure_factor": allowed}, verdict="adjust", factor=wished)

    assert judged(told).factor == expected


def test_critic_that_allows_nothing_leaves_nothing() -> None:
    assert judged(committee(risk={"exposure_factor": 0.0})).factor == 0.0


def test_adjustment_by_the_whole_is_an_approval() -> None:
    assert judged(committee(verdict="adjust", factor=1.0)).resolution == "approve"


def test_veto_of_the_critic_stands_whatever_the_decision_says() -> None:
    assert judged(committee(risk={"veto": True})).resolution == "veto"


def test_veto_of_the_critic_stands_before_a_deferral() -> None:
    told = committee(risk={"veto": True}, verdict="defer", abstain_reason="unsure")

    assert judged(told).resolution == "veto"


def test_veto_of_the_decision_is_a_veto() -> None:
    assert judged(committee(verdict="veto")).resolution == "veto"


def test_veto_needs_no_confidence() -> None:
    told = committee(risk={"veto": True}, confidence=0.0)

    assert judged(told) == Judged(resolution="veto", confidence=0.0)


def test_deferral_is_a_deferral() -> None:
    told = committee(verdict="defer", abstain_reason="unsure")

    assert judged(told) == Judged(resolution="defer", confidence=0.9)


@pytest.mark.parametrize(("confidence", "expected"), [(0.49, "defer"), (0.5, "approve")])
def test_decision_that_is_not_confident_enough_defers(confidence: float, expected: str) -> None:
    assert judged(committee(confidence=confidence)).resolution == expected


@pytest.mark.parametrize("step", ["signal", "counter", "risk", "advice"])
def test_forged_citation_of_any_step_makes_all_invalid(step: StepKind) -> None:
    told = committee(cited={step: (*KNOWN, *FORGED)})

    assert judged(told) == Judged(resolution="invalid", fault="reasoning.citation-forged")


def test_forged_citation_is_invalid_before_a_veto() -> None:
    told = committee(cited={"signal": FORGED}, risk={"veto": True})

    assert judged(told).resolution == "invalid"


def test_decision_that_cites_nothing_is_invalid() -> None:
    told = committee(cited={"advice": ()})

    assert judged(told) == Judged(resolution="invalid", fault="reasoning.nothing-cited")


@pytest.mark.parametrize("step", ["signal", "counter", "risk"])
def test_other_steps_need_not_cite_anything(step: StepKind) -> None:
    assert judged(committee(cited={step: ()})).resolution == "approve"


def test_passages_may_be_cited_as_facts_may() -> None:
    assert judged(committee(cited={"advice": ("news:n1",)})).resolution == "approve"
