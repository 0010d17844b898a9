"""Artifacts of a run: small, of a published schema, written once, cited by their digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.evals.figures import GateFigure
from torghut.governance.rollouts.evidence import Examined, Subject, examine
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.clock import WallClock
from torghut.kernel.digests import sha256_hex
from torghut.schemas.publish import stated_type
from torghut.schemas.rollout.evidence import GateEvidence
from torghut.schemas.rollout.gates import EvidenceReference, GateRow
from torghut.schemas.types import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """Where a run's artifacts go.

    Attributes:
        store: The artifact root.
        folder: Of the run and attempt, below it.
        run_id: Of the run.
        candidate_id: Of its candidate.
        wall: Tells when something was measured.
    """

    store: ArtifactStore
    folder: str
    run_id: str
    candidate_id: str
    wall: WallClock

    def keep(self, message: Message, name: str) -> EvidenceReference:
        """Write an artifact once and return its citation.

        Raises:
            ArtifactExistsError: Another file is there.
            ArtifactUnwritableError: It cannot be written.
        """
        body, path = canonical_bytes(message.model_dump(mode="json")), f"{self.folder}/{name}"
        self.store.create(path, body)
        return EvidenceReference(
            path=path, sha256=sha256_hex(body), schema=stated_type(type(message))
        )

    def row(self, found: GateFigure, *shown: EvidenceReference) -> GateRow:
        """Write what was measured for a gate, and return the row that cites it first."""
        value = None if found.value is None else found.value + 0.0
        evidence = GateEvidence(
            run_id=self.run_id,
            gate=found.id,
            value=value,
            unit=found.unit,
            n=found.n,
            measured_at_ns=self.wall.now_ns(),
        )
        own = self.keep(evidence, f"evidence/{found.id}.json")
        return GateRow(
            id=found.id,
            status=found.status,
            value=value,
            comparator=found.comparator,
            threshold=found.threshold,
            unit=found.unit,
            n=found.n,
            reason=found.reason,
            evidence=(own, *shown),
        )

    def examine(self, references: Sequence[EvidenceReference]) -> Sequence[Examined]:
        """Read artifacts again, and return what is to be thought of each."""
        subject = Subject(run_id=self.run_id, candidate_id=self.candidate_id)
        return [examine(one, self._found(one.path), subject) for one in references]

    def _found(self, path: str) -> bytes:
        """Return the bytes at ``path``; none where there are none."""
        try:
            return self.store.read(path)
        except ArtifactUnreadableError:
            return b""


def not_applicable(gate: str, reason: str, *cited: EvidenceReference) -> GateRow:
    """Return the row of a gate that does not apply by the contract, or by what is cited."""
    return GateRow(
        id=gate,
        status="not-applicable",
        value=None,
        comparator=None,
        threshold=None,
        unit=None,
        n=None,
        reason=reason,
        evidence=tuple(cited),
    )
