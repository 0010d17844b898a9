"""A manifest, judged: every check in order, none of them on the word of who wrote it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from torghut.artifacts.errors import ReadFault
from torghut.artifacts.signatures import TrustedKey
from torghut.governance.rollouts.errors import ManifestAlteredError, ManifestRefusedError
from torghut.governance.rollouts.evidence import (
    Content,
    EvidenceFault,
    Subject,
    contradicts,
    examine,
)
from torghut.governance.rollouts.manifest import overdue
from torghut.governance.verification.checks import Breach, Check, Verdict
from torghut.governance.verification.document import (
    computed_fault,
    gates_fault,
    hash_fault,
    order_fault,
    parse_document,
    parse_stated,
    rollback_fault,
)
from torghut.governance.verification.origin import UNSIGNED, origin_of
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.texts import plain
from torghut.schemas.rollout.gates import EvidenceReference, GateRow
from torghut.schemas.rollout.manifest import ManifestDocument, PhaseManifest, references_of

CHECKS: Final[Mapping[str, str]] = {
    "file": "it is JSON that reads in one way only",
    "phases": "they are the seven, each once, in their order",
    "schema": "it fits autonomy-phase-manifest-v1",
    "computed": "status, counts, transitions, references and sections follow from the phases",
    "gates": "each phase states its gates, and none passes with a gate that does not",
    "safety": "runtime governance and rollback proof keep their rules",
    "hash": "its content has the digest that it states",
    "evidence": "each file cited is there, is the one cited, and names no other run or candidate",
    "final": "the safety controls have spoken",
}
"""What is checked, in order, and what holds if it passes; evidence is one check a file."""

NOT_CHECKED: Final = (
    "that what the evidence says is true: nothing was measured or decided again",
    "that the manifest is what the event log leads to: the log was not asked",
    "that the run is the newest of its candidate, or that nothing happened since",
)
"""What no check of this kind can show, whatever its verdict."""


def references_in(body: bytes) -> Sequence[EvidenceReference]:
    """Return what the manifest in ``body`` cites; nothing where it cannot be read."""
    document, _ = parse_document(body)
    return () if document is None else references_of(document.phases)


def verify_manifest(
    body: bytes,
    evidence: Mapping[str, Content],
    *,
    envelope: bytes | None,
    trusted: Sequence[TrustedKey],
    now_ns: int,
) -> Verdict:
    """Return what the manifest in ``body`` is worth.

    Args:
        body: Of its file.
        evidence: What was found at each path that it cites.
        envelope: What stands beside it as its signature; None where nothing does.
        trusted: The keys that the reader trusts.
        now_ns: Wall time of the reader.
    """
    checks, stated, document = check_document(body)
    if document is not None:
        checks = [*checks, *_evidence_checks(document, evidence), _final_check(document)]
    return Verdict(
        checks=checks,
        document=document,
        origin=UNSIGNED if stated is None else origin_of(envelope, stated, trusted),
        overdue=document is not None and overdue(document, now_ns),
    )


def check_document(
    body: bytes,
) -> tuple[Sequence[Check], JsonObject | None, ManifestDocument | None]:
    """Return the checks that need nothing but ``body``, and as much of it as could be read."""
    stated, fault = parse_stated(body)
    checks = [_check("file", Breach.INTEGRITY, fault)]
    if stated is None:
        return checks, None, None
    document, fault = parse_document(body)
    checks.append(_check("phases", Breach.CONTRACT, order_fault(stated)))
    checks.append(_check("schema", Breach.CONTRACT, fault))
    if document is not None and all(check.passed for check in checks):
        checks.extend(_document_checks(document))
    checks.append(_check("hash", Breach.INTEGRITY, hash_fault(stated)))
    return checks, stated, document


def read_manifest(body: bytes) -> PhaseManifest:
    """Return the manifest in ``body``, if it keeps its contract; nothing that it cites is read.

    Raises:
        ManifestRefusedError: There is none, or it breaks its contract.
        ManifestAlteredError: Its content does not have the digest that it states.
    """
    checks, stated, _ = check_document(body)
    for check in checks:
        if not check.passed and check.name != "hash":
            raise ManifestRefusedError(found=f"a fault in {check.name}: {check.fault}")
    for check in checks:
        if not check.passed:
            raise ManifestAlteredError(found=check.fault)
    return PhaseManifest.model_validate_json(canonical_bytes(stated), strict=True)


def _check(name: str, breach: Breach, fault: str) -> Check:
    """Return one check of ``CHECKS``."""
    return Check(name=name, breach=breach, fault=plain(fault), holds=CHECKS[name])


def _document_checks(document: ManifestDocument) -> Iterator[Check]:
    """Yield what the document says of itself."""
    yield _check("computed", Breach.CONTRACT, computed_fault(document))
    yield _check("gates", Breach.CONTRACT, gates_fault(document))
    yield _check("safety", Breach.CONTRACT, rollback_fault(document))


def _final_check(document: ManifestDocument) -> Check:
    """Return whether the safety controls have spoken."""
    final = document.observation_summary.finalised
    return _check("final", Breach.FINALITY, "" if final else "expected a final manifest, found not")


def _evidence_checks(
    document: ManifestDocument, evidence: Mapping[str, Content]
) -> Iterator[Check]:
    """Yield one check for each file that is cited."""
    subject = Subject(run_id=document.run_id, candidate_id=document.candidate_id)
    citing: dict[str, list[GateRow]] = defaultdict(list)
    for phase in document.phases:
        for row in phase.slo_gates:
            for reference in row.evidence:
                citing[reference.path].append(row)
    for reference in references_of(document.phases):
        examined = examine(reference, evidence.get(reference.path, ReadFault.MISSING), subject)
        fault: ReadFault | EvidenceFault | None = examined.fault
        if any(contradicts(row, examined.message) for row in citing[reference.path]):
            fault = fault or EvidenceFault.CONTRADICTS
        path = plain(reference.path)
        yield Check(
            name="evidence",
            breach=Breach.INTEGRITY,
            fault="" if fault is None else f"{path}: expected it as cited, found {fault}",
            holds=f"{path}: as cited, {reference.schema_}",
        )
