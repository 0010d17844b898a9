"""One cycle of governance, in the order of the rollout contract.

Signals, then the lane or the reason for having none, then drift, then the safety controls, then the
allotter, and only then the last word on each run that is governed, and the note. Whatever a step
cannot find out is an answer that fails closed. A process that dies in a cycle leaves it open, and
its successor ends it first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from torghut.governance.cycles.cycle import (
    BeginCycle,
    CycleState,
    EndCycle,
    SeePortfolio,
    drawdown_of,
)
from torghut.governance.cycles.errors import CycleTimeError
from torghut.governance.safety.continuity import ContinuityState, ObserveCycle
from torghut.kernel.times import instant
from torghut.schemas.governing.latch import SafetyReadings
from torghut.schemas.publish import stated_type
from torghut.schemas.scheduling.cycles import CycleBegan
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import CYCLE_RECORD, SIGNALS, STOP_LATCH
from torghut.workflows.scheduling.governor import Governor, Turn
from torghut.workflows.scheduling.noting import find_note, write_note
from torghut.workflows.scheduling.ports import LaneEnded, Observed, Since
from torghut.workflows.scheduling.steps.allotments import allot
from torghut.workflows.scheduling.steps.canary import watch_canary
from torghut.workflows.scheduling.steps.drifting import DriftSeen, look_for_drift
from torghut.workflows.scheduling.steps.evidence import (
    EvidenceState,
    altered_own,
    evidence_state,
)
from torghut.workflows.scheduling.steps.exposure import hold_router, review_exposure
from torghut.workflows.scheduling.steps.manifests import (
    Published,
    publish_spoken,
    say_last_word,
)
from torghut.workflows.scheduling.steps.rolling_back import RolledBack, Seen, roll_back
from torghut.workflows.scheduling.steps.safety import (
    SafetySeen,
    evaluate_latch,
    keep_evidence,
    release_fault,
    uncounted_lane,
)
from torghut.workflows.scheduling.steps.subjects import (
    RunSubject,
    Subjects,
    find_subjects,
    is_owed,
)
from torghut.workflows.scheduling.telling import (
    Findings,
    interrupted_note,
    named,
    note_of,
    outcome_of,
)

_BEGAN: Final = stated_type(CycleBegan)

_BACK_MAX_NS: Final = 300_000_000_000
"""A clock that was set back by less is waited out, at the time of the last cycle."""


async def run_cycle(governor: Governor, *, epoch: int, holder: str, now_ns: int) -> IterationNote:
    """Run the next cycle and return its note, as it was written.

    Args:
        governor: What it works with.
        epoch: Of the lease that everything is written under.
        holder: Of the lease.
        now_ns: Receive clock.

    Raises:
        CycleTimeError: The last cycle on record is far ahead of ``now_ns``.
        TorghutError: Governance's log or the artifact root cannot be read or written.
    """
    _check_time(await governor.governance.state(CYCLE_RECORD), now_ns)
    await end_interrupted(governor, now_ns=now_ns)
    state = await governor.governance.state(CYCLE_RECORD)
    turn = Turn(
        cycle=state.number + 1, epoch=epoch, holder=holder, now_ns=max(now_ns, state.time_ns)
    )
    begin = BeginCycle(
        cycle=turn.cycle,
        epoch=epoch,
        holder=holder,
        policies=governor.policies.digest,
        at_ns=turn.now_ns,
    )
    await governor.governance.run(CYCLE_RECORD, begin)
    findings = await _work(governor, turn)
    return await _end(governor, turn, findings)


def _check_time(state: CycleState, now_ns: int) -> None:
    """Check that a cycle would not run at a time that is long over, or was never there.

    Raises:
        CycleTimeError: It would.
    """
    if state.time_ns - now_ns > _BACK_MAX_NS:
        raise CycleTimeError(
            expected=f"a time after the last cycle's, {instant(state.time_ns)}", found_ns=now_ns
        )


async def end_interrupted(governor: Governor, *, now_ns: int) -> None:
    """End a cycle whose process died in it: as its note says, else by a note that says so.

    Its word on a run may be on record and in no file yet, and this cycle's may be on another run.
    """
    open_ = (await governor.governance.state(CYCLE_RECORD)).open
    if open_ is None:
        return
    await publish_spoken(governor, await governor.governance.last_position(CYCLE_RECORD, _BEGAN))
    found = find_note(governor.store, cycle=open_.cycle, epoch=open_.epoch)
    if found is None:
        found = write_note(governor.store, interrupted_note(open_))
    written, evidence = found
    command = EndCycle(
        cycle=open_.cycle,
        outcome=written.outcome,
        reason=written.reason,
        note=evidence,
        at_ns=now_ns,
    )
    await governor.governance.run(CYCLE_RECORD, command)


async def _work(governor: Governor, turn: Turn) -> Findings:
    """Do everything that a cycle does but its note."""
    observed = await _observe(governor, turn)
    continuity = await _count_signals(governor, turn, observed)
    at_work = await _run_lane(governor, turn, observed)
    subjects = await find_subjects(governor)
    lane = await uncounted_lane(governor)
    drift = await look_for_drift(governor, turn, observed, subjects)
    safety = await _control_safety(governor, turn, observed, lane, subjects)
    latch, remarks = safety.latch, safety.remarks
    for run in subjects.held:
        told = await watch_canary(governor, turn, run)
        remarks = (*remarks, *(named(run, line, subjects) for line in told))
    seen = Seen(latch=latch, observed=observed, drift=drift)
    rolled_back = await roll_back(governor, turn, subjects, seen)
    remarks = (*remarks, *await hold_router(governor, observed))
    counts = next((one.run for one in rolled_back if one.unproven), subjects.current)
    exposure = await review_exposure(governor, turn, observed, counts)
    remarks = (*remarks, *exposure, *await allot(governor, turn, observed))
    published = await _publish(governor, turn, subjects, drift, rolled_back)
    for one in published.values():
        remarks = (*remarks, *one.remarks)
    return Findings(
        observed=observed,
        continuity=continuity,
        at_work=at_work,
        lane=lane,
        drift=drift,
        latch=latch,
        stop_evidence=keep_evidence(governor, latch),
        subjects=subjects,
        rolled_back=rolled_back,
        published=published,
        remarks=remarks,
    )


async def _observe(governor: Governor, turn: Turn) -> Observed:
    """Look at what the loop did since the last look, and put its worth on record."""
    state = await governor.governance.state(CYCLE_RECORD)
    seen = state.portfolio
    since = Since() if seen is None else Since(block=seen.last_block, at_ns=seen.at_ns)
    observed = await governor.view.look(since, now_ns=turn.now_ns)
    if observed.last_block < since.block:
        return observed  # out of reach: what was seen before stays what was seen
    latch = await governor.governance.state(STOP_LATCH)
    released = latch.released
    answered_for = released is not None and "drawdown" in released.triggers
    answered_for = answered_for and not await release_fault(governor, latch)
    command = SeePortfolio(
        cycle=turn.cycle,
        equity=sum(one.equity for one in observed.symbols.values()),
        capital=float(sum(one.allotment for one in observed.symbols.values())),
        last_block=observed.last_block,
        reset_ns=released.at_ns if released is not None and answered_for else 0,
        at_ns=turn.now_ns,
    )
    await governor.governance.run(CYCLE_RECORD, command)
    return observed


async def _count_signals(governor: Governor, turn: Turn, observed: Observed) -> ContinuityState:
    """Put on record whether there were signals, and if not, why."""
    last = (await governor.governance.state(SIGNALS)).last
    command = ObserveCycle(
        cycle=1 if last is None else last.cycle + 1,
        at_ns=turn.now_ns,
        session=observed.session,
        signals=observed.signals,
        reason=observed.no_signal,
        policy=governor.policies.safety.continuity,
    )
    await governor.governance.run(SIGNALS, command)
    return await governor.governance.state(SIGNALS)


async def _run_lane(governor: Governor, turn: Turn, observed: Observed) -> bool:
    """Let the lane go on, started where there are signals; say whether it is at work still."""
    return await governor.lane.run(
        epoch=turn.epoch, holder=turn.holder, starts=observed.no_signal is None
    )


async def _control_safety(
    governor: Governor,
    turn: Turn,
    observed: Observed,
    lane: LaneEnded | None,
    subjects: Subjects,
) -> SafetySeen:
    """Evaluate the stop latch on what the cycle saw."""
    if await altered_own(governor, subjects.all):
        evidence: EvidenceState = "corrupt"
    else:
        evidence = await evidence_state(governor, turn, observed, tuple(subjects.serving))
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
    return await evaluate_latch(governor, turn, readings)


async def _publish(
    governor: Governor,
    turn: Turn,
    subjects: Subjects,
    drift: DriftSeen,
    rolled_back: Sequence[RolledBack],
) -> Mapping[RunSubject, Published]:
    """Say the last word on each run that is governed, after the safety controls have spoken.

    The current one comes last. A rollback that is done with is not owed any more once its run says
    what came of it.
    """
    published: dict[RunSubject, Published] = {}
    for one in sorted(rolled_back, key=lambda one: one.run == subjects.current):
        published[one.run] = await say_last_word(
            governor,
            turn,
            one.run,
            drift=drift.status,
            rollback=one.facts,
            current=one.run == subjects.current,
        )
        if governor.owed is not None and not await is_owed(governor, one.run.key):
            governor.owed.discard(one.run.key)
    return published


async def _end(governor: Governor, turn: Turn, findings: Findings) -> IterationNote:
    """Write the note of a cycle, and end it."""
    outcome, reason = outcome_of(findings)
    note, evidence = write_note(governor.store, note_of(turn, findings))
    command = EndCycle(
        cycle=turn.cycle, outcome=outcome, reason=reason, note=evidence, at_ns=turn.now_ns
    )
    await governor.governance.run(CYCLE_RECORD, command)
    return note
