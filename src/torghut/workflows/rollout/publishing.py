"""Putting a run's manifest where readers look: once beside the run, and as the current one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.errors import ReadFault
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.ports import EventStore
from torghut.governance.rollouts.manifest import (
    final_manifest_of,
    lane_manifest_of,
    manifest_bytes,
    manifest_of,
)
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    RolloutState,
    read_rollout_event,
    rollout_stream,
)
from torghut.governance.verification.origin import sign_manifest
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.rollout.places import (
    CURRENT,
    SIGNATURE,
    reassessed_signature,
    run_manifest,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The manifests of a run as they were published.

    Attributes:
        current: What holds of it now.
        own: The newest that is the run's own copy; where the lane is at work there is none, and
            this is the current one.
    """

    current: PhaseManifest
    own: PhaseManifest

    @property
    def place(self) -> str:
        """Where the run's own copy is, or will be once its lane has ended."""
        return run_manifest(self.own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What the holder of a key answers for: what was said under it, or what they say as well.

    Attributes:
        final: The run's own final manifest.
        current: The current one, where it says something else.
    """

    final: bool
    current: bool


BOTH: Final = Signs(final=True, current=True)


async def project_run(events: EventStore, run_id: str, *, attempt: int = 1) -> RolloutState:
    """Return what a run's events come to, and nothing else.

    Raises:
        LogIntegrityError: One is not as it was written.
    """
    stream = rollout_stream(run_id, attempt)
    history = [read_rollout_event(envelope) for envelope in await events.read_events(stream)]
    return ROLLOUT.fold(history)


def publish_run(
    run: RolloutState,
    store: ArtifactStore,
    *,
    key: Ed25519PrivateKey | None = None,
    current: bool = True,
    signs: Signs = BOTH,
) -> Published:
    """Write the manifests of ``run`` and return the current one; again changes nothing.

    A lane at work shows in the current manifest only. Once it has ended, and once the run is final,
    its own copy is written and never again; then the signatures, and last what is current, so that
    whoever follows the current one finds the others there. What later cycles say of a final run
    shows in the current manifest only.

    Args:
        run: That is to be shown.
        store: The artifact root.
        key: Signs what is final.
        current: Whether it is the run whose manifest is the current one.
        signs: What of it the holder of the key answers for.

    Raises:
        RunNotStartedError: There is no run yet.
        ArtifactExistsError: Another manifest of this attempt was written before.
        ArtifactUnwritableError: It cannot be written.
    """
    now, left, final = manifest_of(run), lane_manifest_of(run), final_manifest_of(run)
    for own in filter(None, (left, final)):
        store.create(run_manifest(own), manifest_bytes(own))
    if key is not None and final is not None:
        if signs.final:
            _sign(final, store, run_manifest(final) + SIGNATURE, key)
        if now != final and signs.current:
            _sign(now, store, reassessed_signature(now), key)
    if current:
        store.replace(CURRENT, manifest_bytes(now))
    return Published(current=now, own=final or left or now)


def manifests_of(run: RolloutState) -> Published:
    """Return the manifests of a run as they are to be published."""
    current, left, final = manifest_of(run), lane_manifest_of(run), final_manifest_of(run)
    return Published(current=current, own=final or left or current)


def own_manifests(run: RolloutState) -> Mapping[str, bytes]:
    """Return what stands as a run's own copies once they are published, by their places."""
    found = (lane_manifest_of(run), final_manifest_of(run))
    return {run_manifest(one): manifest_bytes(one) for one in found if one is not None}


def _sign(
    manifest: PhaseManifest, store: ArtifactStore, place: str, key: Ed25519PrivateKey
) -> None:
    """Put the signature of ``manifest`` there, unless one is there already.

    It may be by an older key; whether it holds is for its readers to judge.
    """
    if read_found(store, place) is ReadFault.MISSING:
        store.create(place, sign_manifest(manifest, key))
