"""The composition root of what must work when nothing else does: switches, pages, governance.

It names the few adapters that need neither kernel nor decision log, so that a command which stops a
loop, lets it go on, says how it stands or asks governance starts at once and on an installation
that cannot decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.filesystem.declaration_text import load_live_policy, load_owners
from torghut.adapters.filesystem.declared.staging import (
    StagePolicies,
    declaration_digests,
    load_staging,
)
from torghut.adapters.filesystem.governing import GoverningPolicies, load_governing
from torghut.adapters.filesystem.key_files import new_key_file
from torghut.adapters.filesystem.switches.folder import SwitchFiles
from torghut.adapters.filesystem.turns import TurnTakenError, held
from torghut.adapters.filesystem.worker_pages import HeldPage, read_pages
from torghut.adapters.filesystem.writing import FileReadError
from torghut.adapters.http.posting import post
from torghut.adapters.junit.reading import read_junit
from torghut.adapters.sqlite.sharing.events import SharedEvents
from torghut.adapters.system.clock import MonotonicClock, RandomIds, SystemClock
from torghut.adapters.system.commit import CommitFound, commit_of
from torghut.adapters.system.person import person
from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.clock import IdSource, SteadyClock, WallClock
from torghut.schemas.declarations.governance import Owners
from torghut.schemas.declarations.live import LivePolicy
from torghut.settings import artifact_dir, commit, settings
from torghut.workflows.live.switch_ports import SwitchThrower, WorkerPage, WorkerSeen

__all__ = [
    "GOVERNANCE_LOG",
    "SWITCHES",
    "TOKENS",
    "WORKERS",
    "TurnTakenError",
    "artifact_root",
    "commit_here",
    "declared_files",
    "governance_events",
    "governing_policies",
    "ids",
    "lane_turn",
    "live_policy",
    "new_key_file",
    "owners",
    "person",
    "post",
    "read_junit",
    "stage_policies",
    "steady_clock",
    "switch_folder",
    "token_file",
    "wall_clock",
    "worker_page",
    "worker_pages",
]

GOVERNANCE_LOG: Final = "governance.log"
"""Log of governance's own streams, below the folder of artifacts."""

SWITCHES: Final = "switches"
"""Folder of switch files, below that of artifacts."""

WORKERS: Final = "workers"
"""Folder of worker pages, below that of artifacts."""

LANE_LOCK: Final = "lane.lock"
"""File that whoever runs the lane holds, below the folder of artifacts."""

TOKENS: Final = "api-tokens"
"""File of the service's tokens where nobody names another, below the folder of artifacts."""


def live_policy() -> LivePolicy:
    """Return what the live service of this installation is bound by.

    Raises:
        DeclarationError: It is missing or does not fit its model.
    """
    return load_live_policy(settings().declarations_dir)


def stage_policies() -> StagePolicies:
    """Return what stages are declared to be measured by in this installation.

    Raises:
        DeclarationError: A file is missing or does not fit its model.
    """
    return load_staging(settings().declarations_dir)


def declared_files() -> Mapping[str, str]:
    """Return the sha256 of every declaration file of this installation, by its path."""
    return declaration_digests(settings().declarations_dir)


def commit_here() -> CommitFound | None:
    """Return the commit that runs: as the environment says, else as Git does; None: nobody knows.

    Raises:
        CommitMalformedError: The environment says something else.
    """
    told = commit()
    if told is not None:
        return CommitFound(commit=told, tree="unknown")
    return commit_of(settings().declarations_dir)


def artifact_root(root: Path) -> ArtifactStore:
    """Return the artifacts below ``root``."""
    return FolderArtifacts(root)


def governance_events(root: Path) -> SharedEvents:
    """Return the streams of the governance whose artifacts are below ``root``; made when written.

    Any process may append to them in its turn, and read them at any time.
    """
    return SharedEvents(root / GOVERNANCE_LOG, clock=SystemClock(), ids=RandomIds())


def lane_turn(root: Path) -> AbstractContextManager[None]:
    """Hold the lane of the governance below ``root``: one process runs it at a time."""
    return held(root / LANE_LOCK)


def governing_policies() -> GoverningPolicies:
    """Return what governance is declared to be bound by in this installation.

    Raises:
        DeclarationError: A file is missing or does not fit its model.
    """
    return load_governing(settings().declarations_dir)


def owners() -> Owners:
    """Return the roles of this installation, and the keys that act in them.

    Raises:
        DeclarationError: The file is missing or does not fit its model.
    """
    return load_owners(settings().declarations_dir)


def ids() -> IdSource:
    """Return names that nobody has used before."""
    return RandomIds()


def wall_clock() -> WallClock:
    """Return the machine's clock."""
    return SystemClock()


def steady_clock() -> SteadyClock:
    """Return a clock that only tells how much time has passed."""
    return MonotonicClock()


def switch_folder() -> SwitchThrower:
    """Return the folder of switch files."""
    return SwitchFiles(artifact_dir() / SWITCHES, ids=RandomIds(), wall=SystemClock())


def token_file() -> Path:
    """Return where the tokens of a service are that was started without naming a file."""
    return artifact_dir() / TOKENS


def worker_page(worker: str) -> WorkerPage:
    """Return the page of ``worker``, held by this process until it is closed.

    Raises:
        WorkerNameTakenError: Another process holds it.
        FileWriteError: It cannot be made.
    """
    return HeldPage(artifact_dir() / WORKERS, worker)


def worker_pages() -> Sequence[WorkerSeen]:
    """Return every worker that has a page, by name.

    Raises:
        FileReadError: The folder of pages is there and cannot be read.
    """
    folder: Path = artifact_dir() / WORKERS
    try:
        return read_pages(folder)
    except OSError as error:
        raise FileReadError(path=folder, reason=error.strerror or str(error)) from error
