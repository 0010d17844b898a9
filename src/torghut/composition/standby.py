"""The composition root of what must work when nothing else does: switches, pages, manifests.

It names the few adapters that need neither log nor kernel, so that a command which stops a loop,
lets it go on, says how it stands or checks what governance left behind starts at once and on an
installation that cannot decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.filesystem.declaration_text import (
    load_live_policy,
    read_declaration,
)
from torghut.adapters.filesystem.governed.standing import put_standing, read_governance
from torghut.adapters.filesystem.switches.beats import BeatFile
from torghut.adapters.filesystem.switches.folder import SwitchFiles
from torghut.adapters.filesystem.worker_pages import HeldPage, read_pages
from torghut.adapters.filesystem.writing import FileReadError
from torghut.adapters.http.posting import fetch, post
from torghut.adapters.system.clock import MonotonicClock, RandomIds, SystemClock
from torghut.adapters.system.cluster import patch_traffic
from torghut.adapters.system.person import person
from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.clock import IdSource, SteadyClock, WallClock
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.declarations.text import parse
from torghut.schemas.live.governance import GovernanceStanding
from torghut.schemas.live.traffic import TrafficPatch
from torghut.settings import artifact_dir, settings
from torghut.workflows.live.observing.governed import GovernanceSeen
from torghut.workflows.live.switch_ports import SwitchThrower, WorkerPage, WorkerSeen

__all__ = [
    "BEAT",
    "INCIDENTS",
    "SWITCHES",
    "TOKENS",
    "WORKERS",
    "artifact_root",
    "fetch",
    "governance_beat",
    "governance_seen",
    "ids",
    "incident_names",
    "live_policy",
    "patch_traffic",
    "person",
    "post",
    "show_governance",
    "steady_clock",
    "switch_folder",
    "token_file",
    "traffic_patch",
    "wall_clock",
    "worker_page",
    "worker_pages",
]

SWITCHES: Final = "switches"
"""Folder of switch files, below that of artifacts."""

WORKERS: Final = "workers"
"""Folder of worker pages, below that of artifacts."""

BEAT: Final = "governance/heartbeat.json"
"""Where governance says that it is there, below the folder of artifacts."""

STANDING: Final = "governance/standing.json"
"""Where governance says how it stands, below the folder of artifacts."""

LEASE: Final = "governance"
"""Of the lease's two files, without their endings, below the folder of artifacts."""

GOVERNANCE_LOG: Final = "governance.log"
"""Log of governance's own streams, below the folder of artifacts."""

INCIDENTS: Final = "incidents"
"""Folder of what throws leave behind, below that of artifacts."""

TRAFFIC: Final = "ops/deploy/traffic-to-revision.yaml"
"""The declared patch of ``traffic_patch``."""

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


def ids() -> IdSource:
    """Return names that nobody has used before."""
    return RandomIds()


def wall_clock() -> WallClock:
    """Return the machine's clock."""
    return SystemClock()


def steady_clock() -> SteadyClock:
    """Return a clock that only tells how much time has passed."""
    return MonotonicClock()


def governance_beat() -> BeatFile:
    """Return where the holder of governance's lease says that it is there, and workers hear it."""
    return BeatFile(artifact_dir() / BEAT)


def show_governance(standing: GovernanceStanding) -> None:
    """Say how governance stands; only the holder of its lease may.

    Raises:
        FileWriteError: It cannot be written.
    """
    put_standing(artifact_dir() / STANDING, standing)


def governance_seen() -> GovernanceSeen:
    """Return what is to be seen of governance without its log, whatever is wrong with it."""
    root = artifact_dir()
    return read_governance(root / STANDING, root / LEASE, root / GOVERNANCE_LOG)


def incident_names() -> Sequence[str]:
    """Return the names of the files that stand among the incidents, sorted; none: no folder.

    Raises:
        FileReadError: The folder is there and cannot be read.
    """
    folder = artifact_dir() / INCIDENTS
    try:
        return sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FileReadError(path=folder, reason=error.strerror or str(error)) from error


def traffic_patch() -> TrafficPatch:
    """Return the declared patch that moves traffic; its revision stands for a real one.

    Raises:
        DeclarationError: It is missing or does not fit its model.
    """
    text = read_declaration(settings().declarations_dir, TRAFFIC)
    return parse(TypeAdapter(TrafficPatch), text, file=TRAFFIC)


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
