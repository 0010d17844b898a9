"""Switch files, worker pages, and how governance is heard: what works when nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, get_args

from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.worker import SwitchThrownFile, WorkerStatus

SWITCH_NAMES: Final[Sequence[SwitchName]] = get_args(SwitchName)
"""Every switch."""

DRILL_ID: Final = "drill-"
"""Begins the id of every drill, and of no throw: neither can be passed off as the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrownSwitch:
    """A switch that a file throws.

    Attributes:
        name: Which one.
        throw_id: Of this throw alone, the same at every look.
        who: User and machine; empty where the file cannot be read.
        reason: As given; what is wrong with the file where it cannot be read.
        thrown_wall_ns: When; None where nobody knows.
        drill: Whether it is only to be acknowledged.
        revisions: That it fences; none: the one that decides where it is recorded.
    """

    name: SwitchName
    throw_id: str
    who: str
    reason: str
    thrown_wall_ns: int | None
    drill: bool = False
    revisions: tuple[str, ...] = ()


class SwitchFolder(Protocol):
    """The folder of switch files; a file there only ever throws."""

    def prepare(self) -> None:
        """Make room for a throw on a full disk, as long as the disk is not full."""
        ...

    def thrown(self) -> Sequence[ThrownSwitch]:
        """Return what the files throw now, drills included; one that cannot be read throws too."""
        ...

    def retire(self, name: str, throw_id: str) -> None:
        """Take a file away that was released on the record, if it still is that throw."""
        ...


class SwitchThrower(SwitchFolder, Protocol):
    """The folder of switch files for one who throws."""

    def throw(self, thrown: SwitchThrownFile) -> None:
        """Put a file there, durably; what is thrown already stays beside it.

        On a full disk the file may be there without what it says; it throws all the same.

        Raises:
            ThrowIdRefusedError: Whoever reads the file would not know the throw by its id.
            SwitchNotThrownError: Not even an empty file can be put there.
        """
        ...

    def drill(self, thrown: SwitchThrownFile) -> None:
        """Put a file there that workers acknowledge and do not put in force.

        Raises:
            FileWriteError: It cannot be written.
        """
        ...

    def end_drill(self, name: SwitchName, throw_id: str) -> None:
        """Take a drill's file away, if it still is that drill."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSeen:
    """A worker as its page shows it.

    Attributes:
        worker: Its name.
        alive: Whether a process holds the page; one that is halted holds it too.
        pid: Of the process that wrote it last; None where nobody can tell.
        rewritten: Counts how often the page was written; it grows while the worker answers.
        status: What stands there; of an earlier process until its ``pid`` is the page's.
        fault: Why it cannot be made out; without fault and status it has not said anything yet.
    """

    worker: str
    alive: bool
    pid: int | None = None
    rewritten: int = 0
    status: WorkerStatus | None = None
    fault: str = ""


class WorkerPage(Protocol):
    """Where one worker says how it stands; held for its life."""

    def write(self, status: WorkerStatus) -> None:
        """Put ``status`` there, in place, so that a full disk does not matter."""
        ...

    def close(self) -> None:
        """Let go of it; what stands there stays."""
        ...
