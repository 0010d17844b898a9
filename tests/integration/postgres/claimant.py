"""Claims a partition and appends until the claim is lost; says each number that is durable."""

from __future__ import annotations

import asyncio
import sys

from tests.fakes.eventlog import make_block
from tests.support.machine.servers import open_postgres
from torghut.adapters.postgres.budgets import Budgets
from torghut.eventlog.errors import ClaimLostError


def say(word: str) -> None:
    """Say one word to whoever listens."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def main(url: str) -> None:
    """Append for ever."""
    log = open_postgres(url, Budgets(idle_ms=500))
    claim = await log.claim(0, "asleep")
    head = claim.head
    try:
        while True:
            head = await log.append(make_block(head))
            say(str(head.number))
    except ClaimLostError as error:
        say(error.code)
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
