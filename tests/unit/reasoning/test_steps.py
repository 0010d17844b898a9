"""What each step may answer: every number is a share, every word of a closed set."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest
from pydantic import ValidationError

from torghut.schemas.reasoning.steps import CITATIONS_MAX, STEPS, AdviceAnswer, RiskAnswer
from torghut.schemas.types import Message

ADVICE: Final[dict[str, Any]] = {
    "verdict": "approve",
    "factor": None,
    "confidence": 0.5,
    "rationale": "r",
    "risk_flags": (),
    "abstain_reason": None,
    "citations": (),
}
RISK: Final[dict[str, Any]] = {
    "veto": False,
    "exposure_factor": 1.0,
    "flags": (),
    "rationale": "r",
    "citations": (),
}


def cites(*ids: str) -> AdviceAnswer:
    """Return a decision that cites."""
    return AdviceAnswer.model_validate({**ADVICE, "citations": ids})


def test_steps_are_asked_in_the_order_of_a_committee() -> None:
    assert list(STEPS) == ["signal", "counter", "risk", "advice"]


@pytest.mark.parametrize("kind", STEPS.values())
def test_no_answer_may_say_what_was_not_asked(kind: type[Message]) -> None:
    assert kind.model_json_schema()["additionalProperties"] is False


@pytest.mark.parametrize("kind", STEPS.values())
def test_every_field_of_an_answer_must_be_said(kind: type[Message]) -> None:
    schema = kind.model_json_schema()

    assert sorted(schema["required"]) == sorted(schema["properties"])


@pytest.mark.parametrize(
    ("verdict", "fields"),
    [
        ("approve", {}),
        ("veto", {}),
        ("adjust", {"factor": 0.5}),
        ("defer", {"abstain_reason": "unsure"}),
    ],
)
def test_decision_says_what_its_verdict_needs(verdict: str, fields: dict[str, object]) -> None:
    answer = AdviceAnswer.model_validate({**ADVICE, "verdict": verdict, **fields})

    assert answer.verdict == verdict


@pytest.mark.parametrize(
    ("verdict", "fields"),
    [
        ("approve", {"factor": 0.5}),
        ("veto", {"factor": 0.0}),
        ("defer", {"abstain_reason": "unsure", "factor": 0.5}),
        ("adjust", {}),
        ("adjust", {"factor": 0.5, "abstain_reason": "unsure"}),
        ("approve", {"abstain_reason": "unsure"}),
        ("defer", {}),
        ("defer", {"abstain_reason": ""}),
    ],
)
def test_decision_that_says_more_or_less_than_its_verdict_needs_is_refused(
    verdict: str, fields: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        AdviceAnswer.model_validate({**ADVICE, "verdict": verdict, **fields})


@pytest.mark.parametrize("level", [-0.1, 1.1, math.nan, math.inf, "0.5", True, None])
def test_level_is_a_number_from_nothing_to_all(level: object) -> None:
    with pytest.raises(ValidationError):
        AdviceAnswer.model_validate({**ADVICE, "confidence": level})
    with pytest.raises(ValidationError):
        RiskAnswer.model_validate({**RISK, "exposure_factor": level})


@pytest.mark.parametrize("veto", [0, 1, "false", "no", None])
def test_veto_is_a_plain_yes_or_no(veto: object) -> None:
    with pytest.raises(ValidationError):
        RiskAnswer.model_validate({**RISK, "veto": veto})


@pytest.mark.parametrize(
    "name",
    [
        "blend:score",
        "book:position.age",
        "news:2026-11-29T10:00/a@b_c",
        "gate:kill-switch",
        "note",
        "a:" + "b" * 200,
    ],
)
def test_id_of_a_fact_or_passage_may_be_cited(name: str) -> None:
    assert cites(name).citations == (name,)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ":score",
        "blend:",
        "Blend:score",
        "blend score",
        "blend:a b",
        "blend:score\n",
        "1:a",
        "blend:-a",
        "blend:\u00e9",
        "a:" + "b" * 201,
        "a" * 41,
    ],
)
def test_what_is_no_id_may_not_be_cited(name: str) -> None:
    with pytest.raises(ValidationError):
        cites(name)


def test_citations_end_somewhere() -> None:
    assert len(cites(*["a:b"] * CITATIONS_MAX).citations) == CITATIONS_MAX
    with pytest.raises(ValidationError):
        cites(*["a:b"] * (CITATIONS_MAX + 1))


def test_prose_ends_somewhere() -> None:
    with pytest.raises(ValidationError):
        AdviceAnswer.model_validate({**ADVICE, "rationale": "r" * 1201})
