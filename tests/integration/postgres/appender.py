"""Appends numbered events to a log, or to a table without a lock on its counter: some writers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Final, Literal

import asyncpg

from tests.support.machine.servers import open_postgres
from torghut.eventlog.envelopes import Causes
from torghut.schemas.types import Message

TOGETHER: Final = 8
"""Appends that a writer has under way at a time."""

CAUSES: Final = Causes(correlation_id="writing", causation_id="writing")


class Numbered(Message):
    """What a writer wrote."""

    type: Literal["tests.numbered.v1"] = "tests.numbered.v1"
    what: str


async def append_to_log(url: str, writer: str, count: int, batch: int) -> None:
    """Append ``count`` events to streams of this writer's own, a few streams at a time."""
    log = open_postgres(url)

    async def fill(stream: str, numbers: range) -> None:
        for first in range(numbers.start, numbers.stop, batch):
            words = range(first, min(first + batch, numbers.stop))
            events = [Numbered(what=f"{writer}:{number}") for number in words]
            after = first - numbers.start
            await log.append_events(stream, events, expected_version=after, causes=CAUSES)

    share = count // TOGETHER
    async with asyncio.TaskGroup() as tasks:
        for part in range(TOGETHER):
            stream = f"writer-{writer}-{part}"
            tasks.create_task(fill(stream, range(part * share, (part + 1) * share)))
    await log.close()


async def append_naively(url: str, writer: str, count: int, batch: int) -> None:
    """Insert rows that number themselves when they are written, not when they are committed."""

    async def fill(numbers: range) -> None:
        session = await asyncpg.connect(url)
        for first in range(numbers.start, numbers.stop, batch):
            words = [f"{writer}:{n}" for n in range(first, min(first + batch, numbers.stop))]
            async with session.transaction():
                await session.execute("INSERT INTO naive (what) SELECT unnest($1::text[])", words)
        await session.close()

    share = count // 2
    async with asyncio.TaskGroup() as tasks:
        for part in range(2):
            tasks.create_task(fill(range(part * share, (part + 1) * share)))


async def write(kind: str, url: str, count: int, batch: int, writers: Sequence[str]) -> None:
    """Let some writers write at once, each with sessions of its own."""
    work = {"log": append_to_log, "naive": append_naively}[kind]
    await asyncio.gather(*(work(url, writer, count, batch) for writer in writers))


def main(kind: str, url: str, count: str, batch: str, *writers: str) -> None:
    """Do what the words say."""
    asyncio.run(write(kind, url, int(count), int(batch), writers))


if __name__ == "__main__":
    main(*sys.argv[1:])
