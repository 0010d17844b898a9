"""A process that appends and says so: one line on its output for each block that is durable."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Final, Literal

from tests.fakes.eventlog import CAUSES, Happened, make_block, open_sqlite
from torghut.adapters.sqlite.database import SqliteOptions

STREAM: Final = "tests-1"


async def publish(path: Path, output: int, *, blocks: int, options: SqliteOptions) -> None:
    """Append ``blocks`` blocks to the log at ``path``, an event after every third."""
    log = open_sqlite(path, options)
    head = await log.head(0)
    for _ in range(blocks):
        head = await log.append(make_block(head))
        os.write(output, f"{head.number} {head.digest}\n".encode())
        if head.number % 3 == 0:
            version = len(await log.read_events(STREAM))
            await log.append_events(
                STREAM, [Happened(what="a")], expected_version=version, causes=CAUSES
            )
    await log.close()


def main(path: str, blocks: str, synchronous: Literal["FULL", "OFF"]) -> None:
    """Publish to standard output."""
    options = SqliteOptions(synchronous=synchronous, permit_loss=synchronous == "OFF")
    asyncio.run(publish(Path(path), sys.stdout.fileno(), blocks=int(blocks), options=options))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "OFF" if sys.argv[3] == "OFF" else "FULL")
