"""A run as one portable file: the same run gives the same bytes, whoever exports it."""

from __future__ import annotations

from collections.abc import Iterator

from torghut.artifacts.errors import ReadFault
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.envelopes import Envelope
from torghut.eventlog.ports import EventStore
from torghut.governance.rollouts.manifest import manifest_bytes, manifest_of
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    RolloutState,
    read_rollout_event,
    rollout_stream,
)
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.reviewing.export import ExportedEvent, ExportedFile, RunExport
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.workflows.reviewing.errors import (
    EvidenceAlteredError,
    ManifestDisagreesError,
    RunAtWorkError,
    RunUnknownError,
)
from torghut.workflows.rollout.checking import read_found, signatures_of
from torghut.workflows.rollout.places import run_manifest


async def export_run(
    events: EventStore, store: ArtifactStore, run_id: str, attempt: int
) -> RunExport:
    """Return a run as it stands by its events, with everything that it cites.

    Its manifest is what holds now: the final one, or that of a later cycle which said otherwise.

    Raises:
        RunUnknownError: There is no such run.
        RunAtWorkError: The lane is at work on it.
        ManifestDisagreesError: Its own copy is not what its events lead to.
        EvidenceAlteredError: Something cited is missing, altered or no text.
    """
    envelopes = await events.read_events(rollout_stream(run_id, attempt))
    state = ROLLOUT.fold(read_rollout_event(one) for one in envelopes)
    manifest = _ended(state, run_id, attempt)
    body = manifest_bytes(manifest)
    if state.reassessed is None:
        _check_own_copy(manifest, body, store)
    return RunExport(
        run_id=run_id,
        attempt=attempt,
        manifest=body.decode(),
        signature=_signature(body, store),
        files=tuple(_files(manifest, store)),
        events=tuple(_exported(one) for one in envelopes),
    )


def export_bytes(export: RunExport) -> bytes:
    """Return an export as it stands in its file."""
    return canonical_bytes(export.model_dump(mode="json"))


def _ended(state: RolloutState, run_id: str, attempt: int) -> PhaseManifest:
    """Return what holds of a run whose lane has ended."""
    if state.started is None:
        raise RunUnknownError(expected=f"run {run_id}, attempt {attempt}")
    if not state.ended:
        raise RunAtWorkError(run_id=run_id)
    return manifest_of(state)


def _check_own_copy(manifest: PhaseManifest, body: bytes, store: ArtifactStore) -> None:
    """Refuse a run whose own copy of the manifest says something else than its events."""
    path = run_manifest(manifest)
    found = read_found(store, path)
    if found != body:
        said = found.value if isinstance(found, ReadFault) else f"sha256 {sha256_hex(found)}"
        raise ManifestDisagreesError(path=path, expected=sha256_hex(body), found=said)


def _signature(body: bytes, store: ArtifactStore) -> str | None:
    """Return the signature of a manifest; None where it has none."""
    for place in signatures_of(body):
        found = read_found(store, place)
        if found is not ReadFault.MISSING:
            return _text(place, found)
    return None


def _files(manifest: PhaseManifest, store: ArtifactStore) -> Iterator[ExportedFile]:
    """Yield everything that a manifest cites, by path."""
    for one in manifest.artifact_refs:
        found = read_found(store, one.path)
        if not isinstance(found, ReadFault) and sha256_hex(found) != one.sha256:
            raise EvidenceAlteredError(path=one.path, found=f"sha256 {sha256_hex(found)}")
        yield ExportedFile(path=one.path, text=_text(one.path, found))


def _text(path: str, found: bytes | ReadFault) -> str:
    """Return the text of a file that was found."""
    if isinstance(found, ReadFault):
        raise EvidenceAlteredError(path=path, found=found.value)
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EvidenceAlteredError(path=path, found="bytes that are no text") from error


def _exported(envelope: Envelope) -> ExportedEvent:
    """Return an event as an export keeps it."""
    return ExportedEvent(
        version=envelope.version,
        recorded_at_ns=envelope.recorded_at_ns,
        correlation_id=envelope.causes.correlation_id,
        causation_id=envelope.causes.causation_id,
        type=envelope.type,
        body=envelope.body.decode(),
        digest=envelope.digest,
    )
