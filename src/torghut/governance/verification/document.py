"""What can be checked of a manifest with nothing but its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import ValidationError

from torghut.governance.rollouts.evidence import INCIDENT_SCHEMA
from torghut.governance.rollouts.judging import (
    digest_faults,
    gate_faults,
    missing_gates,
    status_of_gates,
)
from torghut.governance.rollouts.manifest import content_hash
from torghut.kernel.canonical import JsonObject, parse_json_object
from torghut.kernel.errors import TorghutError
from torghut.kernel.times import moment_ns
from torghut.schemas.rollout.manifest import (
    ManifestDocument,
    Phase,
    computed_faults,
)
from torghut.schemas.rollout.phases import PHASES, ROLLBACK, RUNTIME
from torghut.schemas.types import first_problem

_SHOWN: Final = 7
"""Most names that a fault lists."""


def parse_stated(body: bytes) -> tuple[JsonObject | None, str]:
    """Return the JSON object in ``body``, or why there is none that reads in one way only."""
    try:
        return parse_json_object(body), ""
    except TorghutError as error:
        return None, str(error)


def parse_document(body: bytes) -> tuple[ManifestDocument | None, str]:
    """Return the document in ``body``, or where it does not fit its schema."""
    try:
        document = ManifestDocument.model_validate_json(body, strict=True)
        for text in _moments(document):
            moment_ns(text)
    except ValidationError as error:
        first = first_problem(error)
        return None, f"{first.at('the document')}, found {first.found!r}"
    except TorghutError as error:
        return None, str(error)
    return document, ""


def _moments(document: ManifestDocument) -> Iterator[str]:
    """Yield every time that a document states."""
    yield document.created_at
    yield document.updated_at
    yield from (phase.timestamp for phase in document.phases)


def order_fault(stated: JsonObject) -> str:
    """Return how the phases differ from the seven in their order; read from the bare JSON."""
    phases = stated.get("phases")
    names = [_name(phase) for phase in phases] if isinstance(phases, list) else []
    if names == list(PHASES):
        return ""
    unknown = [name for name in names if name not in PHASES]
    twice = [name for name in PHASES if names.count(name) > 1]
    absent = [name for name in PHASES if name not in names]
    for word, found in (("unknown", unknown), ("repeated", twice), ("missing", absent)):
        if found:
            return f"expected the seven phases, found {word}: {', '.join(found[:_SHOWN])}"
    return f"expected the seven phases in their order, found {', '.join(names)}"


def _name(phase: object) -> str:
    """Return what a phase is called, or that it has no name."""
    return str(phase.get("name"))[:60] if isinstance(phase, Mapping) else "(no phase)"


def computed_fault(document: ManifestDocument) -> str:
    """Return what is stated and does not follow from the phases."""
    return "; ".join((*computed_faults(document), *_section_faults(document)))


def _section_faults(document: ManifestDocument) -> Iterator[str]:
    """Yield where the sections on runtime and rollback differ from their phases."""
    by_name = {phase.name: phase for phase in document.phases}
    sections = (
        (RUNTIME, document.runtime_governance.status, document.runtime_governance.reason),
        (ROLLBACK, document.rollback_proof.status, document.rollback_proof.reason),
    )
    for name, status, reason in sections:
        phase = by_name.get(name)
        if phase is None:
            continue
        expected = (phase.status, phase.observations.get("reason"))
        if expected != (status, reason):
            yield f"expected {name} as its phase says, {expected}, found {(status, reason)}"


def gates_fault(document: ManifestDocument) -> str:
    """Return the first gate or phase that does not come to what is stated."""
    for phase in document.phases:
        for fault in (*gate_faults(phase.name, phase.slo_gates), *_phase_faults(document, phase)):
            return f"{phase.name}: {fault}"
    return next(digest_faults(document.artifact_refs), "")


def _phase_faults(document: ManifestDocument, phase: Phase) -> Iterator[str]:
    """Yield what is wrong with a phase's status; a fail needs no gate to allow it."""
    for gate in missing_gates(phase.name, phase.slo_gates):
        yield f"expected gate {gate}, found none"
    follows = status_of_gates(phase.name, document.requested_promotion_target, phase.slo_gates)
    if phase.status not in ("fail", follows):
        yield f"expected {follows} of its gates, found {phase.status}"
    if phase.name == RUNTIME and document.observation_summary.finalised and phase.status == "skip":
        yield "expected a final verdict, found skip"


def rollback_fault(document: ManifestDocument) -> str:
    """Return how the sections on runtime and rollback break their rules."""
    return next((fault for rule in _RULES for fault in rule(document)), "")


def _left_out(document: ManifestDocument) -> Iterator[str]:
    """Nothing stale leaks in: without a rollback no evidence of one is named anywhere."""
    proof = document.rollback_proof
    if not proof.rollback_triggered:
        for path in (*proof.paths(), *(one.path for one in document.phases[-1].artifact_refs)):
            yield f"expected no evidence where no rollback was triggered, found {path}"


def _shown(document: ManifestDocument) -> Iterator[str]:
    """A rollback that passes is shown by an incident, and all that is named has its digest."""
    proof = document.rollback_proof
    cited = {one.path: one.schema_ for one in document.phases[-1].artifact_refs}
    for path in proof.paths():
        if path not in cited:
            yield f"expected {path} among the references of {ROLLBACK}, found none"
    if proof.status == "pass" and proof.rollback_triggered is not False:
        incident = cited.get(proof.rollback_incident_evidence_path or "")
        if incident != INCIDENT_SCHEMA:
            yield f"expected a {INCIDENT_SCHEMA} behind {ROLLBACK}, found {incident or 'none'}"


def _withdrawn(document: ManifestDocument) -> Iterator[str]:
    """Runtime governance passes only with stable drift, and without a rollback."""
    proof, runtime = document.rollback_proof, document.runtime_governance
    if document.observation_summary.finalised:
        if runtime.rollback_triggered is None or proof.rollback_triggered is None:
            yield "expected final sections to say whether a rollback was triggered, found null"
        if runtime.rollback_triggered != proof.rollback_triggered:
            yield "expected both sections to say the same of a rollback, found a contradiction"
    if runtime.status == "pass" and runtime.rollback_triggered is not False:
        yield f"expected {RUNTIME} to fail unless no rollback was triggered, found pass"
    if runtime.status == "pass" and runtime.drift_status != "stable":
        yield f"expected {RUNTIME} to fail unless drift is stable, found pass"


_RULES: Final = (_left_out, _shown, _withdrawn)


def hash_fault(stated: JsonObject) -> str:
    """Return how the content differs from the digest that it states."""
    expected, found = stated.get("content_hash"), content_hash(stated)
    return "" if expected == found else f"expected {expected}, found {found}"
