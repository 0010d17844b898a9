"""A local specialist: the committee's four answers from the facts alone, by fixed rules.

It is no model and says so in each answer. It lets the reasoning path be lived with, shown and
tested without an endpoint anywhere: the same context always gets the same advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.steps import (
    AdviceAnswer,
    CounterAnswer,
    RiskAnswer,
    RiskFlag,
    SignalAnswer,
    StepName,
)
from torghut.schemas.types import Message

NAME: Final = "torghut-specialist-v1"
"""As which model it answers."""

_RULES: Final = "Fixed rules of the local specialist, no model:"
_FLAT: Final = 0.05
_LEAVING_MAX: Final = 0.6
_ENTROPY_MAX: Final = 0.95
_SPREAD_MAX_BPS: Final = 25.0
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The numbers that the rules look at; those that are not known count as the worst."""

    score: float
    disagreement: float
    entropy: float
    leaving: float
    spread_bps: float
    confidence: float
    suspicious: tuple[str, ...]
    citable: frozenset[str]

    def cited(self, *names: str) -> tuple[str, ...]:
        """Return which of the names may be cited."""
        return tuple(name for name in names if name in self.citable)


def answer(step: StepName, shown: AdviceContext) -> Message:
    """Return the specialist's answer to one step; it cites what of its facts was shown."""
    seen = _seen(shown)
    match step:
        case "signal":
            return _signal(seen)
        case "counter":
            return _counter(seen)
        case "risk":
            return _risk(seen)
        case "advice":
            return _advice(seen)


def _seen(shown: AdviceContext) -> _Seen:
    """Return what the rules look at."""
    numbers = {f.id: f.value for f in shown.facts if isinstance(f.value, float)}
    return _Seen(
        score=numbers.get("blend:score", 0.0),
        disagreement=_share(numbers.get("blend:disagreement", 1.0)),
        entropy=_share(numbers.get("regime:entropy", 1.0)),
        leaving=_share(numbers.get("regime:leaving", 1.0)),
        spread_bps=numbers.get("market:spread", _SPREAD_MAX_BPS + 1.0),
        confidence=_share(numbers.get("blend:confidence", 0.0)),
        suspicious=tuple(p.id for p in shown.passages if p.suspicions),
        citable=shown.citable,
    )


def _share(value: float) -> float:
    """Return a number within [0, 1]."""
    return min(1.0, max(0.0, value))


def _signal(seen: _Seen) -> SignalAnswer:
    """Take the blend's own direction."""
    stance: Mapping[bool, str] = {True: "long", False: "short"}
    flat = abs(seen.score) < _FLAT
    return SignalAnswer.model_validate(
        {
            "stance": "flat" if flat else stance[seen.score > 0.0],
            "strength": min(1.0, abs(seen.score)),
            "summary": f"{_RULES} the blended score is {seen.score:g}.",
            "citations": seen.cited("blend:score"),
        }
    )


def _counter(seen: _Seen) -> CounterAnswer:
    """Hold against it what the experts and the regime filter are unsure of."""
    severity = max(seen.disagreement, seen.leaving)
    return CounterAnswer(
        objection=f"{_RULES} the experts disagree by {seen.disagreement:g}, and the regime is left "
        f"with probability {seen.leaving:g}.",
        severity=severity,
        citations=seen.cited("blend:disagreement", "regime:leaving"),
    )


def _risk(seen: _Seen) -> RiskAnswer:
    """Veto where the regime is about to go and nobody knows where to; halve where one holds."""
    leaves, lost = seen.leaving > _LEAVING_MAX, seen.entropy > _ENTROPY_MAX
    wide = seen.spread_bps > _SPREAD_MAX_BPS
    flags: list[RiskFlag] = []
    if leaves:
        flags.append("regime-change")
    if wide:
        flags.append("liquidity")
    if seen.suspicious:
        flags.append("untrusted-text")
    return RiskAnswer(
        veto=leaves and lost,
        exposure_factor=_HALF if leaves or lost or wide else 1.0,
        flags=tuple(flags),
        rationale=f"{_RULES} entropy {seen.entropy:g}, leaving {seen.leaving:g}, spread "
        f"{seen.spread_bps:g} bps.",
        citations=seen.cited(
            "regime:entropy", "regime:leaving", "market:spread", *seen.suspicious[:4]
        ),
    )


def _advice(seen: _Seen) -> AdviceAnswer:
    """Approve a direction that the facts bear out, reduce what they half bear out, else defer."""
    cited = seen.cited("blend:score", "blend:disagreement", "blend:confidence")
    rationale = f"{_RULES} score {seen.score:g} against disagreement {seen.disagreement:g}."
    if abs(seen.score) < _FLAT:
        return AdviceAnswer(
            verdict="defer",
            factor=None,
            confidence=1.0 - seen.disagreement,
            rationale=rationale,
            risk_flags=(),
            abstain_reason="no direction stands out",
            citations=cited,
        )
    contradicted = seen.disagreement > abs(seen.score)
    return AdviceAnswer(
        verdict="adjust" if contradicted else "approve",
        factor=_HALF if contradicted else None,
        confidence=seen.confidence,
        rationale=rationale,
        risk_flags=("contradiction",) if contradicted else (),
        abstain_reason=None,
        citations=cited,
    )
