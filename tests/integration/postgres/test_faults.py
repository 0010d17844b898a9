"""Servers are killed and sessions cut: nothing acknowledged is lost, and nothing is doubled."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from ops.servers.database import DatabaseServer
from tests.fakes.eventlog import CAUSES, Happened, listed, make_block, make_chain, run
from tests.support.decisions.declared import ROOT
from tests.support.machine.servers import Databases, open_postgres, own_server
from torghut.adapters.postgres.budgets import Budgets
from torghut.adapters.postgres.store import PostgresLog
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.errors import (
    ClaimLostError,
    CommitTimeoutError,
    LogNotDurableError,
    LogReadError,
    LogWriteError,
    Obstacle,
)

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

CLAIMANT: Final = "tests.integration.postgres.claimant"
KILLS: Final = 3


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[DatabaseServer, Databases]]:
    """Return a server that tests may kill."""
    with own_server() as running:
        yield running


@pytest.fixture
def url(own: tuple[DatabaseServer, Databases]) -> str:
    """Return a database on it with an empty log."""
    return own[1].make()


async def restart(server: DatabaseServer, *, pause_s: float = 0.0) -> None:
    """Kill the server and start it again, without keeping the loop from its work."""
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(pause_s)
    await asyncio.to_thread(server.start)


def test_handle_goes_on_by_itself_after_the_server_was_killed(
    own: tuple[DatabaseServer, Databases], url: str
) -> None:
    server, _ = own
    chain = make_chain(6)
    log = open_postgres(url)
    for block in chain[:3]:
        run(log.append(block))
    server.kill()
    server.start()
    for block in chain[3:]:
        run(log.append(block))

    assert run(listed(log.blocks(0))) == list(chain)
    assert run(log.verify()).intact
    run(log.close())


def test_nothing_acknowledged_is_lost_or_doubled_when_servers_die_in_the_middle(
    own: tuple[DatabaseServer, Databases], url: str
) -> None:
    server, _ = own
    chains = [make_chain(250, partition=partition) for partition in range(2)]
    log = open_postgres(url)

    async def together() -> None:
        told: dict[int, Head] = {}
        async with asyncio.TaskGroup() as tasks:
            for chain in chains:
                tasks.create_task(fill(log, chain, told))
            for stream in ("a-1", "b-1"):
                tasks.create_task(note(log, stream, 250))
            tasks.create_task(die(log, server, told))

    run(together())

    for partition, chain in enumerate(chains):
        assert run(listed(log.blocks(partition))) == list(chain)
    report = run(log.verify())
    assert report.intact
    assert (report.blocks, report.events) == (500, 500)
    assert [one.position for one in run(log.events_after(0, 1_000))] == [*range(1, 501)]
    run(log.close())


async def fill(log: PostgresLog, chain: Sequence[Block], told: dict[int, Head]) -> None:
    """Append a chain, and keep what was acknowledged of it."""
    for block in chain:
        told[block.partition] = await log.append(block)


async def note(log: PostgresLog, stream: str, count: int) -> None:
    """Append events one by one."""
    for version in range(count):
        happened = [Happened(what=f"{stream} {version}")]
        await log.append_events(stream, happened, expected_version=version, causes=CAUSES)


async def die(log: PostgresLog, server: DatabaseServer, told: dict[int, Head]) -> None:
    """Kill the server in the middle, again and again."""
    for _ in range(KILLS):
        await asyncio.sleep(0.15)
        acknowledged = dict(told)
        await restart(server, pause_s=0.05)
        for partition, head in acknowledged.items():
            assert (await log.head(partition)).number >= head.number


def test_sessions_that_are_cut_are_opened_again(
    own: tuple[DatabaseServer, Databases], url: str
) -> None:
    _, databases = own
    chain = make_chain(60)
    log = open_postgres(url)

    async def cut() -> None:
        for _ in range(6):
            await asyncio.sleep(0.02)
            await asyncio.to_thread(
                databases.do,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'torghut'",
            )

    async def together() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(cut())
            for block in chain:
                await log.append(block)

    run(together())

    assert run(listed(log.blocks(0))) == list(chain)
    run(log.close())


def test_sessions_that_are_cut_while_nothing_is_asked_are_opened_again(
    own: tuple[DatabaseServer, Databases], url: str
) -> None:
    _, databases = own
    chain = make_chain(10)
    log = open_postgres(url)
    for version, block in enumerate(chain):
        run(log.append(block))
        databases.do(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'torghut'"
        )
        happened = [Happened(what=f"{version}")]
        run(log.append_events("a-1", happened, expected_version=version, causes=CAUSES))

    assert run(listed(log.blocks(0))) == list(chain)
    assert len(run(log.read_events("a-1"))) == 10
    run(log.close())


def test_server_that_stays_away_is_told_within_the_budget(
    own: tuple[DatabaseServer, Databases], url: str
) -> None:
    server, _ = own
    log = open_postgres(url, Budgets(regain_ms=400))
    (first, second) = make_chain(2)
    run(log.append(first))
    server.kill()
    begun = asyncio.run(_now_s())
    try:
        # Nobody can say whether it was kept, where it was said before the session was seen cut.
        with pytest.raises((LogWriteError, CommitTimeoutError)) as caught:
            run(log.append(second))
        with pytest.raises(LogReadError):
            run(log.head(0))
        spent_s = asyncio.run(_now_s()) - begun
    finally:
        server.start()

    if isinstance(caught.value, LogWriteError):
        assert caught.value.obstacle is Obstacle.GONE
    assert spent_s < 5
    assert run(log.append(second)) == head_of(second)
    run(log.close())


def test_server_that_answers_nothing_is_told_within_the_budget(
    own: tuple[DatabaseServer, Databases], url: str
) -> None:
    """Halted, not dead: its sessions stay open, and only our own clock tells."""
    server, databases = own
    log = open_postgres(url, Budgets(regain_ms=300, answer_ms=500, connect_ms=500))
    (first, second) = make_chain(2)
    run(log.append(first))
    ((backend,),) = databases.do(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'torghut' LIMIT 1"
    )
    processes = [server.pid, int(str(backend))]
    for pid in processes:
        signal_to(pid, signal.SIGSTOP)
    begun = asyncio.run(_now_s())
    try:
        with pytest.raises((LogWriteError, CommitTimeoutError)):
            run(log.append(second))
        spent_s = asyncio.run(_now_s()) - begun
    finally:
        for pid in processes:
            signal_to(pid, signal.SIGCONT)

    assert spent_s < 10
    assert run(log.append(second)) == head_of(second)
    run(log.close())


def test_server_that_came_back_without_fsync_is_written_no_more(
    own: tuple[DatabaseServer, Databases], url: str
) -> None:
    server, _ = own
    log = open_postgres(url)
    (first, second) = make_chain(2)
    run(log.append(first))
    server.stop()
    server.settings["fsync"] = "off"
    server.start()
    try:
        with pytest.raises(LogNotDurableError, match="fsync"):
            run(log.append(second))
    finally:
        server.stop()
        del server.settings["fsync"]
        server.start()
    assert run(log.append(second)) == head_of(second)
    run(log.close())


def test_writer_that_was_halted_cannot_write_after_its_claim_was_taken(url: str) -> None:
    asleep = subprocess.Popen(
        [sys.executable, "-m", CLAIMANT, url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert asleep.stdout is not None
    for _ in range(20):
        assert asleep.stdout.readline()
    asleep.send_signal(signal.SIGSTOP)
    log = open_postgres(url)
    claim = run(log.claim(0, "awake"))
    head = run(log.append(make_block(claim.head, first=100_000)))
    asleep.send_signal(signal.SIGCONT)
    said, complained = asleep.communicate(timeout=60)

    assert asleep.returncode == 0, complained
    assert said.split()[-1] == ClaimLostError.code
    assert run(log.head(0)) == head
    assert run(log.verify()).intact
    run(log.close())


async def _now_s() -> float:
    return asyncio.get_running_loop().time()


def signal_to(pid: int, number: signal.Signals) -> None:
    """Signal one process that a test started."""
    subprocess.run(["kill", f"-{number.value}", str(pid)], check=True)  # noqa: S607 -- of the system
