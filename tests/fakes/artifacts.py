"""Artifacts in memory, held to the same contract as the folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from typing_extensions import override

from torghut.artifacts.errors import (
    ArtifactExistsError,
    ArtifactUnreadableError,
    ArtifactUnwritableError,
    ReadFault,
)
from torghut.artifacts.paths import stays_below
from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.digests import sha256_hex


class InMemoryArtifacts(ArtifactStore):
    """Files by their paths.

    Args:
        files: What is there to begin with.
    """

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files = dict(files or {})

    def paths(self) -> Sequence[str]:
        """Return the path of every file, sorted."""
        return sorted(self._files)

    @override
    def read(self, path: str, /) -> bytes:
        if not stays_below(path):
            raise ArtifactUnreadableError(path=path, fault=ReadFault.OUTSIDE)
        if path not in self._files:
            folder = any(name.startswith(f"{path}/") for name in self._files)
            fault = ReadFault.NOT_A_FILE if folder else ReadFault.MISSING
            raise ArtifactUnreadableError(path=path, fault=fault)
        return self._files[path]

    @override
    def names(self, folder: str, /) -> Sequence[str]:
        if not stays_below(folder):
            raise ArtifactUnreadableError(path=folder, fault=ReadFault.OUTSIDE)
        if folder in self._files:
            raise ArtifactUnreadableError(path=folder, fault=ReadFault.NOT_A_FILE)
        below = [path for path in self._files if path.startswith(f"{folder}/")]
        names = (path.removeprefix(f"{folder}/") for path in below)
        return sorted(name for name in names if "/" not in name and not name.startswith("."))

    @override
    def replace(self, path: str, body: bytes, /) -> None:
        if not stays_below(path):
            raise ArtifactUnwritableError(path=path, reason=ReadFault.OUTSIDE)
        self._files[path] = body

    @override
    def create(self, path: str, body: bytes, /) -> None:
        if not stays_below(path):
            raise ArtifactUnwritableError(path=path, reason=ReadFault.OUTSIDE)
        kept = self._files.setdefault(path, body)
        if kept != body:
            raise ArtifactExistsError(path=path, expected=sha256_hex(body), found=sha256_hex(kept))
