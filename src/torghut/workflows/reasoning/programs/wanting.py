"""What hindsight wants of answers: the metric and the feedback that optimisers learn by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torghut.reasoning.verdict import Committee, judge
from torghut.schemas.reasoning.context import AdviceContext
from torghut.workflows.reasoning.programs.learning import Example

Metric = Callable[[AdviceContext, Committee], bool]
"""Says whether a committee's answers to a context are those that were wanted."""

Feedback = Callable[[AdviceContext], str]
"""Says in words what should have been answered to a context, and why."""


def metric_of(examples: Sequence[Example], confidence_min: float) -> Metric:
    """Return what says whether answers to examples come to what hindsight says.

    Args:
        examples: That are asked, and no others.
        confidence_min: Of advice that counts.
    """
    by_question = {one.shown.model_dump_json(): one for one in examples}

    def metric(shown: AdviceContext, committee: Committee) -> bool:
        judged = judge(committee, shown, confidence_min=confidence_min)
        return by_question[shown.model_dump_json()].agrees(judged.resolution)

    return metric


def feedback_of(examples: Sequence[Example]) -> Feedback:
    """Return what says of examples what they came to."""
    by_question = {one.shown.model_dump_json(): one for one in examples}

    def feedback(shown: AdviceContext) -> str:
        one = by_question[shown.model_dump_json()]
        wanted = "let stand" if one.good else "vetoed"
        came_to = f"{one.worth_bps:+.1f} bps"
        return f"Raising as proposed came to {came_to} after costs: it was to be {wanted}."

    return feedback
