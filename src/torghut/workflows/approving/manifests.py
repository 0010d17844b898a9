"""What a manifest is taken to say: only what was verified just now, evidence and signature too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torghut.artifacts.ports import ArtifactStore
from torghut.governance.approvals.errors import ManifestRefusedError
from torghut.governance.approvals.keyring import Keyring
from torghut.governance.ledger.errors import CandidateConflictError, ChampionChangedError
from torghut.governance.ledger.state import LedgerState
from torghut.governance.rollouts.evidence import Subject, examine
from torghut.governance.verification.checks import Breach, Verdict
from torghut.governance.verification.origin import OriginKind
from torghut.schemas.governing.approvals import ManifestFacts
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.schemas.publish import stated_type
from torghut.schemas.rollout.lane import StrategyPatch
from torghut.schemas.rollout.manifest import ManifestDocument
from torghut.workflows.rollout.checking import check_manifest, find_envelope, read_found

_PATCH: Final = stated_type(StrategyPatch)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedManifest:
    """A manifest that holds together.

    Attributes:
        finalised: Also in time.
        signed: By a scheduler's declared key.
        patch: What its strategy patch says, if it cites one.
    """

    document: ManifestDocument
    finalised: bool
    signed: bool
    patch: StrategyPatch | None

    def facts(self, candidate: str) -> ManifestFacts:
        """Return what it says of ``candidate``, the digest that its candidate id stands for."""
        return ManifestFacts(
            content_hash=self.document.content_hash,
            candidate=candidate,
            target=self.document.requested_promotion_target,
            status=self.document.status,
            finalised=self.finalised,
            signed=self.signed,
        )


def checked(
    body: bytes,
    root: ArtifactStore,
    beside: ArtifactStore,
    name: str,
    *,
    keyring: Keyring,
    now_ns: int,
) -> CheckedManifest:
    """Return a manifest whose content, evidence and form hold together.

    Args:
        body: Of its file.
        root: The artifact root that it cites from.
        beside: The folder that it is in.
        name: Of its file there.
        keyring: Says which keys are schedulers'.
        now_ns: Wall time.

    Raises:
        ManifestRefusedError: It does not hold together.
    """
    verdict = check_manifest(
        body,
        root,
        envelope=find_envelope(body, root, beside, name),
        trusted=keyring.schedulers,
        now_ns=now_ns,
    )
    document = verdict.document
    fault = _fault(verdict)
    if document is None or fault:
        raise ManifestRefusedError(expected="a manifest that holds together", found=fault)
    return CheckedManifest(
        document=document,
        finalised=document.observation_summary.finalised and not verdict.overdue,
        signed=verdict.origin.kind is OriginKind.SIGNED,
        patch=_patch(document, root),
    )


def _fault(verdict: Verdict) -> str:
    """Return the first thing that keeps a manifest from holding together."""
    for check in verdict.checks:
        if not check.passed and check.breach is not Breach.FINALITY:
            return f"{check.name}: {check.says}"
    return verdict.origin.says if verdict.origin.kind is OriginKind.FORGED else ""


def _patch(document: ManifestDocument, root: ArtifactStore) -> StrategyPatch | None:
    """Return the strategy patch that a manifest cites, as it was written for its run."""
    subject = Subject(run_id=document.run_id, candidate_id=document.candidate_id)
    for reference in document.artifact_refs:
        if reference.schema_ != _PATCH:
            continue
        examined = examine(reference, read_found(root, reference.path), subject)
        if examined.fault is not None or not isinstance(examined.message, StrategyPatch):
            raise ManifestRefusedError(expected=reference.path, found=str(examined.fault))
        return examined.message
    return None


def check_patch(manifest: CheckedManifest, candidate: LedgerCandidate) -> None:
    """Check that what a manifest's patch would put in force is what the ledger has on record.

    Raises:
        CandidateConflictError: It is something else.
    """
    if manifest.patch is None:
        return
    asked = manifest.patch.candidate
    if candidate.digest not in (asked.package, asked.declarations):
        found = asked.package or asked.declarations or "nothing"
        raise CandidateConflictError(expected=f"a patch to {candidate.digest}", found=found)


def replaced_by(manifest: CheckedManifest) -> str | None:
    """Return the package that served before the candidate, as its patch says; None: none."""
    return None if manifest.patch is None else manifest.patch.replaces


def check_champion(manifest: CheckedManifest, digest: str, ledger: LedgerState) -> None:
    """Check that the candidate was judged against what serves now, where the ledger knows that.

    A candidate that beat one package has shown nothing against another that serves since. One that
    serves itself, and goes from paper to live, takes nobody's place.

    Args:
        manifest: Of its run.
        digest: Of the candidate.
        ledger: Of its router.

    Raises:
        ChampionChangedError: It was judged against something else.
    """
    if ledger.champion is None or ledger.champion.digest == digest:
        return
    judged, serving = replaced_by(manifest), ledger.serving
    if judged != serving:
        raise ChampionChangedError(
            expected=f"a run that was judged against {serving or 'no package'}, which serves now",
            found=f"one against {judged or 'no package'}: run the lane again on what serves",
        )
