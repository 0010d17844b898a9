"""Putting a run's manifest where readers look: once beside the run, and as the current one."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.ports import EventStore
from torghut.governance.rollouts.manifest import manifest_bytes, manifest_of
from torghut.governance.rollouts.rollout import ROLLOUT, read_rollout_event, rollout_stream
from torghut.governance.verification.origin import sign_manifest
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.workflows.rollout.places import CURRENT, SIGNATURE, run_manifest


async def project_manifest(events: EventStore, run_id: str, *, attempt: int = 1) -> PhaseManifest:
    """Return the manifest of a run, folded from its events and from nothing else.

    Raises:
        RunNotStartedError: There are none.
        LogIntegrityError: One is not as it was written.
    """
    stream = rollout_stream(run_id, attempt)
    history = [read_rollout_event(envelope) for envelope in await events.read_events(stream)]
    return manifest_of(ROLLOUT.fold(history))


def publish_manifest(
    manifest: PhaseManifest, store: ArtifactStore, *, key: Ed25519PrivateKey | None = None
) -> str:
    """Write ``manifest`` and return where its own copy is; the same again changes nothing.

    A lane at work shows in the current manifest only. Once it has ended, and once the run is final,
    its own copy is written and never again; then the signature, and last what is current, so that
    whoever follows the current one finds the others there.

    Args:
        manifest: Of a run.
        store: The artifact root.
        key: Signs a final manifest.

    Raises:
        ArtifactExistsError: Another manifest of this attempt was written before.
        ArtifactUnwritableError: It cannot be written.
    """
    body, place = manifest_bytes(manifest), run_manifest(manifest)
    summary = manifest.observation_summary
    if summary.lane != "running":
        store.create(place, body)
    if summary.finalised and key is not None:
        store.create(place + SIGNATURE, sign_manifest(manifest, key))
    store.replace(CURRENT, body)
    return place
