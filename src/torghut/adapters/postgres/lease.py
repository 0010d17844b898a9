"""The lease of governance's writer in PostgreSQL: one row, changed under its lock by one clock.

Time is the database's, so that machines whose clocks differ agree on who holds it. A write under
the lease keeps the row locked: nobody else changes it meanwhile, nor waits for it. The lock dies
with its session, and whoever was halted in the middle of a write for too long finds out at its end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar

import asyncpg
from typing_extensions import override

from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.budgets import DEFAULTS, Budgets
from torghut.adapters.postgres.connecting import open_session
from torghut.adapters.postgres.faults import FAULTS
from torghut.adapters.postgres.own_loop import OwnLoop
from torghut.eventlog.errors import CommitTimeoutError, LogNotDurableError, LogWriteError
from torghut.governance.leasing.errors import (
    LeaseLostError,
    LeaseTakenError,
    LeaseUnreadableError,
)
from torghut.governance.ports import Lease, WriterLease
from torghut.kernel.units import NS_PER_MS

T = TypeVar("T")
Session: TypeAlias = asyncpg.Connection

DATABASE_CLOCK: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000"
"""Wall time in ns, as the database tells it."""

GUARD_MS: Final = 60_000
"""Longest write under the lease: after it the server lets others in."""

_SEEN: Final = "SELECT epoch, holder, expires_wall_ns FROM leases WHERE name = $1"
_MAKE: Final = (
    "INSERT INTO leases (name, epoch, holder, expires_wall_ns) VALUES ($1, 0, '', 0)"
    " ON CONFLICT DO NOTHING"
)
_KEEP: Final = "UPDATE leases SET epoch = $2, holder = $3, expires_wall_ns = $4 WHERE name = $1"


@dataclass(frozen=True, slots=True)
class _Standing:
    """The row, locked.

    Attributes:
        now_ns: By the database's clock, after the lock was had.
    """

    epoch: int
    holder: str
    expires_wall_ns: int
    now_ns: int


class PostgresLease(WriterLease):
    """The lease called ``name``, in a database that a log was laid out in.

    Args:
        address: Of the database.
        name: Of the lease.
        time_to_live_ms: How long a lease holds unless it is renewed.
        budgets: How long the server is waited for.
        clock: What tells the time in ns, as SQL.
    """

    def __init__(
        self,
        address: Address,
        name: str,
        *,
        time_to_live_ms: int,
        budgets: Budgets = DEFAULTS,
        clock: str = DATABASE_CLOCK,
    ) -> None:
        self._address = address
        self._name = name
        self._time_to_live_ns = time_to_live_ms * NS_PER_MS
        self._budgets = budgets
        self._now = f"SELECT {clock}"
        self._loop = OwnLoop(f"the lease {name}")

    @override
    def take(self, holder: str, /, *, after_epoch: int = 0) -> Lease:
        async def work(session: Session) -> Lease:
            standing = await self._locked(session)
            if standing.now_ns < standing.expires_wall_ns:
                raise LeaseTakenError(holder=standing.holder)
            epoch = max(standing.epoch, after_epoch) + 1
            return await self._keep(session, epoch, holder, standing.now_ns)

        return self._change(work)

    @override
    def renew(self, lease: Lease, /) -> Lease:
        async def work(session: Session) -> Lease:
            standing = _checked(await self._locked(session), lease)
            return await self._keep(session, lease.epoch, lease.holder, standing.now_ns)

        return self._change(work)

    @override
    @contextmanager
    def guard(self, lease: Lease, /) -> Iterator[None]:
        session = self._wait(self._session(idle_ms=GUARD_MS))
        try:
            self._wait(self._begun(session, lease))
            yield
            self._wait(self._ended(session, lease))
        except BaseException:
            self._wait(_undone(session))
            raise
        finally:
            self._wait(_left(session))

    @override
    def release(self, lease: Lease, /) -> None:
        async def work(session: Session) -> Lease:
            standing = await self._locked(session)
            try:
                _checked(standing, lease)
            except LeaseLostError:
                return lease
            await session.execute(_KEEP, self._name, lease.epoch, lease.holder, 0)
            return lease

        self._change(work)

    def close(self) -> None:
        """Let go of what speaks to the database."""
        self._loop.close()

    def _change(self, work: Callable[[Session], Awaitable[Lease]]) -> Lease:
        """Do ``work`` in one transaction of a session of its own."""

        async def changed() -> Lease:
            session = await self._session(idle_ms=self._budgets.idle_ms)
            try:
                async with session.transaction():
                    return await work(session)
            finally:
                await _left(session)

        return self._wait(changed())

    def _wait(self, work: Coroutine[object, object, T]) -> T:
        """Return what ``work`` comes to.

        Raises:
            LeaseTakenError: Somebody is changing the lease, or writing under it.
            LeaseUnreadableError: The database does not say who holds it.
        """
        try:
            return self._loop.wait(work, budget_ms=self._budgets.answer_ms)
        except asyncpg.LockNotAvailableError:
            raise LeaseTakenError(holder=self._writing()) from None
        except FAULTS as error:
            raise self._unreadable(error) from None
        except (CommitTimeoutError, LogNotDurableError, LogWriteError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: BaseException) -> LeaseUnreadableError:
        """Return the refusal of a lease of which nobody can say who holds it."""
        found = self._address.hidden(str(error) or type(error).__name__)
        return LeaseUnreadableError(place=f"lease {self._name}, {self._address.name}", found=found)

    def _writing(self) -> str:
        """Return who is in the middle of a write: where they are halted, nobody else gets in."""

        async def seen() -> str:
            session = await self._session(idle_ms=self._budgets.idle_ms)
            try:
                row = await session.fetchrow(_SEEN, self._name)
                return str(row["holder"]) if row else ""
            finally:
                await _left(session)

        return f"{self._wait(seen()) or 'somebody'}, who is writing just now"

    async def _session(self, *, idle_ms: int) -> Session:
        """Return a new session."""
        budgets = replace(self._budgets, idle_ms=idle_ms)
        return await open_session(self._address, budgets, writing=True)

    async def _locked(self, session: Session) -> _Standing:
        """Return the lease, locked at once or not at all; the clock is asked after that."""
        await session.execute(_MAKE, self._name)
        row = await session.fetchrow(f"{_SEEN} FOR UPDATE NOWAIT", self._name)
        now_ns = await session.fetchval(self._now)
        return _Standing(row["epoch"], row["holder"], row["expires_wall_ns"], int(now_ns))

    async def _keep(self, session: Session, epoch: int, holder: str, now_ns: int) -> Lease:
        """Put in the row that ``holder`` has the lease, and return it."""
        expires_wall_ns = now_ns + self._time_to_live_ns
        await session.execute(_KEEP, self._name, epoch, holder, expires_wall_ns)
        return Lease(epoch=epoch, holder=holder, expires_wall_ns=expires_wall_ns)

    async def _begun(self, session: Session, lease: Lease) -> None:
        """Lock the lease for as long as the session's transaction lasts."""
        await session.execute("BEGIN")
        _checked(await self._locked(session), lease)

    async def _ended(self, session: Session, lease: Lease) -> None:
        """Unlock the lease, and see that it was locked all the while.

        Raises:
            LeaseLostError: It was not: the session did not last so long.
        """
        try:
            await session.execute("COMMIT")
        except FAULTS as error:
            raise LeaseLostError(
                epoch=lease.epoch, found="that its lock ended before the write did"
            ) from error


async def _undone(session: Session) -> None:
    """Let the next one in; a session that is lost has let them in already."""
    with suppress(*FAULTS):
        await session.execute("ROLLBACK")


async def _left(session: Session) -> None:
    """Let go of a session, and of everything that it has locked."""
    session.terminate()


def _checked(standing: _Standing, lease: Lease) -> _Standing:
    """Return ``standing`` if ``lease`` holds.

    Raises:
        LeaseLostError: It does not.
    """
    if standing.epoch == 0:
        raise LeaseLostError(epoch=lease.epoch, found="no lease")
    if (standing.epoch, standing.holder) != (lease.epoch, lease.holder):
        found = f"epoch {standing.epoch} of {standing.holder}"
        raise LeaseLostError(epoch=lease.epoch, found=found)
    if standing.now_ns >= standing.expires_wall_ns:
        raise LeaseLostError(epoch=lease.epoch, found="that it had expired")
    return standing
