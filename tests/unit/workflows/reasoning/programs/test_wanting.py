"""Optimisers learn what hindsight says, in numbers and in words."""

from __future__ import annotations

from typing import Final, get_args

import pytest

from torghut.reasoning.verdict import Committee
from torghut.schemas.control import ResolutionName
from torghut.schemas.reasoning.context import AdviceContext, Fact
from torghut.schemas.reasoning.steps import (
    AdviceAnswer,
    CounterAnswer,
    RiskAnswer,
    SignalAnswer,
    Verdict,
)
from torghut.workflows.reasoning.programs.learning import Example
from torghut.workflows.reasoning.programs.wanting import feedback_of, metric_of

CITED: Final = ("blend:score",)


def example(worth_bps: float) -> Example:
    """Return a question and what raising was worth."""
    shown = AdviceContext(
        symbol="fxcm:EURUSD",
        event_ns=1,
        triggers=(),
        facts=(Fact(id=CITED[0], value=worth_bps, unit="score"),),
        passages=(),
    )
    return Example(context_id="a context", shown=shown, at_ns=1, worth_bps=worth_bps)


def committee(verdict: Verdict, *, cited: tuple[str, ...] = CITED) -> Committee:
    """Return answers that come to a verdict."""
    return Committee(
        signal=SignalAnswer(stance="long", strength=0.5, summary="none", citations=cited),
        counter=CounterAnswer(objection="none", severity=0.0, citations=cited),
        risk=RiskAnswer(
            veto=False, exposure_factor=1.0, flags=(), rationale="none", citations=cited
        ),
        advice=AdviceAnswer(
            verdict=verdict,
            factor=0.5 if verdict == "adjust" else None,
            confidence=0.9,
            rationale="none",
            risk_flags=(),
            abstain_reason="in doubt" if verdict == "defer" else None,
            citations=cited,
        ),
    )


PAYS, LOSES = example(3.0), example(-3.0)
METRIC: Final = metric_of([PAYS, LOSES], 0.5)


@pytest.mark.parametrize("verdict", ["approve", "adjust"])
def test_what_pays_is_to_be_let_stand(verdict: Verdict) -> None:
    assert METRIC(PAYS.shown, committee(verdict))
    assert not METRIC(LOSES.shown, committee(verdict))


@pytest.mark.parametrize("verdict", ["veto", "defer"])
def test_what_loses_is_to_be_kept_from_being_raised(verdict: Verdict) -> None:
    assert METRIC(LOSES.shown, committee(verdict))
    assert not METRIC(PAYS.shown, committee(verdict))


@pytest.mark.parametrize("one", [PAYS, LOSES], ids=["pays", "loses"])
def test_answer_that_makes_up_its_source_is_never_wanted(one: Example) -> None:
    for verdict in get_args(Verdict):
        assert not METRIC(one.shown, committee(verdict, cited=("news:made-up",)))


def test_hindsight_agrees_with_verdicts_alone() -> None:
    agreed = {one: PAYS.agrees(one) or LOSES.agrees(one) for one in get_args(ResolutionName)}

    assert {one for one, yes in agreed.items() if yes} == set(get_args(Verdict))


def test_feedback_says_what_it_came_to_and_what_was_wanted() -> None:
    feedback = feedback_of([PAYS, LOSES])

    assert feedback(PAYS.shown) == (
        "Raising as proposed came to +3.0 bps after costs: it was to be let stand."
    )
    assert feedback(LOSES.shown).endswith("-3.0 bps after costs: it was to be vetoed.")
