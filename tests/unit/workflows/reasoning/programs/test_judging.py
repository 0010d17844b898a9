"""What answers come to: each limit alone makes the difference, and too little says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from tests.support.decisions.declared import ROOT
from tests.support.reasoning.asked import LIMITS
from torghut.evals.figures import GateFigure
from torghut.governance.declarations import parse_program_policy
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.codes import UNADVISED, Resolution
from torghut.schemas.control import ResolutionName
from torghut.schemas.declarations.rollout.programs import ProgramLimits
from torghut.schemas.reasoning.context import AdviceContext
from torghut.workflows.reasoning.probing import PROBE
from torghut.workflows.reasoning.programs.judging import (
    ExampleAnswer,
    aligned,
    program_figures,
    verdict_on,
)
from torghut.workflows.reasoning.programs.learning import Example

COUNT: Final = 200
SHOWN: Final[AdviceContext] = PROBE


def answered(
    number: int,
    outcome: ResolutionName | None = None,
    *,
    again: ResolutionName | None = None,
    confidence: float = 0.9,
    elapsed_ms: int = 100,
) -> ExampleAnswer:
    """Return what became of a question; every second one paid, and by default that was said."""
    good = number % 2 == 0
    said: ResolutionName = outcome or ("approve" if good else "veto")
    example = Example(
        context_id=f"{'cd' * 16}:fxcm:EURUSD:quote:{number}",
        shown=SHOWN,
        at_ns=number,
        worth_bps=5.0 if good else -5.0,
    )
    came = said not in {"timed-out", "failed", "invalid"}
    return ExampleAnswer(
        example=example,
        outcome=said,
        confidence=confidence if came else None,
        elapsed_ns=elapsed_ms * NS_PER_MS,
        again=again or (said if number % 5 == 0 else None),
    )


def whole(*others: ExampleAnswer) -> Sequence[ExampleAnswer]:
    """Return answers that hold every limit, but for ``others`` in the place of the first."""
    return [*others, *(answered(number) for number in range(len(others), COUNT))]


def by_id(answers: Sequence[ExampleAnswer]) -> dict[str, GateFigure]:
    """Return every gate of some answers."""
    return {one.id: one for one in program_figures(answers, LIMITS)}


def failing(answers: Sequence[ExampleAnswer]) -> set[str]:
    """Return the gates that do not pass."""
    return {name for name, one in by_id(answers).items() if one.status != "pass"}


def test_program_that_says_what_hindsight_does_holds_every_limit() -> None:
    found = program_figures(whole(), LIMITS)

    assert verdict_on(found) == ("promote", "every-limit-held")
    assert {one.status for one in found} == {"pass"}
    assert aligned(whole()) == 1.0
    assert by_id(whole())["program_calibration_brier_maximum"].value == pytest.approx(0.01)


def test_one_answer_in_two_hundred_may_be_unreadable_and_two_may_not() -> None:
    bad: list[ExampleAnswer] = [answered(number, "invalid") for number in (1, 3)]

    assert failing(whole(bad[0])) == set()
    assert failing(whole(*bad)) == {"program_schema_validity_minimum"}


def test_five_of_a_hundred_questions_may_be_unanswered_and_no_more() -> None:
    late = [answered(number, "timed-out") for number in range(5)]
    failed = [answered(number, "failed") for number in range(5, 11)]

    assert failing(whole(*late, *failed[:5])) == set()
    assert failing(whole(*late, *failed)) == {"program_unanswered_maximum"}


def test_answer_that_cannot_be_read_is_a_fallback_as_one_that_never_came() -> None:
    late = [answered(number, "timed-out") for number in range(10)]
    bad = answered(10, "invalid")

    assert "program_unanswered_maximum" not in failing(whole(*late))
    assert "program_unanswered_maximum" in failing(whole(*late, bad))
    assert by_id(whole(*late, bad))["program_unanswered_maximum"].value == 11 / COUNT
    # The service level counts the same: a question that ended without a verdict.
    assert {Resolution.INVALID.reason, Resolution.TIMED_OUT.reason} < set(UNADVISED)


def test_shipped_limits_are_those_that_were_asked_for() -> None:
    path = ROOT / "governance" / "policies" / "programs.yaml"
    limits = parse_program_policy(path.read_text(encoding="utf-8"), file=path.name).limits

    assert limits.schema_validity_min_ratio == 0.995
    assert limits.unanswered_max_ratio == 0.05


def test_what_approves_of_everything_does_not_veto_losses() -> None:
    answers = [answered(number, "approve") for number in range(COUNT)]

    assert failing(answers) == {
        "program_veto_alignment_minimum",
        "program_calibration_brier_maximum",
    }
    assert verdict_on(program_figures(answers, LIMITS)) == ("deny", "losses-not-vetoed")


def test_what_vetoes_everything_vetoes_gains() -> None:
    answers = [answered(number, "defer", confidence=0.5) for number in range(COUNT)]

    assert failing(answers) == {"program_false_veto_maximum"}
    assert verdict_on(program_figures(answers, LIMITS)) == ("deny", "gains-vetoed")


def test_another_answer_to_the_same_question_is_found() -> None:
    assert failing(whole(answered(0, "approve", again="adjust"))) == {"program_same_again_minimum"}


def test_time_counts_for_unanswered_questions_too() -> None:
    slow = [answered(number, elapsed_ms=2000) for number in range(11)]

    assert failing(whole(*slow[:10])) == set()
    assert failing(whole(*slow)) == {"program_latency_p95_maximum"}


def test_confidence_that_misleads_is_found() -> None:
    sure = [answered(number, "approve", confidence=1.0) for number in range(COUNT)]

    assert by_id(sure)["program_calibration_brier_maximum"].value == 0.5


@pytest.mark.parametrize("parity", [0, 1], ids=["nothing-lost", "nothing-paid"])
def test_market_of_one_kind_shows_nothing(parity: int) -> None:
    answers = [answered(number) for number in range(2 * COUNT) if number % 2 == parity]

    assert verdict_on(program_figures(answers, LIMITS))[0] == "insufficient"


def test_too_few_questions_show_nothing_and_a_failing_limit_still_denies() -> None:
    few = [answered(number) for number in range(LIMITS.questions_min - 1)]

    assert verdict_on(program_figures(few, LIMITS)) == ("insufficient", "n-below-20")
    assert verdict_on(program_figures([answered(0, "timed-out")], LIMITS))[0] == "deny"


def test_limits_that_tell_nothing_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="what vetoes everything"):
        ProgramLimits.model_validate({**LIMITS.model_dump(), "false_veto_max_ratio": 0.6})
