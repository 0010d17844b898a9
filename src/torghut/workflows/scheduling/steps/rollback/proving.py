"""What proves a rollback: the first decisions since, what was detected, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from torghut.governance.rollouts.evidence import Examined, examine
from torghut.governance.safety.drift_actions import EndAction
from torghut.governance.safety.errors import OutOfOrderError, RollbackNotEffectiveError
from torghut.governance.safety.rollback import (
    ConfirmDrained,
    ConfirmEffective,
    JudgeProof,
    RollbackState,
)
from torghut.schemas.governing.drift import ActionEnded
from torghut.schemas.governing.drift_evidence import (
    DriftActionRecord,
    DriftDetection,
    DriftOutcome,
)
from torghut.schemas.governing.rollback import EvidenceName
from torghut.schemas.publish import stated_type
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.workflows.aggregates import DRIFT
from torghut.workflows.drift.evidence import About, write_outcome
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.scheduling.governor import BackTo, CycleAt, Governor
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.keeping import Keeping
from torghut.workflows.scheduling.steps.subjects import RunSubject

_SCHEMAS: Final[Mapping[EvidenceName, str]] = MappingProxyType(
    {
        "drift_last_detection_path": stated_type(DriftDetection),
        "drift_last_action_path": stated_type(DriftActionRecord),
        "drift_last_outcome_path": stated_type(DriftOutcome),
    }
)


def shown_first(
    governor: Governor, run: RunSubject, state: RollbackState
) -> Mapping[EvidenceName, Examined]:
    """Return what a rollback's proof cited of drift when it was first judged, as it is now.

    What later cycles measure is no part of it: a proof that changed each minute would be none.
    """
    judged = state.judged
    if judged is None or state.triggered is None or judged.number != state.triggered.number:
        return {}
    cited = {
        name: EvidenceReference(path=one.path, sha256=one.sha256, schema=_SCHEMAS[name])
        for name, one in judged.evidence.items()
        if name in _SCHEMAS
    }
    return {
        name: examine(one, read_found(governor.store, one.path), run.subject)
        for name, one in cited.items()
    }


async def end_demand(
    governor: Governor, at: CycleAt, run: RunSubject, shown: Mapping[EvidenceName, Examined]
) -> Mapping[EvidenceName, Examined]:
    """End the demand of drift for a rollback that is done with, and return what shows that."""
    state = await governor.governance.state(run.rollback)
    action = shown.get("drift_last_action_path")
    if not state.over or state.triggered is None or state.triggered.cause != "drift":
        return {}
    command = EndAction(
        action_id=state.triggered.cause_id,
        outcome="failed" if state.drained is None else "completed",
        evidence=None,
        at_ns=at.now_ns,
    )
    events = await governor.governance.run(DRIFT, command)
    ended = next((one for one in events if isinstance(one, ActionEnded)), None)
    if ended is None or action is None:
        return {}
    about = About(run_id=run.run_id, candidate_id=run.subject.candidate_id)
    outcome = write_outcome(Keeping(store=governor.store), about, action.reference, ended)
    found = examine(outcome, read_found(governor.store, outcome.path), run.subject)
    return {"drift_last_outcome_path": found}


async def confirm(
    governor: Governor, at: CycleAt, run: RunSubject, control_id: str, target: BackTo
) -> str:
    """Confirm that a rollback is in force, or return why it cannot be said yet."""
    if target.unproven:
        return f"rollback: {target.unproven}"
    policy = governor.policies.safety.rollback
    by = await governor.view.first_deciders(
        control_id, router=target.router, count=policy.proving_decisions
    )
    triggered = (await governor.governance.state(run.rollback)).triggered
    if target.advises and triggered is not None:
        # Nobody is asked any more, whichever package decides: each decision shows it.
        by = [triggered.goes_back_to] * len(by)
    command = ConfirmEffective(by=by, at_ns=at.now_ns, policy=policy)
    try:
        await governor.governance.run(run.rollback, command)
    except RollbackNotEffectiveError as error:
        return f"rollback: {error}"
    return ""


async def drain(
    governor: Governor, at: CycleAt, run: RunSubject, state: RollbackState, observed: Observed
) -> tuple[str, ...]:
    """Note that nothing of what went can still be acted on.

    Where positions are real, that orders rest no more is for their reports to show; nobody assumes
    it here.
    """
    if state.effective is None or state.drained is not None:
        return ()
    lifetime_ns = max((one.lifetime_ns for one in observed.symbols.values()), default=0)
    if observed.mode == "live" or at.now_ns < state.effective.at_ns + lifetime_ns:
        return ()
    await governor.governance.run(run.rollback, ConfirmDrained(at_ns=at.now_ns))
    return ()


async def judge(
    governor: Governor, at: CycleAt, run: RunSubject, offered: Mapping[EvidenceName, Examined]
) -> None:
    """Put on record what the proof shows; the same as last time is on record already."""
    stream = run.rollback
    last = (await governor.governance.state(stream)).judged
    number = 1 if last is None else last.judgement
    for judgement in (number, number + 1):
        command = JudgeProof(
            run_id=run.run_id, judgement=judgement, offered=offered, at_ns=at.now_ns
        )
        try:
            await governor.governance.run(stream, command)
        except OutOfOrderError:
            continue
        return
