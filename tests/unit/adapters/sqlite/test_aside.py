"""A log set aside is whole, and another can begin where it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes.clock import CountingIds, HandClock
from torghut.adapters.sqlite.aside import set_log_aside
from torghut.adapters.sqlite.store import SqliteLog, open_log, read_log
from torghut.eventlog.errors import LogInUseError, LogWriteError
from torghut.kernel.digests import sha256_hex


def opened(path: Path) -> SqliteLog:
    """Return the log at ``path``, open for writing."""
    return open_log(path, clock=HandClock(), ids=CountingIds())


async def _write(path: Path, body: bytes) -> None:
    log = opened(path)
    await log.put_object(body)
    await log.close()


async def _read(path: Path, body: bytes) -> bytes:
    log = read_log(path)
    try:
        return await log.get_object(sha256_hex(body))
    finally:
        await log.close()


def test_log_is_whole_under_its_new_name_and_gone_under_the_old(tmp_path: Path) -> None:
    asyncio.run(_write(tmp_path / "a.log", b"kept"))

    aside = set_log_aside(tmp_path / "a.log", "old")

    assert aside == tmp_path / "a.log.old"
    assert asyncio.run(_read(aside, b"kept")) == b"kept"
    assert not (tmp_path / "a.log").exists()
    assert not (tmp_path / "a.log.heads").exists()
    asyncio.run(_write(tmp_path / "a.log", b"another"))


def test_nothing_is_set_aside_where_there_is_no_log(tmp_path: Path) -> None:
    assert set_log_aside(tmp_path / "a.log", "old") is None
    assert list(tmp_path.iterdir()) == []


def test_log_that_is_being_written_stays(tmp_path: Path) -> None:
    log = opened(tmp_path / "a.log")
    try:
        with pytest.raises(LogInUseError):
            set_log_aside(tmp_path / "a.log", "old")
    finally:
        asyncio.run(log.close())

    assert (tmp_path / "a.log").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    asyncio.run(_write(tmp_path / "a.log", b"kept"))
    (tmp_path / "a.log.old.heads").write_text("somebody's", encoding="utf-8")

    with pytest.raises(LogWriteError, match="exists already"):
        set_log_aside(tmp_path / "a.log", "old")
    assert asyncio.run(_read(tmp_path / "a.log", b"kept")) == b"kept"


def test_heads_left_alone_are_set_aside_too(tmp_path: Path) -> None:
    asyncio.run(_write(tmp_path / "a.log", b"kept"))
    (tmp_path / "a.log").unlink()

    assert set_log_aside(tmp_path / "a.log", "old") is not None
    assert (tmp_path / "a.log.old.heads").exists()
