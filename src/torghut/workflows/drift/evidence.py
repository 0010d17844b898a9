"""Files of drift evidence: each written once, under a name that its own bytes give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.drift import (
    ActionEnded,
    ActionTriggered,
    ActionWithheld,
    CandidateRollbackDemanded,
    DriftEvent,
    DriftVerdict,
)
from torghut.schemas.governing.drift_evidence import (
    ActionStep,
    DriftActionRecord,
    DriftDetection,
    DriftOutcome,
    LogHead,
)
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.publish import stated_type
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.types import Message
from torghut.workflows.drift.measuring import Measured

FOLDER: Final = "drift"
"""Where drift evidence is below the artifact root."""

Kind = Literal["detection", "action", "outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What evidence is about: the run, and the candidate that it exposes."""

    run_id: str
    candidate_id: str


def write_detection(
    store: ArtifactStore, about: About, measured: Measured, verdict: DriftVerdict, *, at_ns: int
) -> EvidenceReference:
    """Keep what was measured and the verdict on it; the same again changes nothing.

    Args:
        store: The artifact root.
        about: The run and its candidate.
        measured: A window of the decision log.
        verdict: On that window.
        at_ns: Receive clock.

    Raises:
        ArtifactUnwritableError: It cannot be written.
    """
    detection = DriftDetection(
        run_id=about.run_id,
        candidate_id=about.candidate_id,
        at_ns=at_ns,
        heads=tuple(
            LogHead(partition=head.partition, number=head.number, digest=head.digest)
            for head in measured.heads
        ),
        contexts=measured.contexts,
        decisions=measured.decisions,
        last_ns=measured.last_ns,
        readings=dict(measured.window.readings),
        observations=tuple(measured.observations),
        verdict=verdict,
    )
    return _write(store, about, "detection", detection)


def write_action(
    store: ArtifactStore,
    about: About,
    detection: EvidenceReference,
    events: Sequence[DriftEvent],
    *,
    evaluation: int,
    at_ns: int,
) -> EvidenceReference:
    """Keep what followed from a verdict, nothing included.

    Args:
        store: The artifact root.
        about: The run and its candidate.
        detection: The verdict, as ``write_detection`` cited it.
        events: Of the drift actions' stream: what that evaluation put on record.
        evaluation: Its number there.
        at_ns: Receive clock.

    Raises:
        ArtifactUnwritableError: It cannot be written.
    """
    record = DriftActionRecord(
        run_id=about.run_id,
        candidate_id=about.candidate_id,
        at_ns=at_ns,
        evaluation=evaluation,
        detection=_cited(detection),
        steps=tuple(_steps(events)),
    )
    return _write(store, about, "action", record)


def write_outcome(
    store: ArtifactStore, about: About, action: EvidenceReference, ended: ActionEnded
) -> EvidenceReference:
    """Keep how an action ended.

    Args:
        store: The artifact root.
        about: The run and its candidate.
        action: The record of what was triggered, as ``write_action`` cited it.
        ended: The event on record.

    Raises:
        ArtifactUnwritableError: It cannot be written.
    """
    outcome = DriftOutcome(
        run_id=about.run_id,
        candidate_id=about.candidate_id,
        at_ns=ended.at_ns,
        action=_cited(action),
        action_id=ended.action_id,
        outcome=ended.outcome,
        evidence=ended.evidence,
    )
    return _write(store, about, "outcome", outcome)


def _steps(events: Sequence[DriftEvent]) -> Iterator[ActionStep]:
    """Yield what events say was done, or not done, about drift."""
    for event in events:
        match event:
            case ActionTriggered():
                yield ActionStep(
                    action=event.action,
                    decision="triggered",
                    action_id=event.action_id,
                    codes=event.codes,
                    rests_until_ns=event.rests_until_ns,
                )
            case ActionWithheld():
                yield ActionStep(
                    action=event.action,
                    decision="withheld",
                    action_id=None,
                    codes=event.codes,
                    rests_until_ns=event.rests_until_ns,
                )
            case CandidateRollbackDemanded():
                yield ActionStep(
                    action="rollback",
                    decision="demanded",
                    action_id=event.action_id,
                    codes=event.codes,
                    rests_until_ns=None,
                )
            case _:
                pass


def _cited(reference: EvidenceReference) -> Evidence:
    """Return a reference as events cite it: its schema is known."""
    return Evidence(path=reference.path, sha256=reference.sha256)


def _write(store: ArtifactStore, about: About, kind: Kind, message: Message) -> EvidenceReference:
    """Write ``message`` where nothing else can ever be, and return how it is cited."""
    body = canonical_bytes(message.model_dump(mode="json"))
    digest = sha256_hex(body)
    path = f"{FOLDER}/{about.run_id}/{digest}-{kind}.json"
    store.create(path, body)
    return EvidenceReference(path=path, sha256=digest, schema=stated_type(type(message)))
