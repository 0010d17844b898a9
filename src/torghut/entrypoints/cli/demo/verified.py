"""What ``torghut rollout verify`` says of the promoted run's manifest: whole, unknown, altered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torghut.entrypoints.cli.demo.failing import DemoFailedError
from torghut.entrypoints.cli.demo.made.world import MadeWorld
from torghut.entrypoints.cli.demo.typed import typed
from torghut.kernel.errors import ExitCode
from torghut.workflows.rollout.places import run_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Exit codes of ``torghut rollout verify``.

    Attributes:
        manifest: The promoted run's own copy, final and signed.
        with_key: By the scheduler's public key.
        without: By nobody's.
        altered: Of a copy with one letter changed, by the scheduler's public key.
    """

    manifest: Path
    with_key: int
    without: int
    altered: int


def verify(world: MadeWorld, run_id: str) -> Verified:
    """Return what verifying the manifest of a run ends with.

    Raises:
        DemoFailedError: Not as the exit codes are published.
    """
    manifest = world.artifacts / run_folder(run_id, 1) / "rollout" / "phase-manifest.json"
    altered = world.root / "altered-manifest.json"
    body = manifest.read_bytes()
    altered.write_bytes(body.replace(b'"created_at":"2', b'"created_at":"1', 1))
    key = ("--key", str(world.public_key))
    found = Verified(
        manifest=manifest,
        with_key=_status(manifest, *key),
        without=_status(manifest),
        altered=_status(altered, *key, "--root", str(world.artifacts)),
    )
    wanted = (ExitCode.YES, ExitCode.NOT_FINAL, ExitCode.INTEGRITY)
    if (found.with_key, found.without, found.altered) != wanted:
        raise DemoFailedError(step="verify", found=str(found))
    return found


def _status(manifest: Path, *options: str) -> int:
    """Return the exit status of ``torghut rollout verify``."""
    return typed("rollout", "verify", str(manifest), *options).status
