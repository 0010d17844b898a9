"""Every lease of governance's writer, nobody holding it; whatever holds for one holds for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.lease import InMemoryLease, LeaseOffice
from tests.support.machine.servers import Databases, postgres_lease
from torghut.adapters.filesystem.lease import FileLease
from torghut.governance.ports import WriterLease

if TYPE_CHECKING:
    from torghut.adapters.postgres.lease import PostgresLease

TIME_TO_LIVE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Leases:
    """One lease as several processes reach it, and their clock."""

    clock: HandClock
    reach: Callable[[], WriterLease]

    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.clock.time_ns += ms * 1_000_000


def in_memory(_: Path) -> Leases:
    """Return a lease in memory."""
    clock, office = HandClock(), LeaseOffice()
    return Leases(
        clock=clock,
        reach=lambda: InMemoryLease(office, clock=clock, time_to_live_ms=TIME_TO_LIVE_MS),
    )


def in_files(folder: Path) -> Leases:
    """Return a lease in files."""
    clock = HandClock()
    return Leases(
        clock=clock,
        reach=lambda: FileLease(
            folder / "governance", clock=clock, time_to_live_ms=TIME_TO_LIVE_MS
        ),
    )


@dataclass(frozen=True, slots=True)
class DatabaseLeases(Leases):
    """A lease in a database, whose clock is a table that the test writes."""

    databases: Databases
    url: str
    opened: list[PostgresLease]

    @override
    def wait(self, ms: int) -> None:
        super(DatabaseLeases, self).wait(ms)
        self.databases.do(f"SELECT set_hands({self.clock.time_ns})", url=self.url)

    def close(self) -> None:
        """Let go of everything that was reached."""
        for lease in self.opened:
            lease.close()


def in_database(databases: Databases, url: str) -> DatabaseLeases:
    """Return a lease in a database with a log."""
    clock = HandClock()
    databases.do("CREATE TABLE hands (time_ns bigint)", url=url)
    databases.do("INSERT INTO hands VALUES (0)", url=url)
    databases.do(
        "CREATE FUNCTION set_hands(bigint) RETURNS void LANGUAGE sql"
        " AS 'UPDATE hands SET time_ns = $1'",
        url=url,
    )
    databases.do(f"SELECT set_hands({clock.time_ns})", url=url)
    opened: list[PostgresLease] = []

    def reach() -> WriterLease:
        opened.append(postgres_lease(url, TIME_TO_LIVE_MS, "(SELECT time_ns FROM hands)"))
        return opened[-1]

    return DatabaseLeases(clock=clock, reach=reach, databases=databases, url=url, opened=opened)


@pytest.fixture(params=["memory", "files", pytest.param("postgres", marks=pytest.mark.system)])
def leases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Leases]:
    """Return a lease that nobody holds."""
    match request.param:
        case "memory":
            yield in_memory(tmp_path)
        case "files":
            yield in_files(tmp_path)
        case _:
            url: str = request.getfixturevalue("database")
            leases = in_database(request.getfixturevalue("databases"), url)
            yield leases
            leases.close()
