"""The safety controls of a cycle: the stop latch, its evidence, and its effect on the loop.

What the loop is told follows from what the latch's events come to, so a process that died between
the two is made up for by the next cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from torghut.artifacts.errors import ReadFault
from torghut.governance.releases.releasing import check_proven
from torghut.governance.safety.latch import EvaluateSafety, incident_bytes, incident_path
from torghut.governance.safety.stopping import Incident, LatchState
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.schemas.control import StopChanged
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.governing.latch import SafetyEvaluated, SafetyReadings
from torghut.schemas.live.control_ids import is_told_again, latch_id, told_again_id
from torghut.schemas.publish import stated_type
from torghut.workflows.aggregates import (
    LATCH_NAME,
    STOP_LATCH,
    STOP_LATCH_SIGNED,
    Governance,
)
from torghut.workflows.rollout.checking import is_altered, read_found
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.ports import LaneEnded
from torghut.workflows.scheduling.steps.keeping import Keeping
from torghut.workflows.streams import Streams

_THROW: Final = "governance-"
_INCIDENT: Final = "incident-"
_THROW_HEX: Final = 40
"""Letters of an incident's digest in its throw's id: a switch file's id has at most 64 letters."""

_EVALUATED: Final = stated_type(SafetyEvaluated)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetySeen:
    """What the safety controls of a cycle came to.

    Attributes:
        latch: After its evaluation.
        evidence: Of the stop in force, as it was written; None without one, and where no evidence
            of it can be written.
        remarks: For the note.
    """

    latch: LatchState
    evidence: Evidence | None = None
    remarks: tuple[str, ...] = ()


async def evaluate_latch(governor: Governor, at: CycleAt, readings: SafetyReadings) -> SafetySeen:
    """Judge a cycle's readings, have the loop stopped or let go on, and keep the evidence.

    The loop comes first: it is stopped whatever the disk does.
    """
    latch = await governor.governance.state(STOP_LATCH)
    number = 1 if latch.last is None else latch.last.evaluation + 1
    command = EvaluateSafety(
        latch=LATCH_NAME,
        evaluation=number,
        at_ns=at.now_ns,
        readings=readings,
        policy=governor.policies.safety,
    )
    await governor.governance.run(STOP_LATCH, command)
    latch = await governor.governance.state(STOP_LATCH)
    remarks = await enforce_latch(governor, latch)
    keeping = Keeping(store=governor.store)
    evidence = keep_evidence(keeping, latch)
    remarks = (*remarks, *(f"latch: {fault}" for fault in keeping.faults))
    owed = owed_evidence(latch)
    if owed is not None and is_altered(governor.store, *owed):
        remarks = (*remarks, f"latch: the evidence at {owed[0]} is not as it was written")
    return SafetySeen(latch=latch, evidence=evidence, remarks=remarks)


async def uncounted_lane(governor: Governor) -> LaneEnded | None:
    """Return the run of the lane that ended since the latch was last evaluated; None: none did.

    A cycle that dies between the two leaves it to the next one, and so does a run that outlives its
    scheduler: no failure is forgotten, and none is counted twice.
    """
    position = await governor.governance.last_position(STOP_LATCH, _EVALUATED)
    return await governor.lane.ended_after(position)


def keep_evidence(keeping: Keeping, latch: LatchState) -> Evidence | None:
    """Write the evidence of stops, where it is not there yet, and return that of the one in force.

    It is returned as it was written, whatever stands there: its digest shows what was altered. What
    could not be written when an incident was in force is written when it can be.
    """
    for incident, caused_by in latch.past:
        path, body = _evidence_of(incident, caused_by)
        if read_found(keeping.store, path) is ReadFault.MISSING:
            keeping.create(path, body)
    owed = owed_evidence(latch)
    if owed is None:
        return None
    kept = keeping.keep(*owed)
    return Evidence(path=owed[0], sha256=sha256_hex(owed[1])) if kept else None


def owed_evidence(latch: LatchState) -> tuple[str, bytes] | None:
    """Return the evidence file of the stop in force, and where it is; None while nothing stops."""
    if latch.incident is None or latch.caused_by is None:
        return None
    return _evidence_of(latch.incident, latch.caused_by)


def _evidence_of(incident: Incident, caused_by: SafetyEvaluated) -> tuple[str, bytes]:
    """Return where an incident's evidence is, and the file."""
    return incident_path(incident), incident_bytes(caused_by, latch=LATCH_NAME, incident=incident)


async def enforce_latch(governor: Governor, latch: LatchState) -> tuple[str, ...]:
    """Make the loop obey what the latch says; what it is known to have is not said again.

    A stop that the loop does not record in time is thrown by a file, which needs neither the loop's
    interface nor its log. A release that no declared keys signed lets nothing go on; it is what is
    returned, for the note.
    """
    if latch.incident is not None:
        held = await _keep_stopped(governor, latch, latch.incident)
        return () if held else _throw(governor, latch.incident)
    if latch.over is None:
        return ()
    if fault := await release_fault(governor, latch):
        return (f"latch: the loop stays stopped: {fault}",)
    record = _released(latch.over)
    known = record.control_id in governor.told
    if await tell(governor, record):
        await _take_back(governor, latch.over)
    return _still_stopped(governor) if known else ()


async def _keep_stopped(governor: Governor, latch: LatchState, incident: Incident) -> bool:
    """Have the loop's latch closed, and closed again where a worker says that it is open.

    Somebody may have opened it at the loop, and a worker may have come since. One that has no API,
    or goes on although it was told again, is to be stopped by a file.

    Returns:
        Whether the loop's own record is enough.
    """
    record = stop_of(incident)
    held = await tell(governor, record)
    workers = governor.loop.workers()
    if latch.last is not None and latch.last != latch.caused_by:
        obeying = all(one.stopped for one in workers) or not _was_told_again(governor, record)
        if not all(one.latched for one in workers):
            again = stop_of(incident, again=latch.last.evaluation)
            held = await tell(governor, again) and held
        held = held and obeying
    return held and all(one.reachable for one in workers)


def _was_told_again(governor: Governor, record: StopChanged) -> bool:
    """Return whether a stop was repeated, as far as this process knows."""
    return any(is_told_again(one, record.control_id) for one in governor.told)


def _still_stopped(governor: Governor) -> tuple[str, ...]:
    """Return which workers' latches stay closed with this one open, for the note.

    Somebody else closed them: what people stopped at the loop is theirs to let go on.
    """
    closed = sorted(one.worker for one in governor.loop.workers() if one.latched)
    return (f"latch: open, and closed by others at {', '.join(closed)}",) if closed else ()


def _throw(governor: Governor, incident: Incident) -> tuple[str, ...]:
    """Stop the loop by a file; return why that cannot be, which ends no cycle."""
    throw_id = throw_id_of(incident.incident_id)
    try:
        governor.loop.throw_stop(throw_id=throw_id, reason=_why(incident))
    except TorghutError as error:
        return (f"latch: no file stops the loop: {error.code}: {error}",)
    governor.told.discard(throw_id)
    return ()


def throw_id_of(incident_id: str) -> str:
    """Return the id of the switch file that stops the loop for an incident."""
    return _THROW + incident_id.removeprefix(_INCIDENT)[:_THROW_HEX]


async def release_fault(governor: Governor, latch: LatchState) -> str:
    """Return why what opened the latch last proves nothing; empty where it does, or nothing did.

    An incident that recovered by itself needs nobody's signature, but its clean evaluations.
    """
    if latch.over is None or (latch.over, latch.released) == governor.proven:
        return ""
    # Apart from the streams that cycles fold: another decider over the same events.
    read = Governance(
        streams=Streams(governor.governance.streams.store), causes=governor.governance.causes
    )
    try:
        signed = await read.state(STOP_LATCH_SIGNED)
        check_proven(signed, LATCH_NAME, governor.keyring(), governor.policies.safety.stop)
    except TorghutError as error:  # nor is it proven where nobody can say which keys are declared
        return f"{error.code}: {error}"
    governor.proven = (latch.over, latch.released)
    return ""


async def _take_back(governor: Governor, incident_id: str) -> None:
    """Let go what a file of an incident that is over still stops."""
    throw_id = throw_id_of(incident_id)
    if throw_id not in governor.told:
        answer = await governor.loop.release_stop(
            throw_id=throw_id, reason="the stop latch is open"
        )
        if answer.status != "unknown":
            governor.told.add(throw_id)


def stop_of(incident: Incident, *, again: int | None = None) -> StopChanged:
    """Return the record by which a loop stops for an incident, whoever offers it.

    Args:
        incident: That stops it.
        again: Evaluation at which a loop was seen that had let go of it; None: it is told first.
    """
    record = stop_record(incident.incident_id, "stopped", _why(incident))
    if again is None:
        return record
    control_id = told_again_id(record.control_id, again)
    return StopChanged(control_id=control_id, state="stopped", reason=record.reason)


def _released(incident_id: str) -> StopChanged:
    """Return the record by which a loop goes on after an incident."""
    return stop_record(incident_id, "released", "the stop latch is open")


def stop_record(
    incident_id: str, state: Literal["stopped", "released"], reason: str
) -> StopChanged:
    """Return the control record by which the latch closes or opens in the loop."""
    return StopChanged(control_id=latch_id(incident_id, state), state=state, reason=reason)


def _why(incident: Incident) -> str:
    """Return the reason that the loop is given."""
    return f"{', '.join(sorted(incident.triggers))}: {incident.incident_id}"


async def tell(governor: Governor, record: StopChanged) -> bool:
    """Return whether the loop has a record, once it was told; a refusal counts as told."""
    if record.control_id in governor.told:
        return True
    (answer,) = await governor.loop.offer([record])
    if answer.status == "recorded":
        governor.told.add(record.control_id)
    return answer.status == "recorded"
