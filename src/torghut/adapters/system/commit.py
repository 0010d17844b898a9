"""Which commit is checked out where the code or its declarations are, if Git knows."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)
_WAIT_S: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFound:
    """A commit, and whether it is all that is there."""

    commit: str
    tree: Literal["clean", "modified", "unknown"]


def commit_of(folder: Path) -> CommitFound | None:
    """Return the commit that ``folder`` is checked out at; None where nobody can tell."""
    git = shutil.which("git")
    if git is None:
        return None
    commit = _ask(git, folder, "rev-parse", "HEAD")
    if commit is None or not _COMMIT.fullmatch(commit):
        return None
    changes = _ask(git, folder, "status", "--porcelain")
    tree: Literal["clean", "modified", "unknown"] = "unknown"
    if changes is not None:
        tree = "modified" if changes else "clean"
    return CommitFound(commit=commit, tree=tree)


def _ask(git: str, folder: Path, *words: str) -> str | None:
    """Return what Git prints; None where it fails."""
    try:
        ended = subprocess.run(  # noqa: S603 - a fixed command, without a shell
            [git, "-C", str(folder), *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=_WAIT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None
