"""The local specialist answers every step from the facts alone, by rules that can be read."""

from __future__ import annotations

from typing import Final

import pytest

from torghut.reasoning.specialist import answer
from torghut.reasoning.verdict import Committee, Judged, judge
from torghut.schemas.reasoning.context import AdviceContext, Fact, Passage
from torghut.schemas.reasoning.steps import (
    STEPS,
    AdviceAnswer,
    CounterAnswer,
    RiskAnswer,
    SignalAnswer,
    StepName,
)
from torghut.schemas.types import Message

PLAIN: Final[dict[str, float | None]] = {
    "blend:score": 0.5,
    "blend:disagreement": 0.2,
    "blend:confidence": 0.7,
    "regime:entropy": 0.3,
    "regime:leaving": 0.1,
    "market:spread": 1.0,
}


def context(
    facts: dict[str, float | None] | None = None, *, suspicious: tuple[str, ...] = ()
) -> AdviceContext:
    """Return a context with a clear direction, but for the facts that are said."""
    return AdviceContext(
        symbol="fxcm:EURUSD",
        event_ns=1000,
        triggers=("entropy",),
        facts=tuple(
            Fact(id=name, value=value, unit="ratio")
            for name, value in {**PLAIN, **(facts or {})}.items()
        ),
        passages=(
            Passage(id="news:good", published_at_ns=900, source="s", text="t", suspicions=()),
            *(
                Passage(id=one, published_at_ns=900, source="", text="", suspicions=("markup",))
                for one in suspicious
            ),
        ),
    )


def signal(shown: AdviceContext) -> SignalAnswer:
    """Return the specialist's signal."""
    found = answer("signal", shown)
    assert isinstance(found, SignalAnswer)
    return found


def counter(shown: AdviceContext) -> CounterAnswer:
    """Return the specialist's objection."""
    found = answer("counter", shown)
    assert isinstance(found, CounterAnswer)
    return found


def risk(shown: AdviceContext) -> RiskAnswer:
    """Return the specialist's bounds."""
    found = answer("risk", shown)
    assert isinstance(found, RiskAnswer)
    return found


def advice(shown: AdviceContext) -> AdviceAnswer:
    """Return the specialist's decision."""
    found = answer("advice", shown)
    assert isinstance(found, AdviceAnswer)
    return found


def judged(shown: AdviceContext) -> Judged:
    """Return what the specialist's four answers come to."""
    told = Committee(
        signal=signal(shown), counter=counter(shown), risk=risk(shown), advice=advice(shown)
    )
    return judge(told, shown, confidence_min=0.5)


@pytest.mark.parametrize(("step", "kind"), STEPS.items())
def test_every_step_gets_the_answer_it_asks_for(step: StepName, kind: type[Message]) -> None:
    assert type(answer(step, context())) is kind


@pytest.mark.parametrize("step", STEPS)
def test_every_answer_says_that_no_model_gave_it(step: StepName) -> None:
    assert "no model" in answer(step, context()).model_dump_json()


@pytest.mark.parametrize(
    ("score", "stance"),
    [(0.5, "long"), (-0.5, "short"), (0.05, "long"), (0.049, "flat"), (0.0, "flat")],
)
def test_signal_takes_the_direction_of_the_blend(score: float, stance: str) -> None:
    assert signal(context({"blend:score": score})).stance == stance


def test_objection_is_as_severe_as_the_worse_of_its_two_doubts() -> None:
    assert counter(context({"blend:disagreement": 0.2, "regime:leaving": 0.6})).severity == 0.6
    assert counter(context({"blend:disagreement": 0.7, "regime:leaving": 0.6})).severity == 0.7


def test_critic_allows_everything_where_nothing_is_wrong() -> None:
    found = risk(context())

    assert (found.veto, found.exposure_factor, found.flags) == (False, 1.0, ())


@pytest.mark.parametrize(
    "facts", [{"regime:leaving": 0.61}, {"regime:entropy": 0.96}, {"market:spread": 25.1}]
)
def test_critic_halves_where_one_thing_is_wrong(facts: dict[str, float | None]) -> None:
    found = risk(context(facts))

    assert (found.veto, found.exposure_factor) == (False, 0.5)


def test_critic_vetoes_where_the_regime_goes_and_nobody_knows_where_to() -> None:
    assert risk(context({"regime:leaving": 0.61, "regime:entropy": 0.96})).veto


def test_critic_names_what_is_wrong() -> None:
    found = risk(context({"regime:leaving": 0.7, "market:spread": 30.0}, suspicious=("news:x",)))

    assert found.flags == ("regime-change", "liquidity", "untrusted-text")


def test_critic_cites_the_texts_that_are_not_to_be_trusted_and_no_others() -> None:
    found = risk(context(suspicious=("news:x", "news:y")))

    assert found.citations[-2:] == ("news:x", "news:y")
    assert "news:good" not in found.citations


def test_decision_approves_a_direction_that_the_facts_bear_out() -> None:
    found = advice(context())

    assert (found.verdict, found.factor, found.confidence) == ("approve", None, 0.7)


def test_decision_halves_a_direction_that_the_experts_contradict() -> None:
    found = advice(context({"blend:disagreement": 0.6}))

    assert (found.verdict, found.factor) == ("adjust", 0.5)
    assert found.risk_flags == ("contradiction",)


def test_decision_defers_where_no_direction_stands_out() -> None:
    found = advice(context({"blend:score": 0.01}))

    assert found.verdict == "defer"
    assert found.abstain_reason


@pytest.mark.parametrize("unknown", ["regime:leaving", "regime:entropy", "market:spread"])
def test_number_that_is_not_known_counts_as_the_worst(unknown: str) -> None:
    assert risk(context({unknown: None})).exposure_factor == 0.5


def test_nothing_is_advised_where_nothing_is_known() -> None:
    nothing: dict[str, float | None] = dict.fromkeys(PLAIN)

    assert advice(context(nothing)).verdict == "defer"
    assert judged(context(nothing)).resolution == "veto"


def test_four_answers_come_to_an_approval_where_nothing_is_wrong() -> None:
    assert judged(context()) == Judged(resolution="approve", confidence=0.7)


@pytest.mark.parametrize("step", STEPS)
def test_answer_to_a_context_without_facts_cites_nothing(step: StepName) -> None:
    shown = AdviceContext(symbol="fxcm:EURUSD", event_ns=0, triggers=(), facts=(), passages=())

    assert answer(step, shown).model_dump()["citations"] == ()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_number_out_of_its_range_is_still_answered(step: StepName, value: float) -> None:
    shown = context({"blend:disagreement": value, "regime:leaving": value, "blend:score": 0.0})

    assert isinstance(answer(step, shown), STEPS[step])


def test_zero_of_either_sign_is_the_same_fact() -> None:
    below, above = context({"blend:score": -0.0}), context({"blend:score": 0.0})

    assert signal(below) == signal(above)
