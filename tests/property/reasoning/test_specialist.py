"""Whatever the kernel knew, the specialist answers, the same each time, and cites what it saw."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.kernel.canonical import canonical_bytes
from torghut.reasoning.replies import read_answer
from torghut.reasoning.specialist import answer
from torghut.schemas.reasoning.context import AdviceContext, Fact, Passage
from torghut.schemas.reasoning.steps import STEPS, RiskAnswer, StepName

SHARE: Final = st.none() | st.floats(0.0, 1.0)
FACTS: Final = st.fixed_dictionaries(
    {
        "blend:score": st.none() | st.floats(-1.0, 1.0),
        "blend:disagreement": SHARE,
        "blend:confidence": SHARE,
        "regime:entropy": SHARE,
        "regime:leaving": SHARE,
        "market:spread": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "expert:trend.score": SHARE,
    }
)
PASSAGES: Final = st.lists(
    st.builds(
        Passage,
        id=st.integers(0, 99).map("news:n{}".format),
        published_at_ns=st.just(900),
        source=st.text(max_size=20),
        text=st.text(max_size=20),
        suspicions=st.sampled_from([(), ("markup",)]),
    ),
    max_size=8,
)
CONTEXTS: Final = st.builds(
    lambda facts, passages: AdviceContext(
        symbol="fxcm:EURUSD",
        event_ns=1000,
        triggers=(),
        facts=tuple(Fact(id=name, value=value, unit="ratio") for name, value in facts.items()),
        passages=tuple(passages),
    ),
    FACTS,
    PASSAGES,
)


@pytest.mark.parametrize("step", STEPS)
@given(shown=CONTEXTS)
def test_answer_fits_its_step_as_it_is_written(step: StepName, shown: AdviceContext) -> None:
    found = answer(step, shown)

    written = canonical_bytes(found.model_dump(mode="json")).decode()
    assert read_answer(written, step, STEPS[step]) == found


@pytest.mark.parametrize("step", STEPS)
@given(shown=CONTEXTS)
def test_same_context_always_gets_the_same_answer(step: StepName, shown: AdviceContext) -> None:
    again = AdviceContext.model_validate_json(canonical_bytes(shown.model_dump(mode="json")))

    assert answer(step, again) == answer(step, shown)


@pytest.mark.parametrize("step", STEPS)
@given(shown=CONTEXTS)
def test_answer_cites_something_and_only_what_is_citable(
    step: StepName, shown: AdviceContext
) -> None:
    cited = answer(step, shown).model_dump()["citations"]

    assert cited
    assert shown.citable.issuperset(cited)


@given(CONTEXTS)
def test_text_that_is_not_to_be_trusted_never_loosens_what_the_critic_allows(
    shown: AdviceContext,
) -> None:
    without = AdviceContext.model_validate({**shown.model_dump(), "passages": ()})

    found, bare = answer("risk", shown), answer("risk", without)

    assert isinstance(found, RiskAnswer)
    assert isinstance(bare, RiskAnswer)
    assert (found.veto, found.exposure_factor) == (bare.veto, bare.exposure_factor)
