"""Standard input and Unix sockets, as they are: pipes, files, several senders, what was left."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.live import (
    FailingKeeper,
    Ill,
    Illness,
    Page,
    SwitchFiles,
    context_json,
    live_policy,
)
from tests.fakes.virtual_time import in_loop
from tests.support.decisions.loops import made_setup
from torghut.adapters.live.lines import LineFeed
from torghut.adapters.live.streams import (
    SocketTakenError,
    SocketUnusableError,
    bound_at,
    serve_socket,
    serve_stdin,
)
from torghut.adapters.system.clock import MonotonicClock, SystemClock
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.errors import TorghutError
from torghut.workflows.live.assembly import LiveWorker, Parts, assemble
from torghut.workflows.live.standing import Identity


@asynccontextmanager
async def serving(illness: Illness | None = None) -> AsyncIterator[LiveWorker]:
    """Have a worker at work, in real time."""
    worker = assemble(
        Parts(
            keeper=FailingKeeper(InMemoryLog(clock=HandClock()), illness or Illness()),
            setup=made_setup(),
            policy=live_policy(loop=(("pending_max", 20), ("retry_ms", 10))),
            wall=SystemClock(),
            steady=MonotonicClock(),
            ids=CountingIds(),
            folder=SwitchFiles(),
            page=Page(),
            identity=Identity(worker="w", pid=1, log="memory", source="stdin:", revision="r1"),
            speed=1.0,
            takes_offers=True,
        )
    )
    await worker.begin()
    running = asyncio.ensure_future(worker.loop.run())
    try:
        yield worker
    finally:
        worker.desk.close()
        await running


@asynccontextmanager
async def listening(worker: LiveWorker, path: Path) -> AsyncIterator[None]:
    """Serve a socket."""
    task = asyncio.ensure_future(serve_socket(LineFeed(desk=worker.desk, name="unix"), path))
    await until(path.exists)
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(so: Callable[[], bool]) -> None:
    """Wait, not for long, until something is so."""
    async with asyncio.timeout(5):
        while not so():  # noqa: ASYNC110 -- other processes and threads set no event here
            await asyncio.sleep(0.002)


async def send(path: Path, lines: Iterable[bytes]) -> None:
    """Send lines as one sender does."""
    _, writer = await asyncio.open_unix_connection(str(path))
    for line in lines:
        writer.write(line + b"\n")
        await writer.drain()
    writer.close()
    await writer.wait_closed()


@in_loop
async def test_what_several_senders_write_is_decided_and_bad_lines_end_none_of_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "in.sock"
    async with serving() as worker, listening(worker, path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        lines = [[context_json(n, feed=f"f{s}") for n in range(20)] for s in range(3)]
        lines[1].insert(5, b"{not json")
        await asyncio.gather(*(send(path, one) for one in lines))
        await until(lambda: worker.loop.tally.decisions == 60)
        assert worker.loop.tally.refused == 1
    assert not path.exists()


@in_loop
async def test_a_sender_is_held_back_while_the_log_is_away(tmp_path: Path) -> None:
    illness = Illness()
    async with serving(illness) as worker, listening(worker, tmp_path / "in.sock"):
        illness.become(Ill.BUSY)
        padding = "1" * 8
        lines = [context_json(n, feed=f"f{padding}") + b" " * 20_000 for n in range(120)]
        sending = asyncio.ensure_future(send(tmp_path / "in.sock", lines))
        await until(lambda: len(worker.loop.line) == 20)
        await asyncio.sleep(0.05)
        assert not sending.done()  # 2.4 MB do not fit into what may wait
        illness.become(Ill.WELL)
        await sending
        await until(lambda: worker.loop.tally.decisions == 120)


@in_loop
async def test_a_socket_that_a_killed_service_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "in.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    async with serving() as worker, listening(worker, path):
        await until(lambda: _connects(path))


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


@in_loop
async def test_a_socket_that_is_served_and_a_file_are_left_alone(tmp_path: Path) -> None:
    path, file = tmp_path / "in.sock", tmp_path / "file"
    file.write_text("kept")
    async with serving() as worker, listening(worker, path):
        feed = LineFeed(desk=worker.desk, name="unix")
        await until(lambda: _connects(path))
        with pytest.raises(SocketTakenError, match="served"):
            await serve_socket(feed, path)
        with pytest.raises(SocketTakenError, match="something else"):
            await serve_socket(feed, file)
        assert file.read_text() == "kept"
        for place in (tmp_path / "gone" / "in.sock", tmp_path / ("x" * 200)):
            with pytest.raises(SocketUnusableError):
                await serve_socket(feed, place)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPROTOTYPE, errno.EMFILE])
def test_a_socket_that_cannot_be_tried_is_left_alone(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: code)

    with pytest.raises(SocketTakenError, match=os.strerror(code)):
        bound_at(path)
    assert path.exists()


def test_a_socket_whose_service_takes_nobody_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "in.sock"
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        other.bind(str(path))
        other.listen(0)
        waits = True
        while waits:
            caller = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            caller.settimeout(0)
            waits = caller.connect_ex(str(path)) == 0
        with pytest.raises(SocketTakenError, match="served"):
            bound_at(path)
        assert path.exists()


@in_loop
async def test_why_a_sender_is_let_go_is_told(tmp_path: Path) -> None:
    told: list[TorghutError] = []
    path = tmp_path / "in.sock"
    async with serving() as worker:
        feed = LineFeed(desk=worker.desk, name="unix")
        task = asyncio.ensure_future(serve_socket(feed, path, told.append))
        await until(path.exists)
        worker.desk.close()
        await send(path, [context_json(1)])
        await until(lambda: bool(told))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [error.code for error in told] == ["live.closing"]


@pytest.mark.parametrize("kind", ["pipe", "file", "null"])
@in_loop
async def test_standard_input_is_read_to_its_end_whatever_it_is(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"".join(context_json(n) + b"\n" for n in range(30))
    stream = opened(kind, tmp_path / "in", body)
    monkeypatch.setattr(sys, "stdin", stream)
    async with serving() as worker:
        await serve_stdin(LineFeed(desk=worker.desk, name="stdin"))
        await until(lambda: worker.loop.tally.decisions == (0 if kind == "null" else 30))
    stream.close()


def opened(kind: str, path: Path, body: bytes) -> TextIO:
    """Return what standard input may be."""
    if kind == "null":
        return Path(os.devnull).open(encoding="utf-8")
    if kind == "file":
        path.write_bytes(body)
        return path.open(encoding="utf-8")
    reading, writing = os.pipe()
    os.write(writing, body)
    os.close(writing)
    return os.fdopen(reading)
