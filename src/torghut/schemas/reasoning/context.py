"""What the reasoning path is shown of a decision: an allow-list, and nothing that is not on it.

Amounts are shares of what a symbol may use, so that no account can be told from them. Every fact
and passage has an id; an answer may cite these ids and nothing else.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from torghut.schemas.reasoning.steps import Citation
from torghut.schemas.types import Message, Nanoseconds, Symbol

PASSAGES_MAX: Final = 8
PASSAGE_TEXT_MAX: Final = 1200
"""Longest text of a passage, in characters."""


def _written(value: float | str | None) -> float | str | None:
    """Return a fact's value as JSON says it, which knows one zero: no answer hangs on its sign."""
    return value + 0.0 if isinstance(value, float) else value


class Fact(Message):
    """One number or word that the kernel knew."""

    id: Citation
    value: Annotated[
        float | str | None,
        AfterValidator(_written),
        Field(description="Null: not known, or it does not apply."),
    ]
    unit: Literal["ratio", "probability", "seconds", "bps", "words", "score"]


class Passage(Message):
    """A dated piece of news or fundamentals, cleaned: data to be judged, never instructions."""

    id: Citation
    published_at_ns: Nanoseconds
    source: Annotated[str, Field(max_length=80)]
    text: Annotated[str, Field(max_length=PASSAGE_TEXT_MAX)]
    suspicions: Annotated[
        tuple[str, ...], Field(description="Why the text is not to be trusted; mostly none.")
    ]


class AdviceContext(Message):
    """Everything that is shown."""

    type: Literal["reasoning.advice-context.v1"] = "reasoning.advice-context.v1"
    symbol: Symbol
    event_ns: Annotated[Nanoseconds, Field(description="Nothing published later is shown.")]
    triggers: Annotated[tuple[str, ...], Field(description="Why advice is asked.")]
    facts: tuple[Fact, ...]
    passages: Annotated[tuple[Passage, ...], Field(max_length=PASSAGES_MAX)]

    @property
    def citable(self) -> frozenset[str]:
        """Ids that an answer may cite."""
        return frozenset([*(f.id for f in self.facts), *(p.id for p in self.passages)])
