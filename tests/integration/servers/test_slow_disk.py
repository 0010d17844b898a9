"""A disk can be slow for a while, and those who use it go on unharmed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from tests.support.machine.servers import own_server
from tests.support.machine.slow_disk import SlowDiskError, slow_disk, why_not

pytestmark = [pytest.mark.system, pytest.mark.enable_socket]

DELAY_S: Final = 0.5
WRITES: Final = 3


async def written_in(url: str) -> float:
    """Return how long the quickest of a few commits takes, in seconds."""
    session = await asyncpg.connect(url)
    took: list[float] = []
    time = asyncio.get_running_loop().time
    try:
        await session.execute("CREATE TABLE IF NOT EXISTS written (at timestamptz)")
        for _ in range(WRITES):
            begun = time()
            await session.execute("INSERT INTO written VALUES (now())")
            took.append(time() - begun)
    finally:
        await session.close()
    return min(took)


def test_commits_wait_for_a_slow_disk_and_for_no_longer(tmp_path: Path) -> None:
    if why := why_not():
        pytest.skip(why)
    told = tmp_path / "synced"
    with own_server() as (server, databases):
        before = asyncio.run(written_in(databases.url))
        pid = server.pid
        with slow_disk(server.pids, DELAY_S, told):
            during = asyncio.run(written_in(databases.url))
        after = asyncio.run(written_in(databases.url))
        assert server.pid == pid
        assert databases.do("SELECT count(*) FROM written") == [(3 * WRITES,)]
    assert max(before, after) < DELAY_S <= during
    assert told.read_text().count("(DELAYED)") >= WRITES


def test_one_who_cannot_be_traced_is_told_of(tmp_path: Path) -> None:
    if why := why_not():
        pytest.skip(why)
    with pytest.raises(SlowDiskError, match="attach"), slow_disk([2**22], 0.1, tmp_path / "none"):
        pass
