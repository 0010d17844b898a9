"""The composition root of what must work when nothing else does: switches, pages, governance.

It names the few adapters that need neither kernel nor decision log, so that a command which stops a
loop, lets it go on, says how it stands or asks governance starts at once and on an installation
that cannot decide.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.filesystem.declaration_text import load_live_policy, load_owners
from torghut.adapters.filesystem.governing import GoverningPolicies, load_governing
from torghut.adapters.filesystem.switches.folder import SwitchFiles
from torghut.adapters.filesystem.worker_pages import HeldPage, read_pages
from torghut.adapters.filesystem.writing import FileReadError
from torghut.adapters.http.posting import post
from torghut.adapters.system.clock import MonotonicClock, RandomIds, SystemClock
from torghut.adapters.system.person import person
from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.clock import IdSource, SteadyClock, WallClock
from torghut.schemas.declarations.governance import Owners
from torghut.schemas.declarations.live import LivePolicy
from torghut.settings import artifact_dir, settings
from torghut.workflows.live.switch_ports import SwitchThrower, WorkerPage, WorkerSeen

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from torghut.adapters.sqlite.sharing.events import SharedEvents

__all__ = [
    "GOVERNANCE_LOG",
    "SWITCHES",
    "TOKENS",
    "WORKERS",
    "artifact_root",
    "governance_events",
    "governing_policies",
    "ids",
    "live_policy",
    "new_key_file",
    "owners",
    "person",
    "post",
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

TOKENS: Final = "api-tokens"
"""File of the service's tokens where nobody names another, below the folder of artifacts."""


def live_policy() -> LivePolicy:
    """Return what the live service of this installation is bound by.

    Raises:
        DeclarationError: It is missing or does not fit its model.
    """
    return load_live_policy(settings().declarations_dir)


def artifact_root(root: Path) -> ArtifactStore:
    """Return the artifacts below ``root``."""
    return FolderArtifacts(root)


def governance_events(root: Path) -> SharedEvents:
    """Return the streams of the governance whose artifacts are below ``root``; made when written.

    Any process may append to them in its turn, and read them at any time.
    """
    # Brought when it is asked for: a command that stops a loop does without a database.
    shared = importlib.import_module("torghut.adapters.sqlite.sharing.events")
    events: SharedEvents = shared.SharedEvents(
        root / GOVERNANCE_LOG, clock=SystemClock(), ids=RandomIds()
    )
    return events


def new_key_file(path: Path) -> Ed25519PublicKey:
    """Make a pair of keys, write it to ``path`` and ``<path>.pub``, and return the public one.

    Raises:
        KeyFileExistsError: One of the files is there already.
        FileWriteError: They cannot be written.
    """
    key_files = importlib.import_module("torghut.adapters.filesystem.key_files")
    key: Ed25519PublicKey = key_files.new_key_file(path)
    return key


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
