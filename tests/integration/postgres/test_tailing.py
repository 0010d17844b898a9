"""Whoever follows the events of many writers misses none; a store that counts early loses some."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import asyncpg
import pytest

from tests.integration.postgres.appender import TOGETHER
from tests.support.decisions.declared import ROOT
from tests.support.machine.servers import Databases, open_postgres
from torghut.kernel.canonical import parse_json_object

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

WRITERS: Final = 12
PROCESSES: Final = 4
EACH: Final = 8_400
BATCH: Final = 30
NAIVE_EACH: Final = 500
READERS: Final = 2
APPENDER: Final = "tests.integration.postgres.appender"


def start(kind: str, url: str, each: int, batch: int) -> Sequence[subprocess.Popen[bytes]]:
    """Start all writers at once."""
    words = (kind, url, str(each), str(batch))
    names = [str(writer) for writer in range(WRITERS)]
    return [
        subprocess.Popen(
            [sys.executable, "-m", APPENDER, *words, *names[process::PROCESSES]], cwd=ROOT
        )
        for process in range(PROCESSES)
    ]


async def followed(
    writers: Sequence[subprocess.Popen[bytes]], after: Callable[[int], Awaitable[Sequence[str]]]
) -> Sequence[str]:
    """Return everything that a reader is given until the writers have ended, and a little beyond.

    Args:
        writers: Whom it follows.
        after: What it is given, asked with how much it has; it remembers where it is.
    """
    found: list[str] = []
    ended = False
    while True:
        more = await after(len(found))
        found.extend(more)
        if not more and ended:
            return found
        ended = all(writer.poll() is not None for writer in writers)
        if not more:
            await asyncio.sleep(0.002)


async def follow_log(url: str, writers: Sequence[subprocess.Popen[bytes]]) -> Sequence[str]:
    """Follow the log through its feed."""
    log = open_postgres(url)

    async def after(count: int) -> Sequence[str]:
        envelopes = await log.events_after(count, 1_000)
        assert [one.position for one in envelopes] == [
            *range(count + 1, count + 1 + len(envelopes))
        ]
        return [str(parse_json_object(one.body)["what"]) for one in envelopes]

    try:
        return await followed(writers, after)
    finally:
        await log.close()


async def follow_naively(url: str, writers: Sequence[subprocess.Popen[bytes]]) -> Sequence[str]:
    """Follow rows above the highest number seen."""
    session = await asyncpg.connect(url)
    last = 0

    async def after(_: int) -> Sequence[str]:
        nonlocal last
        rows = await session.fetch("SELECT id, what FROM naive WHERE id > $1 ORDER BY id", last)
        last = rows[-1]["id"] if rows else last
        return [row["what"] for row in rows]

    try:
        return await followed(writers, after)
    finally:
        await session.close()


async def all_follow(
    follow: Callable[[str, Sequence[subprocess.Popen[bytes]]], Awaitable[Sequence[str]]],
    url: str,
    writers: Sequence[subprocess.Popen[bytes]],
) -> Sequence[Sequence[str]]:
    """Return what each of several readers is given."""
    return await asyncio.gather(*(follow(url, writers) for _ in range(READERS)))


def test_twelve_writers_and_no_event_missed(database: str) -> None:
    writers = start("log", database, EACH, BATCH)
    followers = asyncio.run(all_follow(follow_log, database, writers))

    assert [writer.wait() for writer in writers] == [0] * PROCESSES
    expected = {str(writer): [*range(EACH)] for writer in range(WRITERS)}
    assert WRITERS * EACH >= 100_000
    for found in followers:
        assert len(found) == WRITERS * EACH, "none missed, none twice"
        assert {who: sorted(numbers) for who, numbers in by_writer(found).items()} == expected
    for numbers in by_writer(followers[0]).values():
        for part in range(TOGETHER):
            of_part = [one for one in numbers if one * TOGETHER // EACH == part]
            assert of_part == sorted(of_part), "each stream in its order"


def by_writer(words: Sequence[str]) -> dict[str, list[int]]:
    """Return the numbers that each writer's events have, in the order found."""
    found: dict[str, list[int]] = defaultdict(list)
    for word in words:
        who, _, number = word.partition(":")
        found[who].append(int(number))
    return found


def test_naive_store_loses_events_to_its_readers(databases: Databases, database: str) -> None:
    """Numbers are given out before the commit, so a reader passes some that are not there yet."""
    databases.do(
        "CREATE TABLE naive (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text)",
        url=database,
    )
    writers = start("naive", database, NAIVE_EACH, 5)
    followers = asyncio.run(all_follow(follow_naively, database, writers))

    assert [writer.wait() for writer in writers] == [0] * PROCESSES
    ((kept,),) = databases.do("SELECT count(*) FROM naive", url=database)
    assert kept == WRITERS * NAIVE_EACH
    missed = [WRITERS * NAIVE_EACH - len(set(found)) for found in followers]
    assert max(missed) > 0
