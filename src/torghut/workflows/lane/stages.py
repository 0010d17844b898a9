"""Stage manifests: each phase's inputs and outputs, chained by digest from the run's inputs on.

Nobody can change what one phase used or made without changing the lineage of all that follow; and
a gate of promotion prerequisites shows that the chain holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.canonical import JsonRefusedError, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.publish import MODELS
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.rollout.lane import StageManifest
from torghut.schemas.rollout.phases import PHASES, PhaseName, PhaseStatus
from torghut.schemas.upcasting import MessageContentError, MessageTypeError, read_message
from torghut.workflows.lane.evidence import RunFiles


def stage_file(phase: PhaseName) -> str:
    """Return the name of a phase's stage manifest, below the run's folder.

    Example:
        >>> stage_file("drift-gate")
        'stages/4-drift-gate.json'
    """
    return f"stages/{PHASES.index(phase) + 1}-{phase}.json"


def lineage_of(manifest: StageManifest) -> str:
    """Return the digest of a stage manifest without its own lineage, 64 hex digits."""
    stated = {k: v for k, v in manifest.model_dump(mode="json").items() if k != "lineage"}
    return sha256_hex(canonical_bytes(stated))


def stage_manifest(
    files: RunFiles,
    *,
    attempt: int,
    phase: PhaseName,
    status: PhaseStatus,
    put: tuple[Sequence[EvidenceReference], Sequence[EvidenceReference]],
    previous: str,
) -> StageManifest:
    """Return a phase's link of the chain.

    Args:
        files: Of the run.
        attempt: Of the run.
        phase: That it is of.
        status: That the phase came to.
        put: What went in, and what came out.
        previous: Lineage of the phase before; of the first, the digest of the run's inputs.
    """
    unnamed = StageManifest(
        run_id=files.run_id,
        attempt=attempt,
        number=PHASES.index(phase) + 1,
        phase=phase,
        status=status,
        inputs=_once(put[0]),
        outputs=_once(put[1]),
        previous=previous,
        lineage="0" * 64,
    )
    stated = unnamed.model_dump(mode="json")
    return StageManifest.model_validate({**stated, "lineage": lineage_of(unnamed)})


def _once(references: Sequence[EvidenceReference]) -> tuple[EvidenceReference, ...]:
    """Return references by path, each once."""
    by_path = {(one.path, one.sha256): one for one in references}
    return tuple(by_path[key] for key in sorted(by_path))


def chain_faults(store: ArtifactStore, folder: str, inputs: str, count: int) -> Iterator[str]:
    """Yield what is wrong with the first ``count`` links of a run's chain, and with what they cite.

    Args:
        store: The artifact root.
        folder: Of the run and attempt.
        inputs: Digest of the run's inputs.
        count: Links that there should be.
    """
    previous = inputs
    for number, phase in enumerate(PHASES[:count], start=1):
        path = f"{folder}/{stage_file(phase)}"
        link = _read_link(store, path)
        if link is None:
            yield f"expected a stage manifest at {path}, found none that can be read"
            return
        if (link.number, link.phase) != (number, phase):
            yield f"{path}: expected phase {number}, {phase}, found {link.number}, {link.phase}"
        if link.previous != previous:
            yield f"{path}: expected to follow {previous[:16]}, found {link.previous[:16]}"
        if link.lineage != lineage_of(link):
            yield f"{path}: expected the lineage that follows from its content, found another"
        yield from _altered(store, path, (*link.inputs, *link.outputs))
        previous = link.lineage


def _read_link(store: ArtifactStore, path: str) -> StageManifest | None:
    """Return the stage manifest at ``path``; None where there is none."""
    try:
        message = read_message(store.read(path), MODELS)
    except (
        ArtifactUnreadableError,
        JsonRefusedError,
        MessageTypeError,
        MessageContentError,
    ):
        return None
    return message if isinstance(message, StageManifest) else None


def _altered(
    store: ArtifactStore, path: str, references: Sequence[EvidenceReference]
) -> Iterator[str]:
    """Yield what a link cites and what is not there as cited."""
    for one in references:
        try:
            found = sha256_hex(store.read(one.path))
        except ArtifactUnreadableError as error:
            yield f"{path}: expected {one.path}, found it {error.fault}"
            continue
        if found != one.sha256:
            yield f"{path}: expected {one.path} as cited, found another file"
