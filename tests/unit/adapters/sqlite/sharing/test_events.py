"""A log that several write: each waits its turn, holds it no longer than it says, loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import CAUSES, Happened, open_sqlite, run
from tests.fakes.virtual_time import in_loop, run_virtually
from torghut.adapters.sqlite.sharing.events import WAIT_MS, SharedEvents
from torghut.adapters.sqlite.sharing.waiting import others_wait
from torghut.adapters.sqlite.store import SqliteLog, read_log
from torghut.eventlog.errors import (
    ConcurrencyConflictError,
    LogIntegrityError,
    LogTurnError,
    TruncatedLogError,
)


def shared(path: Path, *, wait_ms: int = WAIT_MS) -> SharedEvents:
    """Return the streams at ``path``, as a process of their own would open them."""
    return SharedEvents(path, clock=HandClock(), ids=CountingIds(), wait_ms=wait_ms)


async def append(store: SharedEvents | SqliteLog, what: str, *, after: int) -> int:
    return await store.append_events(
        "a-1", [Happened(what=what)], expected_version=after, causes=CAUSES
    )


async def bodies(store: SharedEvents) -> Sequence[bytes]:
    return [envelope.body for envelope in await store.read_events("a-1")]


def is_free(path: Path) -> bool:
    """Say whether a writer could open the log now."""
    try:
        run(open_sqlite(path).close())
    except Exception:  # noqa: BLE001 -- whatever keeps it from being opened
        return False
    return True


def test_what_was_never_written_reads_as_empty_and_makes_no_file(tmp_path: Path) -> None:
    assert run(shared(tmp_path / "none" / "a.log").read_events("a-1")) == []
    assert list(tmp_path.iterdir()) == []


@in_loop
async def test_what_one_appends_the_other_sees(tmp_path: Path) -> None:
    one, other = shared(tmp_path / "a.log"), shared(tmp_path / "a.log")

    assert await append(one, "a", after=0) == 1
    assert await append(other, "b", after=1) == 2
    assert await append(one, "c", after=2) == 3
    assert len(await bodies(one)) == 3
    assert await bodies(one) == await bodies(other)


@in_loop
async def test_a_stale_version_is_refused_whoever_appended_before(tmp_path: Path) -> None:
    one, other = shared(tmp_path / "a.log"), shared(tmp_path / "a.log")
    await append(one, "a", after=0)

    with pytest.raises(ConcurrencyConflictError):
        await append(other, "b", after=0)
    assert await append(other, "b", after=1) == 2


@in_loop
async def test_others_read_while_a_session_is_held(tmp_path: Path) -> None:
    one, other = shared(tmp_path / "a.log"), shared(tmp_path / "a.log")

    async with one.session():
        await append(one, "a", after=0)
        assert len(await bodies(other)) == 1
        await append(one, "b", after=1)
        assert len(await bodies(other)) == 2


def test_a_session_within_a_session_ends_with_the_outer_one(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    store = shared(path)

    async def sessions() -> None:
        async with store.session():
            async with store.session():
                await append(store, "a", after=0)
            await append(store, "b", after=1)
            assert not await asyncio.to_thread(is_free, path)

    run(sessions())

    assert is_free(path)
    assert len(run(bodies(store))) == 2


def test_a_session_that_fails_lets_go(tmp_path: Path) -> None:
    store = shared(tmp_path / "a.log")

    async def fails() -> None:
        async with store.session():
            await append(store, "a", after=0)
            raise LookupError

    with pytest.raises(LookupError):
        run(fails())
    assert is_free(tmp_path / "a.log")
    assert len(run(bodies(store))) == 1


def test_a_turn_that_does_not_come_is_refused_when_the_budget_is_spent(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    holder = open_sqlite(path)
    store = shared(path, wait_ms=5000)

    async def wait() -> float:
        with pytest.raises(LogTurnError) as refused:
            await append(store, "a", after=0)
        assert refused.value.budget_ms == 5000
        assert refused.value.holder == "this process"
        return asyncio.get_running_loop().time()

    assert 5.0 <= run_virtually(wait()) <= 5.1
    run(holder.close())
    assert run(append(store, "a", after=0)) == 1


@in_loop
async def test_whoever_waits_gets_the_turn_as_soon_as_it_is_free(tmp_path: Path) -> None:
    holder, waiter = shared(tmp_path / "a.log"), shared(tmp_path / "a.log")

    async with holder.session():
        waiting = asyncio.ensure_future(append(waiter, "b", after=1))
        await append(holder, "a", after=0)
        assert not waiting.done()

    assert await waiting == 2


@in_loop
async def test_whoever_takes_it_again_and_again_lets_others_go_first(tmp_path: Path) -> None:
    greedy, modest = shared(tmp_path / "a.log"), shared(tmp_path / "a.log")
    waited: asyncio.Task[int] | None = None

    for number in range(100):
        async with greedy.session():
            if waited is None:
                waited = asyncio.create_task(append_elsewhere(modest))
            await append(greedy, "a", after=number)
            await asyncio.sleep(0.01)
        if waited.done():
            break

    assert waited is not None
    assert waited.done()
    assert number < 99
    assert not others_wait(tmp_path / "a.log")


async def append_elsewhere(store: SharedEvents) -> int:
    """Append to a stream of its own."""
    return await store.append_events("b-1", [Happened(what="b")], expected_version=0, causes=CAUSES)


@in_loop
async def test_whoever_gives_up_waiting_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    for steps in range(12):
        store = shared(path)
        task = asyncio.ensure_future(append(store, "a", after=0))
        for _ in range(steps):
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0.05)  # what it shielded ends by itself
        assert await asyncio.to_thread(is_free, path)


def ahead(path: Path) -> bool:
    """Say whether the log's write-ahead log is still to be moved into it."""
    return path.with_name(path.name + "-wal").exists()


@in_loop
async def test_whoever_lets_go_of_an_attended_log_has_nothing_left_to_do(tmp_path: Path) -> None:
    store = shared(tmp_path / "a.log")
    async with store.attended(), store.attended():
        await append(store, "made", after=0)
        assert ahead(tmp_path / "a.log")
        await append(shared(tmp_path / "a.log"), "by another", after=1)
        assert ahead(tmp_path / "a.log")
    await append(store, "left alone", after=2)
    assert not ahead(tmp_path / "a.log")
    async with store.attended():
        await append(shared(tmp_path / "a.log"), "by another again", after=3)
        assert ahead(tmp_path / "a.log")
        assert len(await bodies(store)) == 4


@in_loop
async def test_a_log_that_cannot_be_attended_says_so_to_whoever_reads_it(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"no database" * 100)
    store = shared(tmp_path / "a.log")
    async with store.attended():
        with pytest.raises(LogIntegrityError):
            await store.read_events("a-1")


@in_loop
async def test_a_file_that_was_put_in_its_place_is_read(tmp_path: Path) -> None:
    store = shared(tmp_path / "a.log")
    await append(store, "a", after=0)
    other = shared(tmp_path / "b.log")
    await append(other, "x", after=0)
    await append(other, "y", after=1)

    for ending in ("", ".heads"):
        (tmp_path / f"b.log{ending}").replace(tmp_path / f"a.log{ending}")

    assert len(await bodies(store)) == 2


@in_loop
async def test_a_log_that_lost_its_end_is_neither_read_nor_written(tmp_path: Path) -> None:
    store = shared(tmp_path / "a.log")
    await append(store, "a", after=0)
    older = (tmp_path / "a.log").read_bytes()
    await append(store, "b", after=1)
    (tmp_path / "a.log").write_bytes(older)

    with pytest.raises(TruncatedLogError):
        await store.read_events("a-1")
    with pytest.raises(TruncatedLogError):
        await append(store, "c", after=1)


@in_loop
async def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"no database at all" * 100)

    with pytest.raises(LogIntegrityError):
        await append(shared(tmp_path / "a.log"), "a", after=0)


def test_what_it_writes_verifies_as_any_log(tmp_path: Path) -> None:
    store = shared(tmp_path / "a.log")
    for number in range(5):
        run(append(store, "a", after=number))

    log = read_log(tmp_path / "a.log")
    report = run(log.verify())
    run(log.close())

    assert report.intact
    assert report.events == 5


def long_heads(path: Path, count: int) -> bytes:
    """Write a log of ``count`` events, a commit each, and return its heads file."""
    store = shared(path)

    async def fill() -> None:
        async with store.session():
            for number in range(count):
                await append(store, f"{number}", after=number)

    run(fill())
    return (tmp_heads(path)).read_bytes()


def tmp_heads(path: Path) -> Path:
    """Return the heads file of a log."""
    return path.with_name(path.name + ".heads")


def test_a_long_heads_file_is_judged_by_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    body = long_heads(path, 250)
    assert len(body) > 16_384 + 1000

    tmp_heads(path).write_bytes(body[:200] + b"?" + body[201:])  # far from the end

    assert run(append(shared(path), "x", after=250)) == 251
    assert len(run(bodies(shared(path)))) == 251


def test_a_long_log_that_lost_its_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    body = long_heads(path, 250)
    line = body.splitlines(keepends=True)[-1]
    more = line.replace(b"events 250 ", b"events 251 ")

    tmp_heads(path).write_bytes(body + more)

    with pytest.raises(TruncatedLogError):
        run(append(shared(path), "x", after=250))
    with pytest.raises(TruncatedLogError):
        run(bodies(shared(path)))


@pytest.mark.parametrize("lost", [1, 2, 32])
def test_lines_that_a_crash_took_of_a_long_heads_file_are_written_again(
    tmp_path: Path, lost: int
) -> None:
    path = tmp_path / "a.log"
    body = long_heads(path, 250)
    lines = body.splitlines(keepends=True)

    tmp_heads(path).write_bytes(b"".join(lines[:-lost]) + b"events 2")

    assert run(append(shared(path), "x", after=250)) == 251
    assert tmp_heads(path).read_bytes().startswith(body)
    assert tmp_heads(path).read_bytes().count(b"\n") == 252
