"""What one switch file says; whatever stands under such a name throws, readable or not."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Final

from torghut.kernel.printing import printable
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.worker import SwitchThrownFile
from torghut.workflows.live.switch_ports import DRILL_ID, ThrownSwitch

FILE_BYTES: Final = 4096
"""Longest file that is read; one that a throw writes is shorter."""

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_throw_id(text: str, *, drill: bool = False) -> bool:
    """Return whether a file that says ``text`` is taken for that throw, or for that drill."""
    return _ID.fullmatch(text) is not None and text.startswith(DRILL_ID) == drill


def read_thrown(path: Path, name: SwitchName, *, drill: bool = False) -> ThrownSwitch | None:
    """Return what the file at ``path`` throws; None where there is none.

    A link is not followed, a pipe not waited for, a long file not read whole.

    Raises:
        OSError: Whether there is one cannot be told.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    said = _said(path)
    if isinstance(said, SwitchThrownFile) and _is_meant(said, name, drill=drill):
        return ThrownSwitch(
            name=name,
            throw_id=said.throw_id,
            who=printable(said.who),
            reason=printable(said.reason),
            thrown_wall_ns=said.thrown_wall_ns,
            drill=drill,
            revisions=said.revisions,
        )
    fault = said if isinstance(said, str) else "is that of another throw"
    return ThrownSwitch(
        name=name,
        throw_id=f"{DRILL_ID if drill else ''}file-{_identity(found, name)}",
        who="",
        reason=f"the switch file {fault}",
        thrown_wall_ns=None,
        drill=drill,
    )


def _said(path: Path) -> SwitchThrownFile | str:
    """Return what a file says, or why that cannot be told."""
    try:
        body = _body(path)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if body is None:
        return "is no plain file"
    if not body:
        return "is empty"
    if len(body) > FILE_BYTES:
        return f"is longer than {FILE_BYTES} bytes"
    try:
        return SwitchThrownFile.model_validate_json(body)
    except ValueError:
        return "does not say who threw it and why"


def _body(path: Path) -> bytes | None:
    """Return the start of a plain file, one byte more than it may have; None of anything else."""
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return os.read(descriptor, FILE_BYTES + 1)
    finally:
        os.close(descriptor)


def _is_meant(said: SwitchThrownFile, name: SwitchName, *, drill: bool) -> bool:
    """Return whether a file stands under the name for which it was written.

    The id of a copy under another name would hide the copy behind the original.
    """
    return said.name == name and is_throw_id(said.throw_id, drill=drill)


def _identity(found: os.stat_result, name: SwitchName) -> str:
    """Return what tells this file from any other, as long as it is as it is."""
    text = f"{name}:{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
