"""What each step of the reasoning program answers: closed, strict, and citing only what it saw.

The committee has four steps, each one call: a signal, the case against it, the risk critic, and the
decision. The critic's veto stands whatever the decision says.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.types import Message

CITATIONS_MAX: Final = 16

Citation = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9-]{0,39}(:[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199})?$",
        description="Id of a fact or passage of the context that was given.",
    ),
]
Citations = Annotated[tuple[Citation, ...], Field(max_length=CITATIONS_MAX)]
Prose = Annotated[str, Field(min_length=1, max_length=1200)]
Level = Annotated[float, Field(ge=0, le=1, strict=True)]

RiskFlag = Literal[
    "liquidity",
    "volatility",
    "event-risk",
    "stale-information",
    "contradiction",
    "crowded",
    "regime-change",
    "untrusted-text",
    "other",
]

Verdict = Literal["approve", "adjust", "defer", "veto"]


class SignalAnswer(Message):
    """What the facts say about direction."""

    stance: Literal["long", "short", "flat"]
    strength: Level
    summary: Prose
    citations: Citations


class CounterAnswer(Message):
    """The strongest case against that."""

    objection: Prose
    severity: Level
    citations: Citations


class RiskAnswer(Message):
    """What the risk critic allows; its veto stands whatever comes after."""

    veto: Annotated[bool, Field(strict=True)]
    exposure_factor: Annotated[Level, Field(description="Of the proposed target, at most.")]
    flags: Annotated[tuple[RiskFlag, ...], Field(max_length=9)]
    rationale: Prose
    citations: Citations


class AdviceAnswer(Message):
    """The decision: approve, adjust by a factor, defer to the fallback, or veto more exposure."""

    verdict: Verdict
    factor: Annotated[Level | None, Field(description="With adjust, and with nothing else.")]
    confidence: Level
    rationale: Prose
    risk_flags: Annotated[tuple[RiskFlag, ...], Field(max_length=9)]
    abstain_reason: Annotated[
        Annotated[str, Field(min_length=1, max_length=400)] | None,
        Field(description="With defer, and with nothing else."),
    ]
    citations: Citations

    @model_validator(mode="after")
    def _fits_its_verdict(self) -> Self:
        if (self.factor is None) == (self.verdict == "adjust"):
            message = "a factor for adjust, and for nothing else"
            raise ValueError(message)
        if (self.abstain_reason is None) == (self.verdict == "defer"):
            message = "an abstain reason for defer, and for nothing else"
            raise ValueError(message)
        return self


class InstructionsAnswer(Message):
    """What somebody who reflects on a step's answers would tell it instead."""

    instructions: Annotated[str, Field(min_length=1, max_length=8000)]


StepName = Literal["signal", "counter", "risk", "advice"]

STEPS: Final[dict[StepName, type[Message]]] = {
    "signal": SignalAnswer,
    "counter": CounterAnswer,
    "risk": RiskAnswer,
    "advice": AdviceAnswer,
}
"""In the order in which they are asked."""


def steps_before(step: StepName) -> tuple[StepName, ...]:
    """Return the steps that are asked before one, whose answers it is given.

    Example:
        >>> steps_before("risk")
        ('signal', 'counter')
    """
    names = tuple(STEPS)
    return names[: names.index(step)]
