"""A cycle's rollback of the current run: triggered, switched, seen in force, drained, proven.

Each step is taken once its condition holds and follows from events, so it goes on where a process
died. The clock runs from detection until the first decisions by what it goes back to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from torghut.governance.ledger.errors import LedgerError
from torghut.governance.rollouts.evidence import Examined, Subject, examine
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.safety.drift_actions import EndAction
from torghut.governance.safety.errors import OutOfOrderError, RollbackNotEffectiveError
from torghut.governance.safety.latch import LatchState
from torghut.governance.safety.rollback import (
    OWED,
    ConfirmDrained,
    ConfirmEffective,
    JudgeProof,
    RollbackCommand,
    RollbackState,
    SupersedeRollback,
    SwitchBack,
    TriggerRollback,
    facts_of,
)
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.schemas.control import ControlRecord, PackageChanged, StopChanged
from torghut.schemas.governing.drift import ActionEnded
from torghut.schemas.governing.drift_evidence import (
    DriftActionRecord,
    DriftDetection,
    DriftOutcome,
)
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.governing.rollback import EvidenceName, RollbackEvent, RollbackTriggered
from torghut.schemas.publish import stated_type
from torghut.schemas.rollout.evidence import RollbackIncident
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.workflows.aggregates import DRIFT, Aggregate, rollback_of
from torghut.workflows.drift.evidence import About, write_outcome
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.scheduling.governor import BackTo, Governor, Turn
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.keeping import Keeping
from torghut.workflows.scheduling.steps.safety import stop_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSubject:
    """An attempt at a run, and what evidence of it must be about."""

    run_id: str
    attempt: int
    subject: Subject

    @property
    def rollback(self) -> Aggregate[RollbackCommand, RollbackEvent, RollbackState]:
        """Its rollback's stream."""
        return rollback_of(self.run_id, self.attempt)


_SCHEMAS: Final[Mapping[EvidenceName, str]] = MappingProxyType(
    {
        "drift_last_detection_path": stated_type(DriftDetection),
        "drift_last_action_path": stated_type(DriftActionRecord),
        "drift_last_outcome_path": stated_type(DriftOutcome),
    }
)

_THROW: Final = "rollback-"
"""What the id of a throw by file begins with; people alone take it back."""

_CAUSES: Final = 40
"""Letters of a cause in a file's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What is known of the current run's rollback after a cycle.

    Attributes:
        facts: For the manifest.
        evidence: The file that shows it; None where none was triggered.
        remarks: For the note.
    """

    facts: RollbackFacts
    evidence: Evidence | None = None
    remarks: tuple[str, ...] = ()


async def advance_rollback(
    governor: Governor,
    turn: Turn,
    run: RunSubject,
    *,
    latch: LatchState,
    observed: Observed,
    drift: Mapping[EvidenceName, Examined],
) -> RolledBack:
    """Take the steps of a run's rollback that are due, and judge its proof."""
    stream = run.rollback
    trigger = await _cause(governor, turn, run, latch, observed)
    if trigger is not None:
        await governor.governance.run(stream, trigger)
    state = await governor.governance.state(stream)
    if state.triggered is None:
        await _judge(governor, turn, run, {})
        return RolledBack(facts=RollbackFacts(triggered=False))
    incident = _keep_incident(governor, state.triggered, run)
    shown = _shown_first(governor, run, state) or drift
    remarks = await _go_on(governor, turn, run, observed, latch)
    if incident.fault is not None:
        remarks = (*remarks, f"rollback: {incident.reference.path} is {incident.fault}")
    ended = await _end_demand(governor, turn, run, shown)
    offered: Mapping[EvidenceName, Examined] = {**shown, **ended, OWED: incident}
    await _judge(governor, turn, run, offered)
    state = await governor.governance.state(stream)
    reference = incident.reference
    return RolledBack(
        facts=facts_of(state, offered),
        evidence=Evidence(path=reference.path, sha256=reference.sha256),
        remarks=remarks,
    )


def _shown_first(
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


async def _end_demand(
    governor: Governor, turn: Turn, run: RunSubject, shown: Mapping[EvidenceName, Examined]
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
        at_ns=turn.now_ns,
    )
    events = await governor.governance.run(DRIFT, command)
    ended = next((one for one in events if isinstance(one, ActionEnded)), None)
    if ended is None or action is None:
        return {}
    about = About(run_id=run.run_id, candidate_id=run.subject.candidate_id)
    outcome = write_outcome(Keeping(store=governor.store), about, action.reference, ended)
    found = examine(outcome, read_found(governor.store, outcome.path), run.subject)
    return {"drift_last_outcome_path": found}


async def _cause(
    governor: Governor, turn: Turn, run: RunSubject, latch: LatchState, observed: Observed
) -> TriggerRollback | None:
    """Return why a run is to be taken back now; None where it is not."""
    if latch.incident is not None and latch.caused_by is not None:
        incident_id = latch.incident.incident_id
        return TriggerRollback(
            run_id=run.run_id,
            cause="stop-latch",
            cause_id=incident_id,
            goes_back_to=(await _target(governor, run, observed, incident_id)).package,
            detected_at_ns=latch.caused_by.at_ns,
            at_ns=turn.now_ns,
        )
    digest = await governor.clearances.digest_of(run.subject.candidate_id)
    demands = (await governor.governance.state(DRIFT)).rollbacks
    for action_id, candidate in demands:
        if candidate == digest:
            return TriggerRollback(
                run_id=run.run_id,
                cause="drift",
                cause_id=action_id,
                goes_back_to=(await _target(governor, run, observed, action_id)).package,
                detected_at_ns=turn.now_ns,
                at_ns=turn.now_ns,
            )
    return None


async def _target(governor: Governor, run: RunSubject, observed: Observed, cause: str) -> BackTo:
    """Return where the rollback of a run for ``cause`` leads."""
    return await governor.clearances.back_to(run.subject.candidate_id, observed, cause=cause)


def _keep_incident(governor: Governor, triggered: RollbackTriggered, run: RunSubject) -> Examined:
    """Write the file that shows a rollback, where it is not there yet, and examine what is."""
    path, body = owed_incident(triggered, run)
    Keeping(store=governor.store).create(path, body)  # what is wrong its examination says
    schema = stated_type(RollbackIncident)
    cited = EvidenceReference(path=path, sha256=sha256_hex(body), schema=schema)
    return examine(cited, read_found(governor.store, path), run.subject)


def owed_incident(triggered: RollbackTriggered, run: RunSubject) -> tuple[str, bytes]:
    """Return the file that shows a rollback, and where it is."""
    incident = RollbackIncident(
        incident_id=triggered.cause_id,
        run_id=run.run_id,
        candidate_id=run.subject.candidate_id,
        reasons=(triggered.cause,),
        triggered_at_ns=triggered.at_ns,
    )
    body = canonical_bytes(incident.model_dump(mode="json"))
    return f"incidents/rollback-{sha256_hex(body)[:_CAUSES]}.json", body


async def _go_on(
    governor: Governor, turn: Turn, run: RunSubject, observed: Observed, latch: LatchState
) -> tuple[str, ...]:
    """Take each step whose condition holds; return what stands in the way of the next one."""
    stream = run.rollback
    state = await governor.governance.state(stream)
    if state.triggered is None or state.drained is not None:
        return ()
    told: tuple[str, ...] = ()
    if state.superseded is None:
        told = await _take_back(governor, run, state.triggered)
    target = await _target(governor, run, observed, state.triggered.cause_id)
    if state.switched is None and state.superseded is None:
        fault = await _switch(governor, turn, run, state.triggered, target, latch)
        if fault:
            return (*told, fault)
        state = await governor.governance.state(stream)
    if state.superseded is not None:
        return (f"rollback: superseded before it switched: {state.superseded.reason}",)
    if state.switched is not None and state.effective is None:
        fault = await _confirm(governor, turn, run, state.switched.control_id, target)
        if fault:
            return (*told, fault)
        state = await governor.governance.state(stream)
    return (*told, *await _drain(governor, turn, run, state, observed))


async def _take_back(
    governor: Governor, run: RunSubject, triggered: RollbackTriggered
) -> tuple[str, ...]:
    """Let the ledger name again who served before, and return why it does not.

    It comes before the loop is told: killed in between, the next cycle finds it on record and goes
    on. A ledger that refuses keeps nobody from taking the package back.
    """
    try:
        await governor.clearances.take_back(
            run.subject.candidate_id,
            cause=triggered.cause_id,
            reason=f"rollback of {run.run_id}: {triggered.cause}",
        )
    except LedgerError as error:
        return (f"rollback: the ledger has not taken it back: {error.code}: {error}",)
    return ()


async def _switch(
    governor: Governor,
    turn: Turn,
    run: RunSubject,
    triggered: RollbackTriggered,
    target: BackTo,
    latch: LatchState,
) -> str:
    """Go back, or note that nobody is to any more; return why neither can be said yet."""
    record = _back(triggered, run, target, latch)
    if record is None:
        reason: Literal["stop-over", "not-serving"] = (
            "stop-over" if triggered.cause == "stop-latch" else "not-serving"
        )
        await governor.governance.run(
            run.rollback, SupersedeRollback(reason=reason, at_ns=turn.now_ns)
        )
        return ""
    (answer,) = await governor.loop.offer([record])
    if answer.status != "recorded":
        said = f"rollback: the loop has not recorded it: {answer.status} {answer.detail}".rstrip()
        if answer.status != "refused" or isinstance(record, StopChanged):
            return said
        # Each cycle tries again to go back; meanwhile nobody may trade by what is bad.
        try:
            governor.loop.throw_stop(throw_id=_throw_id(triggered), reason=f"{run.run_id}: refused")
        except TorghutError as error:
            return f"{said}; no file stops it: {error.code}: {error}"
        return f"{said}; a file stops it until people release it"
    command = SwitchBack(control_id=record.control_id, at_ns=turn.now_ns)
    await governor.governance.run(run.rollback, command)
    return ""


def _throw_id(triggered: RollbackTriggered) -> str:
    """Return the id of the throw that stands in for a rollback that the loop refuses."""
    return f"{_THROW}{sha256_hex(triggered.cause_id.encode())[:_CAUSES]}"


def _back(
    triggered: RollbackTriggered, run: RunSubject, target: BackTo, latch: LatchState
) -> ControlRecord | None:
    """Return the control record that goes back: another package, or the stop that is in force.

    The latch alone says whether the loop stops. Where its incident is over, or was none, and no
    package is to be taken back, there is no record: what somebody else has put in the candidate's
    place since must not be thrown out.
    """
    back_already = target.package == triggered.goes_back_to and triggered.cause != "stop-latch"
    shown = bool(target.router) and not target.unproven
    if shown and (target.serves or back_already):
        cause = f"{run.run_id}:{run.attempt}:{triggered.number}"
        return PackageChanged(
            control_id=f"rollback:{cause}", router=target.router, package=triggered.goes_back_to
        )
    incident = latch.incident
    if incident is None or incident.incident_id != triggered.cause_id:
        return None
    return stop_of(incident)


async def _confirm(
    governor: Governor, turn: Turn, run: RunSubject, control_id: str, target: BackTo
) -> str:
    """Confirm that a rollback is in force, or return why it cannot be said yet."""
    if target.unproven:
        return f"rollback: {target.unproven}"
    policy = governor.policies.safety.rollback
    by = await governor.view.first_deciders(
        control_id, router=target.router, count=policy.proving_decisions
    )
    command = ConfirmEffective(by=by, at_ns=turn.now_ns, policy=policy)
    try:
        await governor.governance.run(run.rollback, command)
    except RollbackNotEffectiveError as error:
        return f"rollback: {error}"
    return ""


async def _drain(
    governor: Governor, turn: Turn, run: RunSubject, state: RollbackState, observed: Observed
) -> tuple[str, ...]:
    """Note that nothing of what went can still be acted on.

    Where positions are real, that orders rest no more is for their reports to show; nobody assumes
    it here.
    """
    if state.effective is None or state.drained is not None:
        return ()
    lifetime_ns = max((one.lifetime_ns for one in observed.symbols.values()), default=0)
    if observed.mode == "live" or turn.now_ns < state.effective.at_ns + lifetime_ns:
        return ()
    await governor.governance.run(run.rollback, ConfirmDrained(at_ns=turn.now_ns))
    return ()


async def _judge(
    governor: Governor, turn: Turn, run: RunSubject, offered: Mapping[EvidenceName, Examined]
) -> None:
    """Put on record what the proof shows; the same as last time is on record already."""
    stream = run.rollback
    last = (await governor.governance.state(stream)).judged
    number = 1 if last is None else last.judgement
    for judgement in (number, number + 1):
        command = JudgeProof(
            run_id=run.run_id, judgement=judgement, offered=offered, at_ns=turn.now_ns
        )
        try:
            await governor.governance.run(stream, command)
        except OutOfOrderError:
            continue
        return
