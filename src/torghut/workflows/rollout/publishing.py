"""Putting a run's manifest where readers look: once beside the run, and as the current one."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.ports import EventStore
from torghut.governance.rollouts.manifest import final_manifest_of, manifest_bytes, manifest_of
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    RolloutState,
    read_rollout_event,
    rollout_stream,
)
from torghut.governance.verification.origin import sign_manifest
from torghut.workflows.rollout.places import (
    CURRENT,
    SIGNATURE,
    reassessed_signature,
    run_manifest,
)


async def project_run(events: EventStore, run_id: str, *, attempt: int = 1) -> RolloutState:
    """Return what a run's events come to, and nothing else.

    Raises:
        LogIntegrityError: One is not as it was written.
    """
    stream = rollout_stream(run_id, attempt)
    history = [read_rollout_event(envelope) for envelope in await events.read_events(stream)]
    return ROLLOUT.fold(history)


def publish_run(
    run: RolloutState, store: ArtifactStore, *, key: Ed25519PrivateKey | None = None
) -> str:
    """Write the manifests of ``run`` and return where its own copy is; again changes nothing.

    A lane at work shows in the current manifest only. Once it has ended, and once the run is final,
    its own copy is written and never again; then the signatures, and last what is current, so that
    whoever follows the current one finds the others there. What later cycles say of a final run
    shows in the current manifest only.

    Args:
        run: That is to be shown.
        store: The artifact root.
        key: Signs what is final.

    Raises:
        RunNotStartedError: There is no run yet.
        ArtifactExistsError: Another manifest of this attempt was written before.
        ArtifactUnwritableError: It cannot be written.
    """
    current = manifest_of(run)
    own = final_manifest_of(run) or current
    place = run_manifest(own)
    if own.observation_summary.lane != "running":
        store.create(place, manifest_bytes(own))
    if key is not None and own.observation_summary.finalised:
        store.create(place + SIGNATURE, sign_manifest(own, key))
        if current != own:
            store.create(reassessed_signature(current), sign_manifest(current, key))
    store.replace(CURRENT, manifest_bytes(current))
    return place
