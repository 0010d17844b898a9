"""The lease of governance's writer as two files: one that is locked, one that says who holds it.

The lock is held only while the lease is changed or a write under it is going on; it dies with its
process. Who holds the lease, under which epoch and until when, is replaced as a whole, so a crash
leaves what was there before or what is there now. If that file says nothing, nobody holds the lease
and nobody can take it: a person must look first.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from typing_extensions import override

from torghut.adapters.filesystem.writing import FileWriteError, write_text
from torghut.governance.leasing.errors import (
    LeaseLostError,
    LeaseTakenError,
    LeaseUnreadableError,
)
from torghut.governance.ports import Lease, WriterLease
from torghut.kernel.canonical import canonical_text
from torghut.kernel.clock import WallClock
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.types import Identifier, Message, Nanoseconds, first_problem


class _Standing(Message):
    """What the file says."""

    type: Literal["governance.lease.v1"] = "governance.lease.v1"
    epoch: Annotated[int, Field(ge=0, lt=2**53, strict=True)]
    holder: Identifier
    expires_wall_ns: Nanoseconds


def read_lease(path: Path) -> Lease | None:
    """Return the lease whose files are at ``path``, expired or not; None if nobody ever held it.

    One that was let go in good order expires at 0. Nothing is locked or changed.

    Raises:
        LeaseUnreadableError: Nobody can say who holds it.
    """
    file = path.with_name(path.name + ".json")
    try:
        body = file.read_bytes()
        found = _Standing.model_validate_json(body)
    except FileNotFoundError:
        return None
    except OSError as error:
        found_instead = error.strerror or str(error)
        raise LeaseUnreadableError(place=str(file), found=found_instead) from error
    except ValidationError as error:
        problem = first_problem(error).at("the file")
        raise LeaseUnreadableError(place=str(file), found=problem) from error
    return Lease(epoch=found.epoch, holder=found.holder, expires_wall_ns=found.expires_wall_ns)


class FileLease(WriterLease):
    """The lease whose files are ``<path>.lock`` and ``<path>.json``.

    Args:
        path: Of both, without their endings.
        clock: Tells wall time.
        time_to_live_ms: How long a lease holds unless it is renewed.
    """

    def __init__(self, path: Path, *, clock: WallClock, time_to_live_ms: int) -> None:
        self._path = path
        self._lock = path.with_name(path.name + ".lock")
        self._file = path.with_name(path.name + ".json")
        self._clock = clock
        self._time_to_live_ns = time_to_live_ms * NS_PER_MS

    @override
    def take(self, holder: str, /, *, after_epoch: int = 0) -> Lease:
        with self._alone():
            standing = self._read()
            now_ns = self._clock.now_ns()
            if standing is not None and now_ns < standing.expires_wall_ns:
                raise LeaseTakenError(holder=standing.holder)
            before = 0 if standing is None else standing.epoch
            return self._write(max(before, after_epoch) + 1, holder, now_ns)

    @override
    def renew(self, lease: Lease, /) -> Lease:
        with self._alone():
            now_ns = self._check(lease)
            return self._write(lease.epoch, lease.holder, now_ns)

    @override
    @contextmanager
    def guard(self, lease: Lease, /) -> Iterator[None]:
        with self._alone():
            self._check(lease)
            yield

    @override
    def release(self, lease: Lease, /) -> None:
        with self._alone():
            try:
                self._check(lease)
            except LeaseLostError:
                return
            self._keep(_Standing(epoch=lease.epoch, holder=lease.holder, expires_wall_ns=0))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Give a time in which nobody else changes the lease or writes under it."""
        try:
            self._lock.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        try:
            self._seize(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _seize(self, descriptor: int) -> None:
        """Lock the file at once, and see that it is still the one of that name."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked, named = os.fstat(descriptor), self._lock.stat()
        except BlockingIOError as error:
            raise LeaseTakenError(holder=f"{self._writing()}, who is writing just now") from error
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        if not os.path.samestat(locked, named):
            raise LeaseTakenError(holder="somebody who replaced its lock")

    def _writing(self) -> str:
        """Return who is in the middle of a write: where they are halted, nobody else gets in."""
        try:
            standing = self._read()
        except LeaseUnreadableError:
            standing = None
        return "somebody" if standing is None else standing.holder

    def _check(self, lease: Lease) -> int:
        """Return what time it is, while ``lease`` holds.

        Raises:
            LeaseLostError: It does not.
        """
        standing = self._read()
        now_ns = self._clock.now_ns()
        if standing is None:
            raise LeaseLostError(epoch=lease.epoch, found="no lease")
        if (standing.epoch, standing.holder) != (lease.epoch, lease.holder):
            found = f"epoch {standing.epoch} of {standing.holder}"
            raise LeaseLostError(epoch=lease.epoch, found=found)
        if now_ns >= standing.expires_wall_ns:
            raise LeaseLostError(epoch=lease.epoch, found="that it had expired")
        return now_ns

    def _read(self) -> Lease | None:
        """Return who holds the lease, expired or not; None if nobody ever did."""
        return read_lease(self._path)

    def _write(self, epoch: int, holder: str, now_ns: int) -> Lease:
        """Put on disk that ``holder`` has the lease, and return it."""
        expires_wall_ns = now_ns + self._time_to_live_ns
        self._keep(_Standing(epoch=epoch, holder=holder, expires_wall_ns=expires_wall_ns))
        return Lease(epoch=epoch, holder=holder, expires_wall_ns=expires_wall_ns)

    def _keep(self, standing: _Standing) -> None:
        """Replace what the file says."""
        try:
            write_text(self._file, canonical_text(standing.model_dump(mode="json")) + "\n")
        except FileWriteError as error:
            raise self._unreadable(error.reason) from error

    def _unreadable(self, found: str) -> LeaseUnreadableError:
        """Return the refusal of a lease of which nobody can say who holds it."""
        return LeaseUnreadableError(place=str(self._file), found=found)
