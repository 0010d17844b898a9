"""A manifest in its folder, with everything that it cites read from beside it."""

from __future__ import annotations

from collections.abc import Sequence

from torghut.artifacts.errors import ArtifactUnreadableError, ReadFault
from torghut.artifacts.ports import ArtifactStore
from torghut.artifacts.signatures import TrustedKey
from torghut.governance.rollouts.evidence import Content
from torghut.governance.verification.checks import Verdict
from torghut.governance.verification.document import parse_document
from torghut.governance.verification.verifying import references_in, verify_manifest
from torghut.workflows.rollout.places import SIGNATURE, reassessed_signature, run_manifest


def read_found(store: ArtifactStore, path: str) -> Content:
    """Return the bytes at ``path``, or why they are not to be had."""
    try:
        return store.read(path)
    except ArtifactUnreadableError as error:
        return error.fault


def is_altered(store: ArtifactStore, path: str, body: bytes) -> bool:
    """Return whether other bytes than ``body`` stand at ``path``; nothing there is nothing yet."""
    found = read_found(store, path)
    if isinstance(found, ReadFault):
        return found not in {ReadFault.MISSING, ReadFault.UNREADABLE}
    return found != body


def check_manifest(
    body: bytes,
    store: ArtifactStore,
    *,
    envelope: bytes | None,
    trusted: Sequence[TrustedKey],
    now_ns: int,
) -> Verdict:
    """Return what a manifest is worth, its evidence read from ``store``.

    Args:
        body: Of the manifest.
        store: The artifact root that it cites from.
        envelope: What stands beside it as its signature; None where nothing does.
        trusted: The keys that the reader trusts.
        now_ns: Wall time of the reader.
    """
    found = {one.path: read_found(store, one.path) for one in references_in(body)}
    return verify_manifest(body, found, envelope=envelope, trusted=trusted, now_ns=now_ns)


def find_envelope(
    body: bytes, root: ArtifactStore, beside: ArtifactStore, name: str
) -> bytes | None:
    """Return what is signed of a manifest: beside it, else where its run's signatures are kept.

    None only where nothing is there. What is there and cannot be read is empty bytes: no envelope,
    and not the same as none.

    Args:
        body: Of the manifest.
        root: The artifact root.
        beside: The folder that the manifest is in.
        name: Of the manifest's file there.
    """
    found = read_found(beside, name + SIGNATURE)
    for place in signatures_of(body):
        if found is not ReadFault.MISSING:
            break
        found = read_found(root, place)
    if found is ReadFault.MISSING:
        return None
    return b"" if isinstance(found, ReadFault) else found


def signatures_of(body: bytes) -> Sequence[str]:
    """Return where a manifest's signature may be among its run's; nowhere if it cannot be read."""
    document, _ = parse_document(body)
    if document is None:
        return []
    return [reassessed_signature(document), run_manifest(document) + SIGNATURE]
