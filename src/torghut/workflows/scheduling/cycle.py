"""One cycle of governance, in the order of the rollout contract.

Signals, then the lane or the reason for having none, then drift, then the safety controls, then the
allotter, and only then the last word on each run that is governed, and the note. Whatever a step
cannot find out is an answer that fails closed. A cycle that breaks off has its safety controls all
the same. A process that dies in a cycle leaves it open, and its successor ends it first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from torghut.artifacts.signatures import fingerprint
from torghut.governance.cycles.cycle import (
    BeginCycle,
    BindGovernance,
    CycleState,
    EndCycle,
    MeanNote,
)
from torghut.governance.cycles.errors import AnotherLogError, CycleTimeError
from torghut.governance.leasing.errors import LeaseLostError, LeaseTakenError
from torghut.governance.safety.continuity import ContinuityState, ObserveCycle
from torghut.kernel.times import instant
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.publish import stated_type
from torghut.schemas.scheduling.cycles import CycleBegan
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import CYCLE_RECORD, SIGNALS
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.noting import Written, find_note, write_note
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.allotments import allot
from torghut.workflows.scheduling.steps.canary import watch_canary
from torghut.workflows.scheduling.steps.controlling import (
    Attempt,
    attempt_of,
    control_safety,
    observe,
    stay_safe,
)
from torghut.workflows.scheduling.steps.drifting import look_for_drift
from torghut.workflows.scheduling.steps.exposure import hold_reasoning, hold_router, review_exposure
from torghut.workflows.scheduling.steps.manifests import (
    Found,
    Published,
    publish_spoken,
    say_last_word,
)
from torghut.workflows.scheduling.steps.rollback.rolling_back import RolledBack, Seen, roll_back
from torghut.workflows.scheduling.steps.safety import uncounted_lane
from torghut.workflows.scheduling.steps.subjects import (
    RunSubject,
    Subjects,
    find_subjects,
    is_owed,
)
from torghut.workflows.scheduling.telling import (
    Findings,
    Numbered,
    interrupted_note,
    named,
    note_of,
    outcome_of,
)

_BEGAN: Final = stated_type(CycleBegan)

_NOT_OURS: Final = (LeaseLostError, LeaseTakenError, AnotherLogError)
"""Somebody else governs, and keeps the loop safe; or the loop is none that is governed here."""

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
        AnotherLogError: It would govern another decision log than the cycles before; nothing of
            that log was looked at, and nothing was told to anybody.
        CycleTimeError: The last cycle on record is far ahead of ``now_ns``.
        TorghutError: Governance's log or the artifact root cannot be read or written.
    """
    state = await governor.governance.state(CYCLE_RECORD)
    at = CycleAt(
        cycle=state.number + 1, epoch=epoch, holder=holder, now_ns=max(now_ns, state.time_ns)
    )
    attempt = await attempt_of(governor)
    try:
        await _bind(governor, at)
        _check_time(state, now_ns)
        await end_interrupted(governor)
        begin = BeginCycle(
            cycle=at.cycle,
            epoch=epoch,
            holder=holder,
            policies=governor.policies.digest,
            at_ns=at.now_ns,
        )
        await governor.governance.run(CYCLE_RECORD, begin)
        findings = await _work(governor, at, attempt)
        return await _end(governor, at, findings)
    except _NOT_OURS:
        raise
    except Exception as fault:
        await stay_safe(governor, at, attempt, fault=fault)
        raise


async def _bind(governor: Governor, at: CycleAt) -> None:
    """Put on record which log is governed and with which key, where that is new.

    Raises:
        AnotherLogError: Another log is governed here.
    """
    signer = None if governor.key is None else fingerprint(governor.key.public_key())
    command = BindGovernance(log=await governor.view.identity(), signer=signer, at_ns=at.now_ns)
    await governor.governance.run(CYCLE_RECORD, command)


def _check_time(state: CycleState, now_ns: int) -> None:
    """Check that a cycle would not run at a time that is long over, or was never there.

    Raises:
        CycleTimeError: It would.
    """
    if state.time_ns - now_ns > _BACK_MAX_NS:
        raise CycleTimeError(
            expected=f"a time after the last cycle's, {instant(state.time_ns)}", found_ns=now_ns
        )


async def end_interrupted(governor: Governor) -> None:
    """End a cycle whose process died in it: as its note says, else by a note that says so.

    Only the note is its own that was on record before it was written: anybody can write a file.
    It ends at the time that it was at, as it would have. Its word on a run may be on record and in
    no file yet, and this cycle's may be on another run.
    """
    open_ = (await governor.governance.state(CYCLE_RECORD)).open
    if open_ is None:
        return
    await publish_spoken(governor, await governor.governance.last_position(CYCLE_RECORD, _BEGAN))
    meant = (await governor.governance.state(CYCLE_RECORD)).meant
    found = None if meant is None else find_note(governor.store, meant)
    if found is None:
        found = await _write(governor, open_.cycle, open_.at_ns, interrupted_note(open_))
    written, evidence = found
    command = EndCycle(
        cycle=open_.cycle,
        outcome=written.outcome,
        reason=written.reason,
        note=evidence,
        at_ns=open_.at_ns,
    )
    await governor.governance.run(CYCLE_RECORD, command)


async def _work(governor: Governor, at: CycleAt, attempt: Attempt) -> Findings:
    """Do everything that a cycle does but its note."""
    observed = await observe(governor, at, attempt)
    continuity = await _count_signals(governor, at, observed)
    at_work = await _run_lane(governor, at, observed)
    subjects = await find_subjects(governor)
    lane = await uncounted_lane(governor)
    drift = await look_for_drift(governor, at, observed, subjects)
    safety = await control_safety(governor, at, observed, lane, subjects)
    latch, remarks = safety.latch, (*drift.remarks, *safety.remarks)
    for run in subjects.held:
        told = await watch_canary(governor, at, run)
        remarks = (*remarks, *(named(run, line, subjects) for line in told))
    seen = Seen(latch=latch, observed=observed, drift=drift)
    rolled_back = await roll_back(governor, at, subjects, seen)
    remarks = (*remarks, *await hold_router(governor, observed))
    remarks = (*remarks, *await hold_reasoning(governor, observed))
    counts = next((one.run for one in rolled_back if one.unproven), subjects.current)
    exposure = await review_exposure(governor, at, observed, counts)
    remarks = (*remarks, *exposure, *await allot(governor, at, observed))
    published = await _publish(governor, at, seen, subjects, rolled_back)
    for one in published.values():
        remarks = (*remarks, *one.remarks)
    return Findings(
        observed=observed,
        continuity=continuity,
        at_work=at_work,
        lane=lane,
        drift=drift,
        latch=latch,
        stop_evidence=safety.evidence,
        subjects=subjects,
        rolled_back=rolled_back,
        published=published,
        remarks=remarks,
    )


async def _count_signals(governor: Governor, at: CycleAt, observed: Observed) -> ContinuityState:
    """Put on record whether there were signals, and if not, why."""
    last = (await governor.governance.state(SIGNALS)).last
    command = ObserveCycle(
        cycle=1 if last is None else last.cycle + 1,
        at_ns=at.now_ns,
        session=observed.session,
        signals=observed.signals,
        reason=observed.no_signal,
        policy=governor.policies.safety.continuity,
    )
    await governor.governance.run(SIGNALS, command)
    return await governor.governance.state(SIGNALS)


async def _run_lane(governor: Governor, at: CycleAt, observed: Observed) -> bool:
    """Let the lane go on, started where there are signals; say whether it is at work still."""
    return await governor.lane.run(
        epoch=at.epoch, holder=at.holder, starts=observed.no_signal is None
    )


async def _publish(
    governor: Governor,
    at: CycleAt,
    seen: Seen,
    subjects: Subjects,
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
            at,
            one.run,
            Found(drift=seen.drift.status, rollback=one.facts, advice=seen.observed.advice),
            current=one.run == subjects.current,
        )
        if governor.owed is not None and not await is_owed(governor, one.run.key):
            governor.owed.discard(one.run.key)
    return published


async def _end(governor: Governor, at: CycleAt, findings: Findings) -> IterationNote:
    """Write the note of a cycle, and end it."""
    outcome, reason = outcome_of(findings)
    note, evidence = await _write(governor, at.cycle, at.now_ns, note_of(at, findings))
    command = EndCycle(
        cycle=at.cycle, outcome=outcome, reason=reason, note=evidence, at_ns=at.now_ns
    )
    await governor.governance.run(CYCLE_RECORD, command)
    return note


async def _write(governor: Governor, cycle: int, at_ns: int, numbered: Numbered) -> Written:
    """Write the note of a cycle, on record before it is there."""

    async def meant(note: Evidence) -> None:
        await governor.governance.run(CYCLE_RECORD, MeanNote(cycle=cycle, note=note, at_ns=at_ns))

    return await write_note(governor.store, numbered, meant=meant)
