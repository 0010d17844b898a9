"""A PostgreSQL that the tests of one process share, and a fresh database for each of them.

What speaks to it is imported when a test wants it: most runs of the tests have no server.

``TORGHUT_DATABASE_URL`` names a server to use instead of a private one: its user must be allowed to
make databases. Those of tests are dropped when they end.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

import pytest

from ops.servers.database import (
    DatabaseServer,
    database_server,
    programs_folder,
)
from tests.fakes.clock import CountingIds, HandClock

if TYPE_CHECKING:
    from torghut.adapters.postgres.address import Address
    from torghut.adapters.postgres.budgets import Budgets
    from torghut.adapters.postgres.lease import PostgresLease
    from torghut.adapters.postgres.store import PostgresLog

DATABASE_URL: Final = "TORGHUT_DATABASE_URL"
_BUDGET_S: Final = 30.0


@dataclass(slots=True)
class Databases:
    """The databases of one server.

    Attributes:
        url: Of a database that others are made from.
    """

    url: str
    _template: str = ""
    _made: list[str] = field(default_factory=list)

    def of(self, name: str) -> str:
        """Return the address of the database called ``name``."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=f"/{name}"))

    def make(self, *, empty: bool = False) -> str:
        """Return the address of a new database: with an empty log in it, or nothing at all."""
        name = f"torghut_{uuid.uuid4().hex}"  # not the test's chance: names on a shared server
        template = "template0" if empty else self._laid_out()
        self.do(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._made.append(name)
        if not empty:
            # A copy has the name of what it was made from, and would be taken for that, set back.
            self.do(f"UPDATE log SET log_id = '{name}'", url=self.of(name))  # noqa: S608 - our own
        return self.of(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever uses it."""
        name = urlsplit(url).path.lstrip("/")
        self.do(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._made.remove(name)

    def drop_all(self) -> None:
        """Drop every database that was made."""
        for name in tuple(self._made):
            self.drop(self.of(name))

    def do(self, statement: str, *, url: str = "") -> list[tuple[object, ...]]:
        """Return what a statement finds; it is not in a transaction."""
        return asyncio.run(_do(url or self.url, statement))

    def _laid_out(self) -> str:
        """Return the name of a database with an empty log in it; made once."""
        if not self._template:
            url = self.make(empty=True)
            asyncio.run(open_postgres(url).close())
            self._template = urlsplit(url).path.lstrip("/")
        return self._template


async def _do(url: str, statement: str) -> list[tuple[object, ...]]:
    asyncpg = import_module("asyncpg")
    async with asyncio.timeout(_BUDGET_S):
        session = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await session.fetch(statement)]
        finally:
            await session.close()


def address_of(url: str) -> Address:
    """Return the address that ``url`` writes."""
    address: Address = import_module("torghut.adapters.postgres.address").parse_address(url)
    return address


def open_postgres(url: str, budgets: Budgets | None = None) -> PostgresLog:
    """Open a log in a database for writing by a hand-driven clock."""
    opening = import_module("torghut.adapters.postgres.opening")
    more = {} if budgets is None else {"budgets": budgets}
    log: PostgresLog = opening.open_log(
        address_of(url), clock=HandClock(), ids=CountingIds(), **more
    )
    return log


def postgres_lease(url: str, time_to_live_ms: int, clock: str) -> PostgresLease:
    """Return the way of one more process to a lease in a database."""
    leasing = import_module("torghut.adapters.postgres.lease")
    lease: PostgresLease = leasing.PostgresLease(
        address_of(url), "governance", time_to_live_ms=time_to_live_ms, clock=clock
    )
    return lease


@contextmanager
def own_server(**settings: str) -> Iterator[tuple[DatabaseServer, Databases]]:
    """Give a private server that the test may kill, and its databases; or skip the test."""
    if programs_folder() is None:
        pytest.skip("no PostgreSQL: install the system package postgresql")
    with database_server(**settings) as server:
        yield server, Databases(server.url())


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Return the databases of the server that the tests of this process share."""
    given = os.environ.get(DATABASE_URL)
    if given:
        databases = Databases(given)
        try:
            yield databases
        finally:
            databases.drop_all()
        return
    with own_server() as (_, databases):
        yield databases


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the address of a database with an empty log, for one test."""
    if os.environ.get(DATABASE_URL):
        request.getfixturevalue("socket_enabled")
    databases: Databases = request.getfixturevalue("databases")
    url = databases.make()
    try:
        yield url
    finally:
        databases.drop(url)
