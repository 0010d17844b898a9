"""The safety controls of a cycle, whatever becomes of the rest of it.

They follow from what the cycle saw of the loop. A cycle that breaks off before it comes to them, by
its lane, by drift, by a folder that nobody can write, or because the one before it cannot be ended,
still evaluates the stop latch, and has the loop obey it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torghut.governance.cycles.cycle import SeePortfolio, drawdown_of
from torghut.governance.cycles.errors import CycleTimeError
from torghut.governance.safety.stopping import LatchState
from torghut.schemas.governing.latch import SafetyReadings
from torghut.workflows.aggregates import CYCLE_RECORD, STOP_LATCH
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.ports import LaneEnded, Observed, Since
from torghut.workflows.scheduling.steps.evidence import (
    EvidenceState,
    altered_own,
    evidence_state,
)
from torghut.workflows.scheduling.steps.safety import (
    SafetySeen,
    enforce_latch,
    evaluate_latch,
    release_fault,
    uncounted_lane,
)
from torghut.workflows.scheduling.steps.subjects import NOBODY, Subjects


@dataclass(slots=True, kw_only=True)
class Attempt:
    """How far a cycle got with its safety controls.

    Attributes:
        evaluated: Number of the latch's last evaluation before the cycle; 0 before any.
        observed: What the cycle saw of the loop; None until it has looked.
    """

    evaluated: int
    observed: Observed | None = None


async def attempt_of(governor: Governor) -> Attempt:
    """Return a cycle that has not evaluated anything yet."""
    return Attempt(evaluated=_number(await governor.governance.state(STOP_LATCH)))


async def observe(governor: Governor, at: CycleAt, attempt: Attempt) -> Observed:
    """Look at what the loop did since the last look, and put its worth on record."""
    state = await governor.governance.state(CYCLE_RECORD)
    seen = state.portfolio
    since = Since() if seen is None else Since(block=seen.last_block, at_ns=seen.at_ns)
    observed = await governor.view.look(since, now_ns=at.now_ns)
    attempt.observed = observed
    if observed.last_block < since.block:
        return observed  # out of reach: what was seen before stays what was seen
    latch = await governor.governance.state(STOP_LATCH)
    released = latch.released
    answered_for = released is not None and "drawdown" in released.triggers
    answered_for = answered_for and not await release_fault(governor, latch)
    command = SeePortfolio(
        cycle=at.cycle,
        equity=sum(one.equity for one in observed.symbols.values()),
        capital=float(sum(one.allotment for one in observed.symbols.values())),
        last_block=observed.last_block,
        reset_ns=released.at_ns if released is not None and answered_for else 0,
        at_ns=at.now_ns,
    )
    await governor.governance.run(CYCLE_RECORD, command)
    return observed


async def control_safety(
    governor: Governor,
    at: CycleAt,
    observed: Observed,
    lane: LaneEnded | None,
    subjects: Subjects,
) -> SafetySeen:
    """Evaluate the stop latch on what the cycle saw."""
    if await altered_own(governor, subjects.all):
        evidence: EvidenceState = "corrupt"
    else:
        evidence = await evidence_state(governor, at, observed, tuple(subjects.serving))
    readings = SafetyReadings(
        mode=observed.mode,
        session=observed.session,
        lag_ms=observed.lag_ms,
        signal_age_ms=observed.signal_age_ms,
        lane="none" if lane is None else "failed" if lane.failure else "completed",
        fallback_ratio=observed.fallback_ratio,
        drawdown_ratio=drawdown_of(await governor.governance.state(CYCLE_RECORD)),
        universe=observed.universe,
        evidence=evidence,
    )
    return await evaluate_latch(governor, at, readings)


async def stay_safe(governor: Governor, at: CycleAt, attempt: Attempt, *, fault: Exception) -> None:
    """Evaluate the stop latch, unless the cycle did before it broke off, and enforce it anyway.

    A cycle at a time that cannot be has nothing to judge by: what is on record is enforced.

    Args:
        governor: What the cycle worked with.
        at: The cycle.
        attempt: How far it got.
        fault: Why it broke off.

    Raises:
        TorghutError: Governance's log cannot be read or written.
    """
    try:
        latch = await governor.governance.state(STOP_LATCH)
        if _number(latch) == attempt.evaluated and not isinstance(fault, CycleTimeError):
            await _evaluate_anyway(governor, at, attempt)
    finally:
        await enforce_latch(governor, await governor.governance.state(STOP_LATCH))


async def _evaluate_anyway(governor: Governor, at: CycleAt, attempt: Attempt) -> None:
    """Evaluate the stop latch in the cycle that is open: this one, or the one it could not end.

    Where none is, not even its beginning came on record, and neither would this.
    """
    open_ = (await governor.governance.state(CYCLE_RECORD)).open
    if open_ is None:
        return
    own = CycleAt(cycle=open_.cycle, epoch=at.epoch, holder=at.holder, now_ns=at.now_ns)
    observed = attempt.observed or await observe(governor, own, attempt)
    await control_safety(governor, own, observed, await uncounted_lane(governor), NOBODY)


def _number(latch: LatchState) -> int:
    """Return the number of a latch's last evaluation."""
    return 0 if latch.last is None else latch.last.evaluation
