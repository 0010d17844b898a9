"""Kill -9 at any moment: nothing published is lost, nothing is there twice, the chain holds."""

from __future__ import annotations

import asyncio
import os
import resource
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.eventlog import listed, make_block, open_sqlite, run
from tests.integration.sqlite.publisher import publish
from torghut.adapters.sqlite.database import SqliteOptions
from torghut.eventlog.block import Head, head_of
from torghut.eventlog.errors import LogInUseError, LogWriteError, Obstacle


@contextmanager
def child(work: Callable[[int], None]) -> Iterator[tuple[int, int]]:
    """Run ``work`` in a process of its own; yield its id and what it writes to."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read)
            work(write)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    try:
        yield pid, read
    finally:
        os.close(read)


def published(output: int) -> list[tuple[int, str]]:
    """Return what was published until the output ended: whole lines only."""
    data = b""
    while part := os.read(output, 65536):
        data += part
    lines = [line.split() for line in data.decode().splitlines(keepends=True) if line[-1] == "\n"]
    return [(int(number), digest) for number, digest in lines]


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed that this run of the tests was given, and print it."""
    given = request.config.getoption("randomly_seed", 0)
    seed = given if isinstance(given, int) else 0
    sys.stdout.write(f"again with: -p randomly --randomly-seed={seed}\n")
    return seed


@pytest.mark.parametrize(
    "rounds",
    [10, pytest.param(300, marks=[pytest.mark.soak, pytest.mark.timeout(600)])],
)
def test_nothing_published_is_lost_by_kill(tmp_path: Path, rounds: int, seed: int) -> None:
    path = tmp_path / "log.db"
    draw = np.random.Generator(np.random.PCG64(seed))
    known: dict[int, str] = {}

    for _ in range(rounds):
        with child(
            lambda output: asyncio.run(
                publish(path, output, blocks=10_000, options=SqliteOptions())
            )
        ) as (pid, output):
            select.select([output], [], [])  # the first block is durable
            select.select([], [], [], draw.uniform(0.0, 0.05))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            known |= dict(published(output))
        log = open_sqlite(path)
        blocks = run(listed(log.blocks(0)))
        report = run(log.verify())
        run(log.close())

        assert report.intact, report.findings
        assert log.repaired_lines <= 2  # a block, and an event in the same commit
        assert [block.number for block in blocks] == list(range(len(blocks)))
        assert known.items() <= {block.number: block.digest for block in blocks}.items()
    assert len(known) >= rounds


def test_a_second_writing_process_is_refused_and_the_lock_dies_with_the_first(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"

    def hold(output: int) -> None:
        open_sqlite(path)
        os.write(output, b"open\n")
        signal.pause()

    with child(hold) as (pid, output):
        assert os.read(output, 5) == b"open\n"
        with pytest.raises(LogInUseError, match=f"process {pid}"):
            open_sqlite(path)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    run(open_sqlite(path).close())


def test_a_file_that_may_not_grow_is_said_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.db"

    async def append_until_refused(output: int) -> None:
        log = open_sqlite(path)
        size = path.with_name("log.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 500_000, size + 500_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        head = Head(partition=0)
        try:
            while True:
                head = await log.append(make_block(head))
                os.write(output, f"{head.number} {head.digest}\n".encode())
        except LogWriteError as error:
            os.write(output, f"-1 {error.obstacle}\n".encode())

    with child(lambda output: asyncio.run(append_until_refused(output))) as (pid, output):
        *durable, (_, obstacle) = published(output)
        os.waitpid(pid, 0)

    assert obstacle in {Obstacle.INPUT_OUTPUT, Obstacle.DISK_FULL}
    log = open_sqlite(path)
    blocks = run(listed(log.blocks(0)))
    assert [(block.number, block.digest) for block in blocks][: len(durable)] == durable
    assert len(durable) >= 3
    assert run(log.append(make_block(head_of(blocks[-1])))).number == len(blocks)
    assert run(log.verify()).intact
    run(log.close())
