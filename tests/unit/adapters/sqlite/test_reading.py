"""Small blocks are read several at once, and told one by one all the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.eventlog import run
from tests.support.decisions.logs import copied, write_log
from torghut.adapters.sqlite.store import SqliteLog, read_log
from torghut.eventlog.errors import LogIntegrityError


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("reading") / "usual.log")


async def told(log: SqliteLog) -> tuple[int, str]:
    """Return how many blocks a log tells of, and what it says then."""
    count = 0
    try:
        async for block in log.blocks(0):
            assert block.number == count
            count += 1
    except LogIntegrityError as error:
        return count, error.place
    finally:
        await log.close()
    return count, ""


@pytest.mark.parametrize("altered", [0, 1, 2, 9, 12])
def test_blocks_before_an_altered_one_are_told_and_then_that_it_is_altered(
    template: Path, tmp_path: Path, altered: int
) -> None:
    path = copied(template, tmp_path / "altered.log")
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE blocks SET cursor = '{}' WHERE place = ?", (altered,))
        database.commit()

    assert run(told(read_log(path))) == (altered, f"partition 0, block {altered}")
