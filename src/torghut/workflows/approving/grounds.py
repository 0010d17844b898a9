"""What speaks for a candidate to be live besides an approval, by what is on record now.

Asked when a run is admitted, and again when its candidate is promoted: the stage may have been set
back in between, drift found, or live no longer declared to be allowed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError
from typing_extensions import override

from torghut.artifacts.ports import ArtifactStore
from torghut.drift.eligibility import Ineligible, ineligible
from torghut.governance.notes.errors import NoteUnreadableError
from torghut.governance.notes.note import read_note
from torghut.governance.rollouts.target import LiveFacts
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.schemas.governing.drift_evidence import DriftDetection
from torghut.schemas.governing.fields import Evidence
from torghut.workflows.aggregates import CYCLE_RECORD, SIGNALS, Governance
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.staging.climbing import ladder_standing


class LiveGrounds(Protocol):
    """Knows what speaks for a candidate to be live."""

    async def facts(
        self, candidate_id: str, /, *, now_ns: int, approval_fault: str | None = None
    ) -> LiveFacts:
        """Return what is known of a candidate at a time.

        Args:
            candidate_id: Of the candidate.
            now_ns: Receive clock.
            approval_fault: Why no approval of it holds, which others know.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedGrounds(LiveGrounds):
    """What is declared, and what governance has on record.

    Attributes:
        governance: The streams.
        roadmap: The declared stages.
        allow_live: Whether the scheduler is declared to allow live at all.
        drift: What drift evidence must have been judged by.
        store: The artifact root.
    """

    governance: Governance
    roadmap: StageRoadmap
    allow_live: bool
    drift: DriftPolicy
    store: ArtifactStore

    @override
    async def facts(
        self, candidate_id: str, /, *, now_ns: int, approval_fault: str | None = None
    ) -> LiveFacts:
        standing = await ladder_standing(self.governance.streams, self.roadmap)
        return LiveFacts(
            allow_live=self.allow_live,
            approval_fault=approval_fault,
            drift_fault=await self._drift_fault(candidate_id, now_ns),
            continuity_alert=(await self.governance.state(SIGNALS)).alert_id is not None,
            stage_target=standing.allowed.target,
        )

    async def _drift_fault(self, candidate_id: str, now_ns: int) -> str | None:
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
                _detection(body), candidate_id=candidate_id, policy=self.drift, now_ns=now_ns
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
