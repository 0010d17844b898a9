"""Setting a log aside: renamed with all that belongs to it, so that another can begin there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from torghut.adapters.sqlite.faults import writing_to
from torghut.adapters.sqlite.heads.lines import heads_path
from torghut.adapters.sqlite.writer_lock import WriterLock
from torghut.eventlog.errors import LogWriteError, Obstacle

_MEMBERS: Final = ("-wal", "-shm", ".heads", "")
"""What a log is made of, by what follows its name; the database last."""


def set_log_aside(path: Path, stamp: str) -> Path | None:
    """Rename the log at ``path`` and return its new path; None if there is no log.

    Whenever this is cut short, what is left is refused, never taken for a whole log.

    Args:
        path: Of the log.
        stamp: Follows the log's name; nothing may have that name yet.

    Raises:
        LogInUseError: Somebody is writing it.
        LogWriteError: Something stands in the way.
    """
    if not path.exists() and not heads_path(path).exists():
        return None
    aside = path.with_name(f"{path.name}.{stamp}")
    with writing_to(path):
        lock = WriterLock(path)
        try:
            _rename(path, aside)
        finally:
            lock.release()
    return aside


def _rename(path: Path, aside: Path) -> None:
    """Rename everything that the log is made of."""
    taken = [_member(aside, name) for name in _MEMBERS if _member(aside, name).exists()]
    if taken:
        raise LogWriteError(obstacle=Obstacle.OTHER, detail=f"{taken[0]} exists already")
    for name in _MEMBERS:
        if _member(path, name).exists():
            _member(path, name).rename(_member(aside, name))


def _member(log: Path, name: str) -> Path:
    """Return the path of one file of a log."""
    return log.with_name(log.name + name)
