"""How advice stands for a run that is governed, as its manifest will say it."""

from __future__ import annotations

from torghut.governance.rollouts.rollout import RolloutState
from torghut.schemas.rollout.events import RuntimeAdvice
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.ports import AdviceSeen


async def runtime_advice(
    governor: Governor, at: CycleAt, state: RolloutState, seen: AdviceSeen | None
) -> RuntimeAdvice | None:
    """Return how advice stands; as last said where nobody could look or nothing else is so now.

    The share of unanswered questions moves with every question. It is measured where there is
    something else to say, or each cycle would have a word of its own on each run.
    """
    last = None if state.judged is None else state.judged.runtime.advice
    if seen is None or state.started is None:
        return last
    mode_at_begin = seen.mode_at(state.started.occurred_at_ns)
    now = (seen.mode, mode_at_begin, seen.deterministic_only, seen.rollback)
    if last is not None and now == _said(last):
        return last
    ratio = await governor.ladder.unanswered(now_ns=at.now_ns)
    return RuntimeAdvice(
        mode=seen.mode,
        mode_at_begin=mode_at_begin,
        deterministic_only=seen.deterministic_only,
        unanswered=ratio.status,
        unanswered_ratio=ratio.value,
        questions=ratio.samples,
        off_by=ratio.declaration,
        rollback=seen.rollback,
    )


def _said(last: RuntimeAdvice) -> tuple[object, ...]:
    """Return what of that is said again only where it is something else."""
    return last.mode, last.mode_at_begin, last.deterministic_only, last.rollback
