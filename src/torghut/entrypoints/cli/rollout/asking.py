"""Which manifest a command is about, and what is shown of one wherever it is shown."""

from __future__ import annotations

from pathlib import Path

import click

from torghut.composition import standby
from torghut.governance.rollouts.manifest import NOT_FINALISED, overdue
from torghut.governance.verification.origin import Origin, origin_of
from torghut.governance.verification.verifying import read_manifest
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.workflows.rollout.checking import find_envelope
from torghut.workflows.rollout.places import root_of

manifest_argument = click.argument(
    "manifest", type=click.Path(path_type=Path, dir_okay=False), metavar="MANIFEST"
)
"""The file; the command's parameter is ``manifest``."""

attempt_option = click.option(
    "--attempt", type=click.IntRange(min=1), help="At the run; by default the last."
)
"""The option ``--attempt``; the command's parameter has the same name."""


def read_body(path: Path) -> bytes:
    """Return the bytes of a manifest's file, which no link may stand for.

    Raises:
        ArtifactUnreadableError: It is not there, or no plain file.
    """
    return standby.artifact_root(path.parent).read(path.name)


def read_asked(path: Path) -> PhaseManifest:
    """Return the manifest at ``path``, which holds together; its evidence is not looked at.

    Raises:
        ArtifactUnreadableError: It is not there, or no plain file.
        ManifestRefusedError: It is no manifest.
        ManifestAlteredError: It was altered.
    """
    return read_manifest(read_body(path))


def origin(path: Path, manifest: PhaseManifest) -> Origin:
    """Return who answers for the manifest at ``path``, to a reader who brings no key."""
    whole = path.absolute()
    envelope = find_envelope(
        read_body(whole),
        standby.artifact_root(root_of(whole)),
        standby.artifact_root(whole.parent),
        whole.name,
    )
    return origin_of(envelope, manifest.model_dump(mode="json"), ())


def standing(manifest: PhaseManifest) -> str:
    """Return what a manifest comes to for a reader now, never a pass before it is final."""
    return standing_of(manifest, late=overdue(manifest, standby.wall_clock().now_ns()))


def standing_of(manifest: PhaseManifest, *, late: bool) -> str:
    """Return what a manifest comes to for a reader by whose time it was late, or was not."""
    if late:
        return f"fail, reason {NOT_FINALISED}"
    return manifest.status if manifest.observation_summary.finalised else "NOT FINAL"


def number(value: float | None) -> str:
    """Return a number as short as it can be without a digit lost; empty where there is none.

    Example:
        >>> number(5.0), number(0.125), number(None)
        ('5', '0.125', '')
    """
    if value is None:
        return ""
    return str(int(value)) if value.is_integer() else repr(value)
