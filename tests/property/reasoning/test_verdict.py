"""Whatever a committee says: no more is left than its critic allows, and forgers decide nothing."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from torghut.reasoning.verdict import Committee, Judged, judge
from torghut.schemas.reasoning.context import AdviceContext, Fact
from torghut.schemas.reasoning.steps import (
    AdviceAnswer,
    Citation,
    CounterAnswer,
    RiskAnswer,
    SignalAnswer,
)

IDS: Final = ("blend:score", "regime:entropy", "market:spread")
SHOWN: Final = AdviceContext(
    symbol="fxcm:EURUSD",
    event_ns=1000,
    triggers=(),
    facts=tuple(Fact(id=one, value=0.5, unit="ratio") for one in IDS),
    passages=(),
)
LEVELS: Final = st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.5, 1.0])
HONEST: Final = st.lists(st.sampled_from(IDS), max_size=3).map(tuple)
ANY: Final = st.lists(
    st.sampled_from([*IDS, "news:n1", "blend:scores", "blend", "note:x"]), max_size=4
).map(tuple)


def decisions(
    citations: st.SearchStrategy[tuple[Citation, ...]],
) -> st.SearchStrategy[AdviceAnswer]:
    """Return decisions of every kind that fit their verdicts."""
    return st.builds(
        lambda verdict, factor, confidence, cited: AdviceAnswer(
            verdict=verdict,
            factor=factor if verdict == "adjust" else None,
            confidence=confidence,
            rationale="r",
            risk_flags=(),
            abstain_reason="unsure" if verdict == "defer" else None,
            citations=cited,
        ),
        st.sampled_from(["approve", "adjust", "defer", "veto"]),
        LEVELS,
        LEVELS,
        citations,
    )


def committees(
    citations: st.SearchStrategy[tuple[Citation, ...]],
) -> st.SearchStrategy[Committee]:
    """Return committees whose answers cite what ``citations`` gives."""
    return st.builds(
        Committee,
        signal=st.builds(
            SignalAnswer,
            stance=st.sampled_from(["long", "short", "flat"]),
            strength=LEVELS,
            summary=st.just("s"),
            citations=citations,
        ),
        counter=st.builds(
            CounterAnswer, objection=st.just("o"), severity=LEVELS, citations=citations
        ),
        risk=st.builds(
            RiskAnswer,
            veto=st.booleans(),
            exposure_factor=LEVELS,
            flags=st.just(()),
            rationale=st.just("r"),
            citations=citations,
        ),
        advice=decisions(citations),
    )


def share(found: Judged) -> float:
    """Return how much of the target that raises exposure is left."""
    if found.resolution == "adjust":
        assert found.factor is not None
        return found.factor
    return 1.0 if found.resolution == "approve" else 0.0


def cited(told: Committee) -> set[str]:
    """Return everything that a committee cites."""
    answers = (told.signal, told.counter, told.risk, told.advice)
    return {one for answer in answers for one in answer.citations}


@given(committees(HONEST) | committees(ANY), LEVELS)
def test_no_more_is_left_than_critic_and_decision_allow(told: Committee, least: float) -> None:
    left = share(judge(told, SHOWN, confidence_min=least))

    assert left <= told.risk.exposure_factor
    assert told.advice.factor is None or left <= told.advice.factor


@given(committees(HONEST) | committees(ANY), LEVELS)
def test_committee_that_forges_a_citation_is_invalid_and_no_other_is_called_so(
    told: Committee, least: float
) -> None:
    found = judge(told, SHOWN, confidence_min=least)

    forged = not cited(told) <= set(IDS)
    assert (found.fault == "reasoning.citation-forged") == forged
    assert not forged or found.resolution == "invalid"


@given(committees(HONEST), LEVELS)
def test_veto_stands_whatever_else_is_said(told: Committee, least: float) -> None:
    found = judge(told, SHOWN, confidence_min=least)

    vetoed = told.risk.veto or told.advice.verdict == "veto"
    undecided = told.advice.verdict == "defer" or told.advice.confidence < least
    vetoed |= undecided and told.risk.exposure_factor == 0.0
    assert (found.resolution == "veto") == (vetoed and bool(told.advice.citations))


@given(committees(HONEST) | committees(ANY), LEVELS)
def test_nothing_is_left_of_what_is_not_sure_enough(told: Committee, least: float) -> None:
    found = judge(told, SHOWN, confidence_min=least)

    if told.advice.confidence < least:
        assert share(found) == 0.0


@given(committees(HONEST) | committees(ANY), LEVELS)
def test_what_is_recorded_is_whole(told: Committee, least: float) -> None:
    found = judge(told, SHOWN, confidence_min=least)

    invalid = found.resolution == "invalid"
    assert (found.factor is not None) == (found.resolution == "adjust")
    assert (found.confidence is None) == invalid
    assert (found.fault != "") == invalid
    assert found.factor is None or 0.0 <= found.factor < 1.0
