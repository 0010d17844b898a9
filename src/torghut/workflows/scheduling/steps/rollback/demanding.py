"""What a rollback demands, and what it orders: its causes, its incident, the ledger and the loop.

Every run that a stop or a demand of drift is about is put on record before any step is taken, so
that a process that dies in between leaves nobody out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torghut.governance.ledger.errors import LedgerError
from torghut.governance.rollouts.evidence import Examined, examine
from torghut.governance.safety.rollback import SupersedeRollback, SwitchBack, TriggerRollback
from torghut.governance.safety.stopping import LatchState
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.schemas.control import (
    ControlRecord,
    PackageChanged,
    ReasoningModeChanged,
    StopChanged,
)
from torghut.schemas.governing.rollback import RollbackTriggered
from torghut.schemas.live.control_ids import rollback_id
from torghut.schemas.publish import stated_type
from torghut.schemas.rollout.evidence import RollbackIncident
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.workflows.aggregates import DRIFT
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.scheduling.governor import BackTo, CycleAt, Governor, Served
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.keeping import Keeping
from torghut.workflows.scheduling.steps.rollback.incidents import held_at, unanswered
from torghut.workflows.scheduling.steps.safety import stop_of
from torghut.workflows.scheduling.steps.subjects import RunSubject, Subjects, promoted_by

_THROW: Final = "rollback-"
"""What the id of a throw by file begins with; people alone take it back."""

"""What the id of a control record begins with that a rollback alone is the reason for."""

_CAUSES: Final = 40
"""Letters of a cause in a file's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a run is to be taken back."""

    kind: Literal["stop-latch", "drift"]
    cause_id: str
    detected_at_ns: int


async def demand_rollbacks(
    governor: Governor, at: CycleAt, subjects: Subjects, latch: LatchState, observed: Observed
) -> Sequence[RunSubject]:
    """Put on record which runs are to be taken back, and return all that the cycle is about.

    What serves comes first: under a stop, a run beside it goes back to what that leaves in force.
    """
    causes = await _causes(governor, at, subjects, latch)
    moves: dict[str | None, str | None] = {}
    for run, why in causes.items():
        had = (await governor.governance.state(run.rollback)).causes
        cause = next((one for one in why if one.cause_id not in had), None)
        if cause is None:
            continue
        target = await target_of(governor, run, observed, cause.cause_id)
        package = target.package
        if target.serves:
            moves |= {subjects.serving.get(run): package}
        elif cause.kind == "stop-latch" and package is not None:
            package = moves.get(package, package)
        if governor.owed is not None:
            governor.owed.add(run.key)
        command = TriggerRollback(
            run_id=run.run_id,
            cause=cause.kind,
            cause_id=cause.cause_id,
            goes_back_to=package,
            detected_at_ns=cause.detected_at_ns,
            at_ns=at.now_ns,
        )
        await governor.governance.run(run.rollback, command)
    return list(causes)


async def _causes(
    governor: Governor, at: CycleAt, subjects: Subjects, latch: LatchState
) -> dict[RunSubject, list[Cause]]:
    """Return why each run is to be taken back, the first reason first: for most there is none."""
    causes: dict[RunSubject, list[Cause]] = {run: [] for run in subjects.all}

    def add(runs: Iterable[RunSubject], cause: Cause) -> None:
        for run in runs:
            causes.setdefault(run, []).append(cause)

    for closed in await unanswered(governor):
        stop = Cause(
            kind="stop-latch", cause_id=closed.incident_id, detected_at_ns=closed.detected_at_ns
        )
        add(await held_at(governor, subjects.terms, closed.position), stop)
    if latch.incident is not None and latch.caused_by is not None:
        incident_id, found_ns = latch.incident.incident_id, latch.caused_by.at_ns
        stop = Cause(kind="stop-latch", cause_id=incident_id, detected_at_ns=found_ns)
        add(subjects.held, stop)
    for action_id, digest in (await governor.governance.state(DRIFT)).rollbacks:
        drift = Cause(kind="drift", cause_id=action_id, detected_at_ns=at.now_ns)
        add(await _of_candidate(governor, subjects.terms, tuple(causes), digest), drift)
    return causes


async def _of_candidate(
    governor: Governor, terms: Sequence[Served], known: Sequence[RunSubject], digest: str
) -> Sequence[RunSubject]:
    """Return the runs of a candidate: those known already, and those that it last served by."""
    found = [
        run
        for run in known
        if await governor.clearances.digest_of(run.subject.candidate_id) == digest
    ]
    served = [one for one in terms if one.digest == digest]
    last = max(served, key=lambda one: one.since, default=None)
    promoted = () if last is None else await promoted_by(governor, last)
    return list(dict.fromkeys((*found, *promoted)))


async def target_of(governor: Governor, run: RunSubject, observed: Observed, cause: str) -> BackTo:
    """Return where the rollback of a run for ``cause`` leads."""
    return await governor.clearances.back_to(run.subject.candidate_id, observed, cause=cause)


def keep_incident(governor: Governor, triggered: RollbackTriggered, run: RunSubject) -> Examined:
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


async def take_back(
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a rollback that has not switched goes by.

    Attributes:
        triggered: The rollback.
        target: Where it leads.
        latch: Says whether the loop stops.
        led_by: Runs whose rollback changes a package: those for the same cause go first.
    """

    triggered: RollbackTriggered
    target: BackTo
    latch: LatchState
    led_by: Sequence[RunSubject]


async def switch_back(governor: Governor, at: CycleAt, run: RunSubject, order: Order) -> str:
    """Go back, or note that nobody is to any more; return why neither can be said yet."""
    record, triggered = _back(run, order), order.triggered
    if isinstance(record, StopChanged) and not order.target.serves:
        leading = await _leading(governor, order)
        if waits := [one.name for one, switched in leading if not switched]:
            return f"rollback: after that of {', '.join(waits)}"
        if leading:  # a stop of its own: by then decisions are made by what it goes back to
            control_id = rollback_id(run.run_id, run.attempt, triggered.number)
            record = StopChanged(control_id=control_id, state="stopped", reason=record.reason)
    if record is None:
        reason: Literal["stop-over", "not-serving"] = (
            "stop-over" if triggered.cause == "stop-latch" else "not-serving"
        )
        command = SupersedeRollback(reason=reason, at_ns=at.now_ns)
        await governor.governance.run(run.rollback, command)
        return ""
    fault = await _offer(governor, run, triggered, record)
    if not fault:
        switched = SwitchBack(control_id=record.control_id, at_ns=at.now_ns)
        await governor.governance.run(run.rollback, switched)
    return fault


async def _leading(governor: Governor, order: Order) -> Sequence[tuple[RunSubject, bool]]:
    """Return the runs that are taken back first for a cause, and whether they have switched."""
    states = [(run, await governor.governance.state(run.rollback)) for run in order.led_by]
    return [
        (run, state.switched is not None)
        for run, state in states
        if state.triggered is not None
        and state.triggered.cause_id == order.triggered.cause_id
        and state.superseded is None
    ]


async def _offer(
    governor: Governor, run: RunSubject, triggered: RollbackTriggered, record: ControlRecord
) -> str:
    """Tell the loop to go back, or return why it has not taken it."""
    (answer,) = await governor.loop.offer([record])
    if answer.status == "recorded":
        return ""
    said = f"rollback: the loop has not recorded it: {answer.status} {answer.detail}".rstrip()
    if answer.status != "refused" or isinstance(record, StopChanged):
        return said
    # Each cycle tries again to go back; meanwhile nobody may trade by what is bad.
    try:
        governor.loop.throw_stop(throw_id=_throw_id(triggered), reason=f"{run.run_id}: refused")
    except TorghutError as error:
        return f"{said}; no file stops it: {error.code}: {error}"
    return f"{said}; a file stops it until people release it"


def _throw_id(triggered: RollbackTriggered) -> str:
    """Return the id of the throw that stands in for a rollback that the loop refuses."""
    return f"{_THROW}{sha256_hex(triggered.cause_id.encode())[:_CAUSES]}"


def _back(run: RunSubject, order: Order) -> ControlRecord | None:
    """Return the control record that goes back: another package, or the stop that is in force.

    A program that advises goes by nobody being asked any more; people choose the one before it. The
    latch alone says whether the loop stops. Where its incident is over, or was none, and no
    package is to be taken back, there is no record: what somebody else has put in the candidate's
    place since must not be thrown out.
    """
    triggered, target, latch = order.triggered, order.target, order.latch
    control_id = rollback_id(run.run_id, run.attempt, triggered.number)
    if target.advises and target.serves:
        reason = f"rollback of {run.run_id}: {triggered.cause}"
        return ReasoningModeChanged(control_id=control_id, mode="off", reason=reason)
    back_already = target.package == triggered.goes_back_to and triggered.cause != "stop-latch"
    shown = bool(target.router) and not target.unproven
    if shown and (target.serves or back_already):
        return PackageChanged(
            control_id=control_id, router=target.router, package=triggered.goes_back_to
        )
    incident = latch.incident
    if incident is None or incident.incident_id != triggered.cause_id:
        return None
    return stop_of(incident)
