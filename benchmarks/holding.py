"""Control groups that hold processes to a share of a core, in either version of their files."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOUNTED: Final = Path("/sys/fs/cgroup")

_PERIOD_US: Final = 100_000
_CONTROLLER: Final = "cpu"
_TRIES: Final = 50
_PAUSE_S: Final = 0.1


class GroupsMissingError(Exception):
    """No process can be held here; the message says why."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Where control groups are made, and by which version's files.

    Attributes:
        folder: Parent of those that are made.
        unified: Whether all controllers share one tree: version 2.
    """

    folder: Path
    unified: bool

    def write(self, group: Path, quota: float) -> None:
        """Say how large a share of a core the processes of a group have together."""
        share_us = round(_PERIOD_US * quota)
        if self.unified:
            _put(group / "cpu.max", f"{share_us} {_PERIOD_US}")
            return
        _put(group / "cpu.cfs_period_us", str(_PERIOD_US))
        _put(group / "cpu.cfs_quota_us", str(share_us))


@dataclass(frozen=True, slots=True)
class Hold:
    """How processes are held: each in a group of its own, to a share of a core."""

    groups: Groups
    quota: float


def control_groups(mounted: Path = MOUNTED) -> Groups:
    """Return where groups that share cores can be made; one was made, and is gone again.

    Args:
        mounted: Where the system shows its control groups.

    Raises:
        GroupsMissingError: None can be.
    """
    try:
        groups = groups_at(mounted)
        if groups.unified:
            _hand_down(mounted / "cgroup.subtree_control")
        with held(Hold(groups, 1.0)):
            return groups
    except OSError as error:
        message = f"no control groups to write in {mounted}: {error.strerror or error}"
        raise GroupsMissingError(message) from error


def groups_at(mounted: Path) -> Groups:
    """Return where groups that share cores are, without trying to make one.

    Raises:
        GroupsMissingError: They are of version 2, and cores are none of what they share.
        OSError: What they share cannot be read.
    """
    offered = mounted / "cgroup.controllers"
    if not offered.exists():
        return Groups(mounted / _CONTROLLER, unified=False)
    if _CONTROLLER not in offered.read_text(encoding="ascii").split():
        message = f"{offered}: expected {_CONTROLLER}, found it not there"
        raise GroupsMissingError(message)
    return Groups(mounted, unified=True)


@contextmanager
def held(hold: Hold) -> Iterator[Path]:
    """Give a group with a share of a core; it is gone at the end, once its processes are."""
    group = hold.groups.folder / f"torghut-{secrets.token_hex(4)}"
    group.mkdir()
    try:
        hold.groups.write(group, hold.quota)
        yield group
    finally:
        for _ in range(_TRIES):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(_PAUSE_S)


def join(group: Path, pid: int) -> None:
    """Let a process be held with its group, and its children too."""
    _put(group / "cgroup.procs", str(pid))


def _hand_down(passed: Path) -> None:
    """Let groups below have the controller, if they do not yet: without it they have no limit."""
    if _CONTROLLER not in passed.read_text(encoding="ascii").split():
        _put(passed, f"+{_CONTROLLER}")


def _put(file: Path, text: str) -> None:
    """Write one of the system's files; it makes them itself, and none in a folder that is plain."""
    with file.open("r+", encoding="ascii") as opened:
        opened.write(text)
