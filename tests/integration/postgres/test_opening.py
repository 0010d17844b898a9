"""A database that is no log of this version, or keeps no promises, is refused with what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import fill, make_block, run
from tests.support.carrying.deployments import awaited
from tests.support.machine.servers import Databases, address_of, open_postgres, own_server
from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.budgets import DEFAULTS
from torghut.adapters.postgres.connecting import engine_of
from torghut.adapters.postgres.laying import LayoutOutdatedError, lay_out
from torghut.adapters.postgres.layout import TABLES, VERSION_TABLE
from torghut.adapters.postgres.opening import read_log, upgrade_log
from torghut.adapters.postgres.store import PostgresLog
from torghut.eventlog.block import Head
from torghut.eventlog.errors import (
    LogIntegrityError,
    LogLayoutError,
    LogMissingError,
    LogNotDurableError,
    LogReadError,
    LogWriteError,
    Obstacle,
)
from torghut.kernel.errors import TorghutError

pytestmark = [pytest.mark.system, pytest.mark.timeout(90)]

SECRET = "correct-horse"  # noqa: S105 -- of a server that ends with the test


@pytest.fixture
def empty(databases: Databases, database: str) -> Iterator[str]:
    """Return a database with nothing in it."""
    assert database
    url = databases.make(empty=True)
    yield url
    databases.drop(url)


def name_of(url: str) -> str:
    """Return the name of a database."""
    return address_of(url).name


def test_empty_database_is_no_log_to_read(empty: str) -> None:
    with pytest.raises(LogMissingError):
        read_log(address_of(empty), clock=HandClock())


def test_empty_database_is_laid_out_once_whoever_comes_first(empty: str) -> None:
    first, second = open_postgres(empty), open_postgres(empty)
    run(fill(first, 2))

    assert first.log_id == second.log_id
    assert run(second.partitions()) == [0]
    run(first.close())
    run(second.close())


def test_one_who_waits_for_the_other_to_lay_out_finds_a_log(
    databases: Databases, empty: str
) -> None:
    with ThreadPoolExecutor() as threads:
        second = run(beside_one_who_lays_out(databases, empty, threads))
        log = second.result(timeout=20)

    assert databases.do("SELECT log_id FROM log", url=empty) == [(log.log_id,)] == [("first",)]
    run(log.close())


async def beside_one_who_lays_out(
    databases: Databases, url: str, threads: Executor
) -> Future[PostgresLog]:
    """Open a database while another lays it out, who ends once the second waits."""
    address = address_of(url)
    engine = engine_of(address, DEFAULTS, writing=True)
    try:
        async with engine.begin() as connection:
            await lay_out(connection, address, log_id="first", now_ns=1)
            second = threads.submit(open_postgres, url)
            waiting = partial(databases.do, "SELECT pid FROM pg_locks WHERE NOT granted")
            await asyncio.to_thread(awaited, lambda: bool(waiting()), "its turn", within_s=20)
        return second
    finally:
        await engine.dispose()


def test_log_opened_for_reading_is_not_written(database: str) -> None:
    log = read_log(address_of(database), clock=HandClock())

    with pytest.raises(LogWriteError) as caught:
        run(log.append(make_block(Head(partition=0))))
    assert caught.value.obstacle is Obstacle.READ_ONLY
    run(log.close())


def test_closed_log_answers_nothing_more(database: str) -> None:
    log = open_postgres(database)
    run(log.close())
    run(log.close())

    with pytest.raises(LogWriteError) as caught:
        run(log.append(make_block(Head(partition=0))))
    assert caught.value.obstacle is Obstacle.CLOSED


def test_tables_of_something_else_are_left_alone(databases: Databases, empty: str) -> None:
    databases.do("CREATE TABLE events (id int)", url=empty)

    with pytest.raises(LogLayoutError, match="other tables"):
        open_postgres(empty)


def test_older_layout_is_refused_with_what_to_type(databases: Databases, database: str) -> None:
    databases.do("UPDATE torghut_log_layout SET version_num = '0'", url=database)

    with pytest.raises(LayoutOutdatedError, match="torghut log upgrade"):
        open_postgres(database)


def test_newer_layout_is_refused(databases: Databases, database: str) -> None:
    databases.do("UPDATE torghut_log_layout SET version_num = '3'", url=database)

    with pytest.raises(LogLayoutError, match="layout 3"):
        open_postgres(database)
    with pytest.raises(LogLayoutError, match="layout 3"):
        upgrade_log(address_of(database))


def test_layout_of_this_version_needs_no_upgrade(database: str) -> None:
    assert upgrade_log(address_of(database)) == ("2", "2")


def test_database_that_acknowledges_too_early_is_not_written(
    databases: Databases, database: str
) -> None:
    databases.do(f"ALTER DATABASE {name_of(database)} SET synchronous_commit = off")

    with pytest.raises(LogNotDurableError, match="synchronous_commit"):
        open_postgres(database)
    run(read_log(address_of(database), clock=HandClock()).close())


@pytest.mark.parametrize("table", [VERSION_TABLE, *TABLES])
def test_table_that_a_crash_would_empty_is_not_written(
    databases: Databases, database: str, table: str
) -> None:
    databases.do(f"ALTER TABLE {table} SET UNLOGGED", url=database)

    with pytest.raises(LogNotDurableError, match=f"table {table}:"):
        open_postgres(database)


def test_tables_are_all_that_a_log_is_laid_out_with(databases: Databases, database: str) -> None:
    found = databases.do(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        " AND relkind IN ('r', 'p')",
        url=database,
    )

    assert {name for (name,) in found} == {VERSION_TABLE, *TABLES}


def test_database_that_is_read_only_says_so(databases: Databases, database: str) -> None:
    databases.do(f"ALTER DATABASE {name_of(database)} SET default_transaction_read_only = on")
    log = open_postgres(database)

    with pytest.raises(LogWriteError) as caught:
        run(log.append(make_block(Head(partition=0))))
    assert caught.value.obstacle is Obstacle.READ_ONLY
    run(log.close())


def test_table_that_is_gone_is_no_log_as_it_was_laid_out(
    databases: Databases, database: str
) -> None:
    log = open_postgres(database)
    databases.do("DROP TABLE blocks", url=database)

    with pytest.raises(LogIntegrityError):
        run(log.append(make_block(Head(partition=0))))
    run(log.close())


def test_missing_database_is_told(database: str) -> None:
    with pytest.raises(LogReadError) as caught:
        read_log(address_of(database.replace("torghut_", "nowhere_")), clock=HandClock())
    assert caught.value.obstacle is Obstacle.CANNOT_OPEN


def test_wrong_password_is_refused_without_being_repeated() -> None:
    with own_server() as (server, databases):
        url = databases.make()
        databases.do(f"ALTER ROLE torghut PASSWORD '{SECRET}'")
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text("local all all scram-sha-256\n")
        databases.do("SELECT pg_reload_conf()")
        dsn = address_of(url).dsn
        right, wrong = (Address(dsn=dsn, password=one) for one in (SECRET, "tell-no-one"))

        run(read_log(right, clock=HandClock()).close())
        with pytest.raises(LogReadError) as caught:
            read_log(wrong, clock=HandClock())
        assert caught.value.obstacle is Obstacle.NO_PERMISSION
        assert "tell-no-one" not in chain_of(caught.value)


def chain_of(error: TorghutError) -> str:
    """Return everything that a traceback would print of an error and what led to it."""
    texts: list[str] = []
    one: BaseException | None = error
    while one is not None:
        texts.append(repr(one))
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\n".join(texts)
