"""A lease in memory: what every other one is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from typing_extensions import override

from torghut.governance.leasing.errors import LeaseLostError, LeaseTakenError
from torghut.governance.ports import Lease, WriterLease
from torghut.kernel.clock import WallClock


@dataclass(slots=True)
class LeaseOffice:
    """What several processes would share."""

    lease: Lease | None = None
    busy: bool = False

    def free(self) -> None:
        """Let the next one in who wants to change the lease."""
        self.busy = False


class InMemoryLease(WriterLease):
    """One process's way to the office."""

    def __init__(self, office: LeaseOffice, *, clock: WallClock, time_to_live_ms: int) -> None:
        self._office = office
        self._clock = clock
        self._time_to_live_ns = time_to_live_ms * 1_000_000

    @override
    def take(self, holder: str, /, *, after_epoch: int = 0) -> Lease:
        with self._alone():
            standing = self._office.lease
            if standing is not None and self._clock.now_ns() < standing.expires_wall_ns:
                raise LeaseTakenError(holder=standing.holder)
            before = 0 if standing is None else standing.epoch
            return self._write(max(before, after_epoch) + 1, holder)

    @override
    def renew(self, lease: Lease, /) -> Lease:
        with self._alone():
            self._check(lease)
            return self._write(lease.epoch, lease.holder)

    @override
    @contextmanager
    def guard(self, lease: Lease, /) -> Iterator[None]:
        with self._alone():
            self._check(lease)
            yield

    @override
    def release(self, lease: Lease, /) -> None:
        with self._alone():
            standing = self._office.lease
            if standing is not None and self._is(lease):
                self._office.lease = Lease(
                    epoch=standing.epoch, holder=standing.holder, expires_wall_ns=0
                )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._office.busy:
            raise LeaseTakenError(holder="somebody")
        self._office.busy = True
        try:
            yield
        finally:
            self._office.busy = False

    def _is(self, lease: Lease) -> bool:
        standing = self._office.lease
        return (
            standing is not None
            and (standing.epoch, standing.holder) == (lease.epoch, lease.holder)
            and self._clock.now_ns() < standing.expires_wall_ns
        )

    def _check(self, lease: Lease) -> None:
        if not self._is(lease):
            raise LeaseLostError(epoch=lease.epoch, found=str(self._office.lease))

    def _write(self, epoch: int, holder: str) -> Lease:
        expires_wall_ns = self._clock.now_ns() + self._time_to_live_ns
        self._office.lease = Lease(epoch=epoch, holder=holder, expires_wall_ns=expires_wall_ns)
        return self._office.lease
