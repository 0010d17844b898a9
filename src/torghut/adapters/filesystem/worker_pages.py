"""Each worker's page: where it says how it stands, readable when log and API are not.

A page has a fixed size and is written in place, so a full disk does not matter. Its two halves are
written in turn, each under its own digest: whatever moment a process is killed or halted in, one of
them is whole. The process holds a lock on it for its life.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote, unquote

from typing_extensions import override

from torghut.adapters.filesystem.page_text import page_text
from torghut.adapters.filesystem.writing import FileWriteError
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.switch_ports import WorkerPage, WorkerSeen

HALF_BYTES: Final = 16_384
PAGE_BYTES: Final = 2 * HALF_BYTES

_SUFFIX: Final = ".page"
_HEADING: Final = re.compile(
    rb"torghut-page 1 +(?P<pid>\d{1,10}) +(?P<count>\d{1,19}) +(?P<size>\d{1,8})"
    rb" (?P<digest>[0-9a-f]{64})\n"
)
_HEADING_BYTES: Final = 128
"""More than any heading has."""

_ATTEMPTS: Final = 15
_PAUSE_S: Final = 0.02
"""One who reads holds the lock for microseconds; a worker that starts waits for 0.3 s."""

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HOLD: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_PAGES_MAX: Final = 1000


class WorkerNameTakenError(TorghutError):
    """Another process is the worker of this name; give this one another name, or end that one."""

    code: ClassVar[str] = "filesystem.worker-name-taken"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, worker: str, holder: str) -> None:
        super().__init__(
            f"worker {worker}: expected a name that no process has, found it held by {holder}; "
            "choose another one with --worker, or end that process"
        )
        self.worker = worker
        self.holder = holder


@dataclass(frozen=True, slots=True, kw_only=True)
class _Half:
    """One half of a page, whole.

    Attributes:
        pid: Of the process that wrote it.
        count: Grows with each writing.
        text: A ``WorkerStatus`` as JSON; empty before the first.
    """

    pid: int
    count: int
    text: bytes

    def body(self) -> bytes:
        """Return the bytes of this half."""
        numbers = f"{self.pid:>10} {self.count:>19} {len(self.text):>8}".encode()
        digest = _digest(numbers, self.text)
        return (b"torghut-page 1 " + numbers + b" " + digest + b"\n" + self.text).ljust(HALF_BYTES)


class HeldPage(WorkerPage):
    """The page of one worker of this process, from construction to ``close``.

    What stood there stays until the first writing.

    Args:
        folder: Of all pages.
        worker: Its name.

    Raises:
        WorkerNameTakenError: Another process holds it.
        FileWriteError: It cannot be made.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        path = folder / f"{quote(worker, safe='@:._-')}{_SUFFIX}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, _HOLD, 0o644)
            with contextlib.ExitStack() as on_failure:
                on_failure.callback(os.close, self._descriptor)
                self._lock(worker)
                self._count = self._take_over()
                on_failure.pop_all()
        except OSError as error:
            raise FileWriteError(path=path, reason=error.strerror or str(error)) from error

    @override
    def write(self, status: WorkerStatus) -> None:
        text = page_text(status, HALF_BYTES - _HEADING_BYTES)
        with contextlib.suppress(OSError):  # whoever reads sees that it is old
            self._put(text)

    @override
    def close(self) -> None:
        os.close(self._descriptor)

    def _lock(self, worker: str) -> None:
        """Take the lock, which dies with this process."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(_PAUSE_S)
        newest = _newest(_halves(self._descriptor))
        holder = "another process" if newest is None else f"process {newest.pid}"
        raise WorkerNameTakenError(worker=worker, holder=holder)

    def _take_over(self) -> int:
        """Say whose page it is now, under what the last process left; return the count so far."""
        newest = _newest(_halves(self._descriptor))
        if os.fstat(self._descriptor).st_size < PAGE_BYTES:
            os.pwrite(self._descriptor, b" " * PAGE_BYTES, 0)
        self._count = 0 if newest is None else newest.count
        self._put(b"" if newest is None else newest.text)
        os.fsync(self._descriptor)  # the blocks are there from now on
        return self._count

    def _put(self, text: bytes) -> None:
        """Write the half that is not the newest."""
        count = self._count + 1
        half = _Half(pid=os.getpid(), count=count, text=text)
        os.pwrite(self._descriptor, half.body(), HALF_BYTES * (count % 2))
        self._count = count


def read_pages(folder: Path) -> Sequence[WorkerSeen]:
    """Return all workers that have a page below ``folder``, by name.

    Raises:
        OSError: The folder is there and cannot be read.
    """
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is wanted
    except FileNotFoundError:
        return []
    return [_seen(folder / name) for name in names[:_PAGES_MAX] if name.endswith(_SUFFIX)]


def _seen(path: Path) -> WorkerSeen:
    """Return a worker as its page shows it."""
    worker = unquote(path.name.removesuffix(_SUFFIX))
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        return WorkerSeen(worker=worker, alive=False, fault=_cannot(error))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return WorkerSeen(worker=worker, alive=False, fault="its page is no plain file")
        return _shown(worker, descriptor)
    except OSError as error:
        return WorkerSeen(worker=worker, alive=False, fault=_cannot(error))
    finally:
        os.close(descriptor)


def _shown(worker: str, descriptor: int) -> WorkerSeen:
    """Return what an open page shows."""
    alive = _is_held(descriptor)
    half = _newest(_halves(descriptor))
    if half is None:
        return WorkerSeen(worker=worker, alive=alive, fault="its page cannot be made out")
    status, fault = None, ""
    try:
        status = WorkerStatus.model_validate_json(half.text) if half.text else None
    except ValueError:
        fault = "its page is that of another version"
    return WorkerSeen(
        worker=worker,
        alive=alive,
        pid=half.pid,
        rewritten=half.count,
        status=status,
        fault=fault,
    )


def _is_held(descriptor: int) -> bool:
    """Return whether a process holds a page, by trying to."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _halves(descriptor: int) -> Sequence[_Half]:
    """Return the halves of a page that are whole."""
    body = os.pread(descriptor, PAGE_BYTES, 0)
    found = (_half(body[:HALF_BYTES]), _half(body[HALF_BYTES:]))
    return [half for half in found if half is not None]


def _half(body: bytes) -> _Half | None:
    """Return a half of a page; None where it is not as it was written."""
    match = _HEADING.match(body)
    if match is None:
        return None
    text = body[match.end() : match.end() + int(match["size"])]
    numbers = body[len(b"torghut-page 1 ") : match.start("digest") - 1]
    if _digest(numbers, text) != match["digest"]:
        return None
    return _Half(pid=int(match["pid"]), count=int(match["count"]), text=text)


def _newest(halves: Sequence[_Half]) -> _Half | None:
    """Return the half that was written last, if one is whole."""
    return max(halves, key=lambda half: half.count, default=None)


def _digest(numbers: bytes, text: bytes) -> bytes:
    """Return what tells whether a half is whole."""
    return hashlib.sha256(numbers + b"\n" + text).hexdigest().encode()


def _cannot(error: OSError) -> str:
    """Return that a page cannot be read, and why."""
    return f"its page cannot be read: {error.strerror or error}"
