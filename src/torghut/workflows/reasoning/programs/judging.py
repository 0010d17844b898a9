"""What a program's answers to a suite come to, under the limits that are declared.

Advice must be readable, in time, the same again, as sure as it is right, and veto what loses rather
than what pays. What too few answers could show is insufficient, which is no pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torghut.evals.figures import GateFigure, figure
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.control import ResolutionName
from torghut.schemas.declarations.rollout.programs import ProgramLimits
from torghut.schemas.rollout.gates import SHORT_OF, Comparator
from torghut.schemas.rollout.phases import GateId
from torghut.workflows.reasoning.programs.learning import VETOES, Example

Verdict = Literal["promote", "deny", "insufficient"]
"""What is recommended of a program."""

_UNANSWERED: Final = frozenset({"timed-out", "failed"})
_COUNTS: Final[frozenset[GateId]] = frozenset(
    {"slo_signal_count_minimum", "slo_decision_count_minimum"}
)
"""Gates of how much there is to judge by: one that does not pass says nothing of the program."""

_P95: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleAnswer:
    """What became of one question.

    Attributes:
        example: That was asked.
        outcome: A verdict, or why there is none.
        confidence: Of a verdict.
        elapsed_ns: It took so long.
        again: What the same question came to again; None where it was asked once.
    """

    example: Example
    outcome: ResolutionName
    confidence: float | None
    elapsed_ns: int
    again: ResolutionName | None

    @property
    def came(self) -> bool:
        """Whether an answer came, of whatever kind."""
        return self.outcome not in _UNANSWERED

    @property
    def valid(self) -> bool:
        """Whether one came that can be read."""
        return self.came and self.outcome != "invalid"

    @property
    def vetoes(self) -> bool:
        """Whether it keeps exposure from being raised as proposed."""
        return self.outcome in VETOES

    @property
    def agrees(self) -> bool:
        """Whether it is the answer of hindsight; none is not."""
        return self.example.agrees(self.outcome)


def aligned(answers: Sequence[ExampleAnswer]) -> float:
    """Return the share of questions whose answer was that of hindsight."""
    return sum(one.agrees for one in answers) / len(answers)


def program_figures(
    answers: Sequence[ExampleAnswer], limits: ProgramLimits
) -> Sequence[GateFigure]:
    """Return what every gate comes to; the two counts of the rollout's contract stand first."""
    return list(_figures(answers, limits))


def verdict_on(figures: Sequence[GateFigure]) -> tuple[Verdict, str]:
    """Return what is recommended, and the code of what decided."""
    short = [one for one in figures if one.status != "pass"]
    failed = [one for one in short if one.status == "fail" and one.id not in _COUNTS]
    if failed:
        return "deny", failed[0].reason or ""
    if short:
        return "insufficient", short[0].reason or ""
    return "promote", "every-limit-held"


def _figures(answers: Sequence[ExampleAnswer], limits: ProgramLimits) -> Iterator[GateFigure]:
    """Yield what every gate comes to."""
    came = [one for one in answers if one.came]
    valid = [one for one in came if one.valid]
    bad = [one for one in valid if not one.example.good]
    good = [one for one in valid if one.example.good]
    yield _count("slo_signal_count_minimum", len(answers), limits.questions_min)
    yield _count("slo_decision_count_minimum", len(valid), 2 * limits.each_min)
    yield _share(
        "program_schema_validity_minimum",
        (len(valid), len(came)),
        (">=", limits.schema_validity_min_ratio),
        reason="answers-unreadable",
    )
    yield _share(
        "program_unanswered_maximum",
        (len(answers) - len(valid), len(answers)),  # the fallback answers after each of these
        ("<=", limits.unanswered_max_ratio),
        reason="unanswered-often",
    )
    yield _share(
        "program_veto_alignment_minimum",
        (sum(one.vetoes for one in bad), len(bad)),
        (">=", limits.veto_alignment_min_ratio),
        least=limits.each_min,
        reason="losses-not-vetoed",
    )
    yield _share(
        "program_false_veto_maximum",
        (sum(one.vetoes for one in good), len(good)),
        ("<=", limits.false_veto_max_ratio),
        least=limits.each_min,
        reason="gains-vetoed",
    )
    again = [one for one in valid if one.again is not None and one.again not in _UNANSWERED]
    yield _share(
        "program_same_again_minimum",
        (sum(one.again == one.outcome for one in again), len(again)),
        (">=", limits.same_again_min_ratio),
        reason="differs-when-asked-again",
    )
    yield _measured(
        "program_latency_p95_maximum",
        _p95_ms(answers),
        ("<=", float(limits.latency_p95_max_ms)),
        unit="ms",
        n=len(answers),
        reason="late",
    )
    errors = [(one.confidence - one.agrees) ** 2 for one in valid if one.confidence is not None]
    yield _measured(
        "program_calibration_brier_maximum",
        sum(errors) / len(errors) if errors else None,
        ("<=", limits.calibration_brier_max),
        unit="squared-error",
        n=len(errors),
        reason="confidence-misleads",
    )


def _p95_ms(answers: Sequence[ExampleAnswer]) -> float | None:
    """Return the time within which 95 of 100 questions came to something; None without any."""
    slow = sorted(one.elapsed_ns for one in answers)
    return slow[math.ceil(_P95 * len(slow)) - 1] / NS_PER_MS if slow else None


def _count(gate: GateId, found: int, least: int) -> GateFigure:
    """Return whether there is enough of something."""
    measured: tuple[float, Comparator, float] = (float(found), ">=", float(least))
    return figure(gate, measured, unit="questions", n=found, reason=f"{SHORT_OF}{least}")


def _share(
    gate: GateId,
    found: tuple[int, int],
    wanted: tuple[Comparator, float],
    *,
    reason: str,
    least: int = 1,
) -> GateFigure:
    """Return what a share comes to: a part, out of a whole."""
    part, whole = found
    value = part / whole if whole else None
    return _measured(gate, value, wanted, unit="ratio", n=whole, reason=reason, least=least)


def _measured(  # noqa: PLR0913 - one for each column of a gate's row
    gate: GateId,
    value: float | None,
    wanted: tuple[Comparator, float],
    *,
    unit: str,
    n: int,
    reason: str,
    least: int = 1,
) -> GateFigure:
    """Return what a gate comes to; with fewer than ``least`` observations it says nothing."""
    comparator, threshold = wanted
    if value is None or n < least:
        return GateFigure(
            id=gate,
            value=value,
            comparator=comparator,
            threshold=threshold,
            unit=unit,
            n=n,
            status="insufficient",
            reason=f"{SHORT_OF}{least}",
        )
    return figure(gate, (value, comparator, threshold), unit=unit, n=n, reason=reason)
