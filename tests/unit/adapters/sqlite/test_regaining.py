"""A log on the disk that breaks is opened anew, and holds what it held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.eventlog import make_chain, open_sqlite
from tests.fakes.virtual_time import in_loop
from torghut.adapters.sqlite.regaining import RegainingLog
from torghut.adapters.sqlite.store import SqliteLog
from torghut.eventlog.errors import LogInUseError, LogWriteError


def opening(path: Path) -> Callable[[], SqliteLog]:
    return lambda: open_sqlite(path)


@in_loop
async def test_what_was_durable_is_there_after_it_was_opened_again(tmp_path: Path) -> None:
    keeper = RegainingLog(opening(tmp_path / "a.log"))
    first, second = make_chain(2)
    head = await keeper.log.append(first)
    before = keeper.log
    after = await keeper.regain()
    assert after is keeper.log is not before
    assert await after.head(0) == head
    await after.append(first)  # the same again changes nothing
    await after.append(second)
    await keeper.close()
    await keeper.close()


@in_loop
async def test_the_old_log_is_closed_before_the_new_one_is_opened(tmp_path: Path) -> None:
    keeper = RegainingLog(opening(tmp_path / "a.log"))
    before = keeper.log
    await keeper.regain()
    with pytest.raises(LogWriteError):
        await before.append(make_chain(1)[0])
    await keeper.close()


@in_loop
async def test_a_log_that_cannot_be_opened_is_tried_again_later(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    keeper = RegainingLog(opening(path))
    (block,) = make_chain(1)
    await keeper.log.append(block)
    await keeper.log.close()
    other = open_sqlite(path)
    for _ in range(2):
        with pytest.raises(LogInUseError):
            await keeper.regain()
        with pytest.raises(LogWriteError):
            await keeper.log.append(block)
    await other.close()
    assert (await (await keeper.regain()).head(0)).number == 0
    await keeper.close()


@in_loop
async def test_closing_while_it_is_away_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    keeper = RegainingLog(opening(path))
    await keeper.log.close()
    other = open_sqlite(path)
    with pytest.raises(LogInUseError):
        await keeper.regain()
    await keeper.close()
    await other.close()
