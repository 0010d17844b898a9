"""A cycle's rollbacks, of every run: triggered, switched, seen in force, drained, proven.

Each step is taken once its condition holds and follows from events, so it goes on where a process
died. The clock runs from detection until the first decisions by what it goes back to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torghut.governance.rollouts.evidence import Examined
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.safety.rollback import OWED, RollbackState, facts_of
from torghut.governance.safety.stopping import LatchState
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.governing.rollback import EvidenceName
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.drifting import DriftSeen, show_drift
from torghut.workflows.scheduling.steps.rollback.demanding import (
    Order,
    demand_rollbacks,
    keep_incident,
    switch_back,
    take_back,
    target_of,
)
from torghut.workflows.scheduling.steps.rollback.proving import (
    confirm,
    drain,
    end_demand,
    judge,
    shown_first,
)
from torghut.workflows.scheduling.steps.subjects import RunSubject, Subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What is known of a run's rollback after a cycle.

    Attributes:
        run: Whose it is.
        facts: For the manifest.
        evidence: The file that shows it; None where none was triggered.
        unproven: Whether it is to be, and nothing proves it yet.
        remarks: For the note.
    """

    run: RunSubject
    facts: RollbackFacts
    evidence: Evidence | None = None
    unproven: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What rollbacks go by in a cycle."""

    latch: LatchState
    observed: Observed
    drift: DriftSeen


async def roll_back(
    governor: Governor, at: CycleAt, subjects: Subjects, seen: Seen
) -> Sequence[RolledBack]:
    """Take the steps of all rollbacks that are due, and judge their proofs.

    Returns:
        Of each run that the cycle is about: those that change a package first.
    """
    runs = await demand_rollbacks(governor, at, subjects, seen.latch, seen.observed)
    leading = [run for run in runs if await _leads(governor, run, seen.observed)]
    others = [run for run in runs if run not in leading]
    first = [await _advance(governor, at, run, seen, ()) for run in leading]
    return [*first, *[await _advance(governor, at, run, seen, leading) for run in others]]


async def _leads(governor: Governor, run: RunSubject, observed: Observed) -> bool:
    """Say whether the rollback of a run changes a package, now or when it was triggered."""
    triggered = (await governor.governance.state(run.rollback)).triggered
    if triggered is None:
        return False
    return (await target_of(governor, run, observed, triggered.cause_id)).serves


async def _advance(
    governor: Governor, at: CycleAt, run: RunSubject, seen: Seen, led_by: Sequence[RunSubject]
) -> RolledBack:
    """Take the steps of a run's rollback that are due, and judge its proof."""
    stream = run.rollback
    state = await governor.governance.state(stream)
    if state.triggered is None:
        await judge(governor, at, run, {})
        return RolledBack(run=run, facts=RollbackFacts(triggered=False))
    incident = keep_incident(governor, state.triggered, run)
    shown = shown_first(governor, run, state) or show_drift(governor, at, seen.drift, run.subject)
    remarks = await _go_on(governor, at, run, seen, led_by)
    if incident.fault is not None:
        remarks = (*remarks, f"rollback: {incident.reference.path} is {incident.fault}")
    ended = await end_demand(governor, at, run, shown)
    offered: Mapping[EvidenceName, Examined] = {**shown, **ended, OWED: incident}
    await judge(governor, at, run, offered)
    state = await governor.governance.state(stream)
    reference = incident.reference
    return RolledBack(
        run=run,
        facts=facts_of(state, offered),
        evidence=Evidence(path=reference.path, sha256=reference.sha256),
        unproven=_is_unproven(state),
        remarks=remarks,
    )


def _is_unproven(state: RollbackState) -> bool:
    """Say whether a rollback that is to be has not been proven."""
    passed = state.judged is not None and state.judged.status == "pass"
    return state.superseded is None and not passed


async def _go_on(
    governor: Governor, at: CycleAt, run: RunSubject, seen: Seen, led_by: Sequence[RunSubject]
) -> tuple[str, ...]:
    """Take each step whose condition holds; return what stands in the way of the next one."""
    stream = run.rollback
    state = await governor.governance.state(stream)
    if state.triggered is None or state.drained is not None:
        return ()
    told: tuple[str, ...] = ()
    if state.superseded is None:
        told = await take_back(governor, run, state.triggered)
    target = await target_of(governor, run, seen.observed, state.triggered.cause_id)
    if state.switched is None and state.superseded is None:
        order = Order(triggered=state.triggered, target=target, latch=seen.latch, led_by=led_by)
        fault = await switch_back(governor, at, run, order)
        if fault:
            return (*told, fault)
        state = await governor.governance.state(stream)
    if state.superseded is not None:
        return (f"rollback: superseded before it switched: {state.superseded.reason}",)
    if state.switched is not None and state.effective is None:
        fault = await confirm(governor, at, run, state.switched.control_id, target)
        if fault:
            return (*told, fault)
        state = await governor.governance.state(stream)
    return (*told, *await drain(governor, at, run, state, seen.observed))
