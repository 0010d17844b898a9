"""What is shown is a closed list of facts and passages, and their ids are what may be cited."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest
from pydantic import ValidationError

from torghut.kernel.canonical import canonical_bytes
from torghut.schemas.reasoning.context import (
    PASSAGE_TEXT_MAX,
    PASSAGES_MAX,
    AdviceContext,
    Fact,
    Passage,
)

PASSAGE: Final[dict[str, Any]] = {
    "id": "news:n1",
    "published_at_ns": 900,
    "source": "Wire",
    "text": "Rates held.",
    "suspicions": (),
}


def context(facts: tuple[Fact, ...] = (), passages: tuple[Passage, ...] = ()) -> AdviceContext:
    """Return a context, by what it shows."""
    return AdviceContext.model_validate(
        {
            "symbol": "fxcm:EURUSD",
            "event_ns": 1000,
            "triggers": ("entropy",),
            "facts": facts,
            "passages": passages,
        }
    )


def passage(**fields: object) -> Passage:
    """Return a passage, but for what is said."""
    return Passage.model_validate({**PASSAGE, **fields})


def test_facts_and_passages_may_be_cited_and_nothing_else() -> None:
    shown = context((Fact(id="blend:score", value=None, unit="score"),), (passage(),))

    assert shown.citable == {"blend:score", "news:n1"}


def test_nothing_may_be_cited_of_an_empty_context() -> None:
    assert context().citable == frozenset()


def test_context_comes_back_as_it_was_written() -> None:
    facts = (
        Fact(id="blend:score", value=1.0, unit="score"),
        Fact(id="gate:spread", value="pass", unit="words"),
        Fact(id="age:news", value=None, unit="seconds"),
    )
    shown = context(facts, (passage(suspicions=("markup",)),))

    written = canonical_bytes(shown.model_dump(mode="json"))

    assert AdviceContext.model_validate_json(written) == shown


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_is_not_finite_is_no_fact(value: float) -> None:
    with pytest.raises(ValidationError):
        Fact(id="blend:score", value=value, unit="score")


def test_text_of_digits_stays_a_text() -> None:
    assert Fact(id="note:x", value="1.5", unit="words").value == "1.5"


@pytest.mark.parametrize("name", ["equity_usd", "allotment", "account"])
def test_field_that_is_not_on_the_list_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        AdviceContext.model_validate({**context().model_dump(), name: 1.0})


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "x" * (PASSAGE_TEXT_MAX + 1)},
        {"source": "x" * 81},
        {"id": "no id"},
        {"published_at_ns": -1},
    ],
)
def test_passage_beyond_its_bounds_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        passage(**fields)


def test_no_more_passages_are_shown_than_declared() -> None:
    some = tuple(passage(id=f"news:n{at}") for at in range(PASSAGES_MAX + 1))

    assert len(context(passages=some[:-1]).passages) == PASSAGES_MAX
    with pytest.raises(ValidationError):
        context(passages=some)
