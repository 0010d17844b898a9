"""Where a run's manifests are below the artifact root, and where the root is of a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from torghut.schemas.rollout.manifest import ManifestDocument

CURRENT: Final = "rollout/phase-manifest.json"
"""The manifest of the run that ended last."""

SIGNATURE: Final = ".dsse"
"""What a signature's file is called after its manifest."""

REVIEW: Final = "review.html"
"""What a run's page is called, in the run's folder."""

_REASSESSED: Final = "reassessed"
_RUNS: Final = "runs"
_ATTEMPTS: Final = "attempts"


def run_folder(run_id: str, attempt: int) -> str:
    """Return the folder of a run; the same inputs again go to another attempt.

    Example:
        >>> run_folder("r1", 1), run_folder("r1", 2)
        ('runs/r1', 'runs/r1/attempts/2')
    """
    again = "" if attempt == 1 else f"/{_ATTEMPTS}/{attempt}"
    return f"{_RUNS}/{run_id}{again}"


def run_manifest(manifest: ManifestDocument) -> str:
    """Return where the copy of a manifest is that is written once: the lane's, or the final one."""
    summary = manifest.observation_summary
    kind = "" if summary.finalised else ".lane"
    return f"{run_folder(manifest.run_id, summary.attempt)}/rollout/phase-manifest{kind}.json"


def reassessed_signature(manifest: ManifestDocument) -> str:
    """Return where the signature of a current manifest is that is not its run's own copy any more.

    Its name is the manifest's content hash, so that it can be there before the manifest is.
    """
    folder = run_folder(manifest.run_id, manifest.observation_summary.attempt)
    return f"{folder}/rollout/{_REASSESSED}/{manifest.content_hash}{SIGNATURE}"


def root_of(manifest: Path) -> Path:
    """Return the artifact root that a manifest lies in, out of where it lies alone.

    Example:
        >>> root_of(Path("var/rollout/phase-manifest.json"))
        PosixPath('var')
        >>> root_of(Path("var/runs/r1/attempts/2/rollout/phase-manifest.json"))
        PosixPath('var')
    """
    run = manifest.parent.parent
    if run.parent.name == _ATTEMPTS:
        run = run.parent.parent
    return run.parent.parent if run.parent.name == _RUNS else run
