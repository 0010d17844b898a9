"""What a run of the lane is admitted for: live only while nothing is missing for its candidate."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from pydantic import ValidationError

from torghut.artifacts.ports import ArtifactStore
from torghut.drift.eligibility import Ineligible, ineligible
from torghut.governance.approvals.validity import Approved
from torghut.governance.notes.errors import NoteUnreadableError
from torghut.governance.notes.note import read_note
from torghut.governance.rollouts.target import LiveFacts, decide_target
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.schemas.governing.drift_evidence import DriftDetection
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.workflows.aggregates import CYCLE_RECORD, SIGNALS, Governance
from torghut.workflows.approving.answering import approval_of
from torghut.workflows.approving.office import Office
from torghut.workflows.lane.desk.admitting import rollback_target
from torghut.workflows.lane.naming import candidate_digest_of, candidate_id_of
from torghut.workflows.lane.ports import Admission, LaneWork
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.staging.climbing import ladder_standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What an admission looks into.

    Attributes:
        governance: The streams.
        office: Of approvals.
        roadmap: The declared stages.
        allow_live: Whether the scheduler is declared to allow live at all.
        drift: What drift evidence must have been judged by.
        store: The artifact root.
    """

    governance: Governance
    office: Office
    roadmap: StageRoadmap
    allow_live: bool
    drift: DriftPolicy
    store: ArtifactStore

    async def admit(self, submission: CandidateSubmitted, work: LaneWork) -> Admission:
        """Return what a candidate's run may ask for now."""
        digest = candidate_digest_of(submission.asked.candidate) or ""
        found = await approval_of(self.office, digest)
        standing = await ladder_standing(self.governance.streams, self.roadmap)
        approved = found[1] if isinstance(found, tuple) else None
        facts = LiveFacts(
            allow_live=self.allow_live,
            approval_fault=None if isinstance(found, tuple) else found.code.replace(".", "-"),
            drift_fault=await self._drift_fault(candidate_id_of(submission.asked.candidate)),
            continuity_alert=(await self.governance.state(SIGNALS)).alert_id is not None,
            stage_target=standing.allowed.target,
        )
        target, missing = decide_target(submission.asked.target, facts)
        return Admission(
            target=target,
            missing=missing,
            notional_cap=_cap(approved, standing.cap) if target == "live" else None,
            approver=None if approved is None else approved.approvers[0].name,
            rollback_target=rollback_target(submission, work),
        )

    async def _drift_fault(self, candidate_id: str) -> str | None:
        """Return why the last drift evidence does not speak for live; None where it does.

        The cycle before names it in its note, the note's digest stands in governance's log, and
        the evidence's in the note: what was changed since is no evidence.
        """
        cycles = await self.governance.state(CYCLE_RECORD)
        ended = cycles.ended or cycles.before
        note = None if ended is None else self._read(ended.note)
        with suppress(NoteUnreadableError):
            shown = None if note is None else read_note(note).drift_evidence
            body = None if shown is None else self._read(shown)
            fault = ineligible(
                _detection(body),
                candidate_id=candidate_id,
                policy=self.drift,
                now_ns=self.office.now_ns,
            )
            return None if fault is None else str(fault)
        return str(Ineligible.MISSING)

    def _read(self, cited: Evidence) -> bytes | None:
        """Return the bytes that are cited; None where others are there, or none."""
        body = read_found(self.store, cited.path)
        same = isinstance(body, bytes) and sha256_hex(body) == cited.sha256
        return body if isinstance(body, bytes) and same else None


def _detection(body: bytes | None) -> DriftDetection | None:
    """Return the detection in a file; None where there is none."""
    try:
        return None if body is None else DriftDetection.model_validate_json(body)
    except ValidationError:
        return None


def _cap(approved: Approved | None, given: Decimal) -> float:
    """Return what a live candidate may trade: what was approved, and no more than is given."""
    return float(given if approved is None else min(given, approved.promotion.notional_cap))
