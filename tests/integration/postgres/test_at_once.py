"""A block goes in one statement where all is as it was told; whatever else is looked into first."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import pytest

from ops.servers.database import DatabaseServer
from tests.fakes.eventlog import CAUSES, Happened, citing, fill, listed, make_block, make_chain, run
from tests.fakes.proxy import HOST, Proxy
from tests.support.machine.servers import Databases, open_postgres, own_server
from torghut.adapters.postgres.budgets import DEFAULTS, SESSIONS_MAX, Budgets
from torghut.adapters.postgres.store import PostgresLog
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.errors import (
    ClaimLostError,
    CommitTimeoutError,
    ConcurrencyConflictError,
    LogBusyError,
    ObjectMissingError,
    TruncatedLogError,
)
from torghut.eventlog.ports import Snapshot

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

AT_ONCE: Final = "WITH head AS"
IN_A_TRANSACTION: Final = "COMMIT"
CHAIN: Final = make_chain(6)


@pytest.fixture
def log(database: str) -> Iterator[PostgresLog]:
    """Return a log whose first two blocks are there, as this handle was told."""
    opened = open_postgres(database)
    run(opened.claim(0, "one"))
    for block in CHAIN[:2]:
        run(opened.append(block))
    yield opened
    run(opened.close())


async def said(url: str) -> str:
    """Return how the last statement begins that a log said to its database."""
    rows = await asked(
        url,
        "SELECT query FROM pg_stat_activity WHERE application_name = 'torghut'"
        " AND datname = current_database() ORDER BY query_start DESC LIMIT 1",
    )
    return str(rows[0][0])


async def asked(url: str, statement: str) -> list[asyncpg.Record]:
    """Return what a statement finds, asked in a session of its own."""
    session = await asyncpg.connect(url)
    try:
        found: list[asyncpg.Record] = await session.fetch(statement)
        return found
    finally:
        await session.close()


async def sessions_at(url: str) -> int:
    """Return how many sessions a log has that is open."""
    rows = await asked(
        url,
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'torghut'"
        " AND datname = current_database()",
    )
    return int(rows[0][0])


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Keep everybody from partition 0 until the end of the block."""
    session = await asyncpg.connect(url)
    try:
        async with session.transaction():
            await session.execute("SELECT FROM heads WHERE partition = 0 FOR UPDATE")
            yield session
    finally:
        await session.close()


async def waiting(url: str, *, count: int = 1) -> list[int]:
    """Return whose sessions wait for a lock, once ``count`` do."""
    while True:
        rows = await asked(
            url,
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()",
        )
        if len(rows) == count:
            return [int(row[0]) for row in rows]
        await asyncio.sleep(0.01)


def test_block_that_follows_what_was_told_goes_in_one_statement(
    log: PostgresLog, database: str
) -> None:
    for block in CHAIN[2:]:
        assert run(log.append(block)) == head_of(block)
        assert run(said(database)).startswith(AT_ONCE)

    assert run(listed(log.blocks(0))) == list(CHAIN)
    assert run(log.head(0)) == head_of(CHAIN[-1])
    assert run(log.verify()).intact


def test_handle_that_never_claimed_goes_on_in_one_statement_too(database: str) -> None:
    log = open_postgres(database)
    run(fill(log, 1))
    assert run(said(database)).startswith(IN_A_TRANSACTION)  # there was no row to move

    run(log.append(CHAIN[1]))

    assert run(said(database)).startswith(AT_ONCE)
    run(log.close())


async def again(log: PostgresLog) -> None:
    """Append what is there already."""
    await log.append(CHAIN[1])


async def citing_unseen(log: PostgresLog) -> None:
    """Append a block that cites what this handle never saw."""
    with pytest.raises(ObjectMissingError):
        await log.append(citing(CHAIN[2], "34" * 32))


async def with_a_gap(log: PostgresLog) -> None:
    """Append a block that does not follow."""
    with pytest.raises(ConcurrencyConflictError):
        await log.append(CHAIN[4])


async def in_place_of_another(log: PostgresLog) -> None:
    """Append a block that follows another one."""
    with pytest.raises(ConcurrencyConflictError):
        await log.append(make_block(Head(partition=0, number=1, digest="12" * 32)))


async def saving(log: PostgresLog) -> None:
    """Keep a snapshot."""
    await log.save_snapshot(Snapshot(partition=0, block_number=1, key="k", body=b"state"))


@pytest.mark.parametrize("do", [again, saving])
def test_whatever_else_is_done_goes_in_a_transaction(
    log: PostgresLog, database: str, do: Callable[[PostgresLog], Awaitable[None]]
) -> None:
    run(_done(do, log))

    assert run(said(database)).startswith(IN_A_TRANSACTION)
    assert run(log.verify()).intact


def test_blocks_that_wait_together_share_a_transaction(log: PostgresLog, database: str) -> None:
    async def together() -> None:
        async with locked(database):
            appending = [asyncio.ensure_future(log.append(block)) for block in CHAIN[2:]]
            await waiting(database)  # the first alone; the others stand behind it
        await asyncio.gather(*appending)

    run(together())

    assert run(said(database)).startswith(IN_A_TRANSACTION)
    assert run(log.verify()).intact


@pytest.mark.parametrize("do", [citing_unseen, with_a_gap, in_place_of_another])
def test_block_that_is_refused_leaves_nothing(
    log: PostgresLog, do: Callable[[PostgresLog], Awaitable[None]]
) -> None:
    run(_done(do, log))

    assert run(listed(log.blocks(0))) == list(CHAIN[:2])
    assert run(log.append(CHAIN[2])) == head_of(CHAIN[2])


async def _done(do: Callable[[PostgresLog], Awaitable[None]], log: PostgresLog) -> None:
    await do(log)


def test_many_partitions_at_once_leave_sessions_for_all_others(database: str) -> None:
    """More of them write than there are sessions; what they keep is not all of them."""
    log = open_postgres(database)
    chains = [make_chain(5, partition=number) for number in range(3 * SESSIONS_MAX)]

    async def filled(chain: Sequence[Block]) -> None:
        for block in chain:
            await log.append(block)

    async def main() -> None:
        await asyncio.gather(*map(filled, chains))
        begun_s = asyncio.get_running_loop().time()
        heads = await asyncio.gather(*(log.head(number) for number in range(len(chains))))
        assert [head.number for head in heads] == [4] * len(chains)
        assert (
            await log.append_events(
                "s", [Happened(what="noted")], expected_version=0, causes=CAUSES
            )
            == 1
        )
        assert asyncio.get_running_loop().time() - begun_s < DEFAULTS.answer_ms / 2000
        await log.close()
        assert await sessions_at(database) == 0

    asyncio.run(main())


def test_object_that_was_put_here_is_cited_in_one_statement(
    log: PostgresLog, database: str
) -> None:
    digest = run(log.put_object(b"package"))

    run(log.append(citing(CHAIN[2], digest)))

    assert run(said(database)).startswith(AT_ONCE)


def test_handle_that_another_overtook_goes_on_behind_it(database: str) -> None:
    one, two = open_postgres(database), open_postgres(database)
    for number, block in enumerate(CHAIN):
        run((two if number % 3 else one).append(block))

    assert run(listed(one.blocks(0))) == list(CHAIN)
    assert run(one.verify()).intact
    for log in (one, two):
        run(log.close())


def test_database_that_was_set_back_is_refused(log: PostgresLog, databases: Databases) -> None:
    url = log.address.dsn
    for block in CHAIN[2:4]:
        run(log.append(block))
    for statement in (
        "DELETE FROM blocks WHERE number > 1",
        "UPDATE heads SET (number, digest) = (SELECT number, digest FROM blocks WHERE number = 1)",
    ):
        databases.do(statement, url=url)

    for block in (CHAIN[4], CHAIN[3], CHAIN[2]):
        with pytest.raises(TruncatedLogError, match="block 3"):
            run(log.append(block))


def test_one_of_two_handles_that_wait_to_write_the_same_place_wins(database: str) -> None:
    one, two = open_postgres(database), open_postgres(database)
    rivals = [make_block(Head(partition=0), first=100 * n) for n in range(2)]
    run(one.save_snapshot(Snapshot(partition=0, block_number=-1, key="k", body=b"")))  # a head

    async def race() -> list[Head | BaseException]:
        async with locked(database):
            racing = [
                asyncio.ensure_future(log.append(block))
                for log, block in zip((one, two), rivals, strict=True)
            ]
            await waiting(database, count=2)
        return await asyncio.gather(*racing, return_exceptions=True)

    ends = run(race())

    (won,) = [end for end in ends if isinstance(end, Head)]
    (lost,) = [end for end in ends if not isinstance(end, Head)]
    assert type(lost) is ConcurrencyConflictError
    assert won == run(one.head(0)) == run(two.head(0))
    assert len(run(listed(one.blocks(0)))) == 1
    for log in (one, two):
        run(log.close())


def test_claim_that_is_lost_while_a_statement_waits_refuses_it(
    log: PostgresLog, database: str
) -> None:
    async def overtaken() -> None:
        async with locked(database) as other:
            append = asyncio.ensure_future(log.append(CHAIN[2]))
            await waiting(database)
            await other.execute("UPDATE heads SET epoch = epoch + 1, holder = 'two'")
        with pytest.raises(ClaimLostError, match="epoch 2 by two"):
            await append

    run(overtaken())

    assert run(listed(log.blocks(0))) == list(CHAIN[:2])


def test_lock_that_is_not_had_in_time_is_said_to_be_held(database: str) -> None:
    log = open_postgres(database, Budgets(lock_ms=200))
    run(fill(log, 2))

    async def held() -> None:
        async with locked(database):
            with pytest.raises(LogBusyError):
                await log.append(CHAIN[2])

    run(held())

    assert run(log.append(CHAIN[2])) == head_of(CHAIN[2])
    run(log.close())


def test_session_that_is_ended_before_its_answer_is_looked_into(
    log: PostgresLog, database: str
) -> None:
    async def ended() -> Head:
        async with locked(database):
            append = asyncio.ensure_future(log.append(CHAIN[2]))
            (backend,) = await waiting(database)
            await asked(database, f"SELECT pg_terminate_backend({backend})")
            while await waiting(database) == [backend]:  # noqa: ASYNC110 - another session
                await asyncio.sleep(0.01)
        return await append

    assert run(ended()) == head_of(CHAIN[2])
    assert run(listed(log.blocks(0))) == list(CHAIN[:3])
    assert run(log.append(CHAIN[3])) == head_of(CHAIN[3])


def test_time_to_spare_begins_before_the_answer_and_once(log: PostgresLog, database: str) -> None:
    told: list[str] = []

    async def spared() -> None:
        async with locked(database):
            append = asyncio.ensure_future(
                log.append(CHAIN[2], meanwhile=lambda: told.append("meanwhile"))
            )
            await waiting(database)
            while not told:  # noqa: ASYNC110 - told in a list
                await asyncio.sleep(0.01)
        await append
        told.append("durable")

    run(spared())

    assert told == ["meanwhile", "durable"]


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[DatabaseServer, Databases]]:
    """Return a server whose folder is known."""
    with own_server() as running:
        yield running


@pytest.fixture
def way(
    own: tuple[DatabaseServer, Databases],
    socket_enabled: None,  # noqa: ARG001 - a port is opened
) -> Iterator[Proxy]:
    """Return a way to it that can be cut."""
    server, _ = own
    with Proxy(target=f"{server.folder}/.s.PGSQL.5432").open() as proxy:
        yield proxy


def over(way: Proxy, url: str, budgets: Budgets | None = None) -> PostgresLog:
    """Open the log of a database over a way to it."""
    name = url.partition("?")[0].rpartition("/")[2]
    user = url.partition("://")[2].partition("@")[0]
    return open_postgres(f"postgresql://{user}@{HOST}:{way.port}/{name}", budgets)


async def kept_unanswered(log: PostgresLog, url: str, block: Block, way: Proxy) -> Awaitable[Head]:
    """Let a block be kept, and its answer be lost; return what waits for it."""
    async with locked(url):
        append = asyncio.ensure_future(log.append(block))
        await waiting(url)
        way.cut("stall")
    kept = f"SELECT FROM heads WHERE number = {block.number}"
    while not await asked(url, kept):  # noqa: ASYNC110 - another session
        await asyncio.sleep(0.01)
    way.cut("reset")
    return append


def test_answer_that_was_lost_is_found_though_the_claim_is_gone(
    own: tuple[DatabaseServer, Databases], way: Proxy
) -> None:
    url = own[1].make()
    log, other = over(way, url), open_postgres(url)
    run(log.claim(0, "one"))
    run(fill(log, 2))

    async def lost() -> Head:
        append = await kept_unanswered(log, url, CHAIN[2], way)
        await other.claim(0, "two")
        way.mend()
        return await append

    assert run(lost()) == head_of(CHAIN[2])
    assert run(listed(other.blocks(0))) == list(CHAIN[:3])
    with pytest.raises(ClaimLostError):
        run(log.append(CHAIN[3]))
    for one in (log, other):
        run(one.close())


def test_answer_that_nobody_can_find_in_time_is_said_to_be_unknown(
    own: tuple[DatabaseServer, Databases], way: Proxy
) -> None:
    url = own[1].make()
    log = over(way, url, Budgets(regain_ms=300))
    run(fill(log, 2))

    async def lost() -> None:
        append = await kept_unanswered(log, url, CHAIN[2], way)
        with pytest.raises(CommitTimeoutError):
            await append
        way.mend()

    run(lost())

    assert run(log.append(CHAIN[2])) == head_of(CHAIN[2])
    assert run(log.append(CHAIN[3])) == head_of(CHAIN[3])
    assert run(log.verify()).intact
    run(log.close())


@pytest.mark.usefixtures("socket_enabled")
def test_session_that_answers_nothing_any_more_is_given_up_for_another(
    own: tuple[DatabaseServer, Databases],
) -> None:
    """As where a router forgot it: nobody hangs up, and others pass."""
    server, databases = own
    numbers = itertools.count()
    way = Proxy(
        target=f"{server.folder}/.s.PGSQL.5432", named=lambda _: f"connection {next(numbers)}"
    )
    with way.open():
        log = over(way, databases.make(), Budgets(answer_ms=500, regain_ms=5_000))
        run(fill(log, 2))
        for number in range(next(numbers)):
            way.cut("stall", f"connection {number}")

        assert run(log.append(CHAIN[2])) == head_of(CHAIN[2])

        assert run(listed(log.blocks(0))) == list(CHAIN[:3])
        run(log.close())
