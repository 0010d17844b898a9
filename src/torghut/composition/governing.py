"""The composition root of governance's own commands: its log, its keys, its policies.

It stands apart because what stops a loop must start at once, and needs neither log nor keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.declaration_text import load_owners
from torghut.adapters.filesystem.declared.staging import (
    StagePolicies,
    declaration_digests,
    load_staging,
)
from torghut.adapters.filesystem.governing import GoverningPolicies, load_governing
from torghut.adapters.filesystem.key_files import new_key_file
from torghut.adapters.filesystem.turns import TurnTakenError, held
from torghut.adapters.junit.reading import read_junit
from torghut.adapters.sqlite.sharing.events import SharedEvents
from torghut.adapters.system.clock import RandomIds, SystemClock
from torghut.adapters.system.commit import CommitFound, commit_of
from torghut.composition.standby import GOVERNANCE_LOG, artifact_root
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import EventStore
from torghut.schemas.declarations.governance import Owners
from torghut.settings import artifact_dir, commit, settings
from torghut.workflows.aggregates import Governance
from torghut.workflows.approving.grounds import LiveGrounds, RecordedGrounds
from torghut.workflows.streams import Streams

__all__ = [
    "TurnTakenError",
    "commit_here",
    "declared_files",
    "governance_events",
    "governing_policies",
    "lane_turn",
    "live_grounds",
    "new_key_file",
    "owners",
    "read_junit",
    "stage_policies",
]

LANE_LOCK: Final = "lane.lock"
"""File that whoever runs the lane holds, below the folder of artifacts."""


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


def live_grounds(events: EventStore) -> LiveGrounds:
    """Return what speaks for live besides an approval, by what is declared and on record now."""
    declared = governing_policies()
    causes = Causes(correlation_id="grounds", causation_id="grounds")
    return RecordedGrounds(
        governance=Governance(streams=Streams(events), causes=causes),
        roadmap=declared.roadmap,
        allow_live=declared.scheduler.allow_live,
        drift=declared.drift,
        store=artifact_root(artifact_dir()),
    )


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
