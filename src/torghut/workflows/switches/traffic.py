"""The traffic patch that goes with fencing a revision, and which revision gets the traffic."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.digests import sha256_hex
from torghut.schemas.live.incident import TrafficPatchFile
from torghut.schemas.live.traffic import TrafficPatch, patch_to
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.switches.incidents import FOLDER


def last_stable(asked: str, pages: Sequence[WorkerSeen], fenced: Collection[str]) -> str:
    """Return the revision that is to get the traffic; empty where nobody knows.

    Args:
        asked: What somebody named; empty where nobody did.
        pages: Of all workers, dead ones too: the one that served last knows a revision.
        fenced: Revisions that are not to.
    """
    if asked:
        return asked
    known = [
        (one.status.written_wall_ns, one.status.revision)
        for one in pages
        if one.status is not None and one.status.revision not in {"", *fenced}
    ]
    return max(known, default=(0, ""))[1]


def write_patch(
    store: ArtifactStore, template: TrafficPatch, revision: str, incident: str
) -> TrafficPatchFile:
    """Write the patch that gives ``revision`` all traffic beside an incident; it is not applied.

    Raises:
        ValueError: No Knative revision has such a name.
        ArtifactExistsError: Another one stands there.
        ArtifactUnwritableError: It cannot be written.
    """
    patch = patch_to(template, revision)
    body = (json.dumps(patch.model_dump(mode="json"), indent=2) + "\n").encode()
    path = f"{FOLDER}/{incident}.traffic.json"
    store.create(path, body)
    return TrafficPatchFile(
        path=path,
        sha256=sha256_hex(body),
        revision=revision,
        applied=False,
        detail="no cluster is configured here (TORGHUT_CLUSTER): apply it where one is",
    )
