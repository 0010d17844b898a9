"""Lines out of a stream of bytes: whatever the chunks, the same contexts, and bad ones are kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.live import Ill, World, context_json, live_policy
from tests.fakes.virtual_time import run_virtually
from torghut.adapters.live.lines import LineFeed, LineSplitter, Oversized
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.errors import ClosingError
from torghut.workflows.live.offers import LINE_BYTES_MAX

LIMIT = 8

BODIES = st.binary(max_size=3 * LIMIT).map(lambda body: body.replace(b"\n", b"."))


def expected(lines: Iterable[bytes], *, ended: bool) -> list[bytes | Oversized]:
    """Return what is to come of lines, each ended by a line feed, the last perhaps not."""
    kept = list(lines)
    if not ended and kept and not kept[-1]:
        kept.pop()
    return [
        line.removesuffix(b"\r")
        if len(line.removesuffix(b"\r")) <= LIMIT
        else Oversized(digest=hashlib.sha256(line).hexdigest(), head=line[:1024])
        for line in kept
    ]


def cut(body: bytes, sizes: list[int]) -> Iterable[bytes]:
    """Return ``body`` in chunks, then the empty one that ends it."""
    at = 0
    for size in sizes:
        if chunk := body[at : at + size]:
            yield chunk
        at += size
    if rest := body[at:]:
        yield rest
    yield b""


@given(
    lines=st.lists(BODIES, max_size=6),
    ended=st.booleans(),
    sizes=st.lists(st.integers(1, 12), max_size=30),
)
def test_any_chunking_gives_the_same_lines(
    lines: list[bytes], sizes: list[int], *, ended: bool
) -> None:
    body = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    splitter = LineSplitter(limit=LIMIT)
    found = [line for chunk in cut(body, sizes) for line in splitter.lines(chunk)]
    heads = [one.head if isinstance(one, Oversized) else b"" for one in found]
    assert all(len(head) <= 1024 for head in heads)
    assert [digest_of(one) for one in found] == [
        digest_of(one) for one in expected(lines, ended=ended)
    ]


def digest_of(line: bytes | Oversized) -> bytes | str:
    """Return a line, or the digest of one that was too long."""
    return line.digest if isinstance(line, Oversized) else line


def test_of_a_line_without_end_little_is_kept() -> None:
    splitter = LineSplitter(limit=LIMIT)
    whole = hashlib.sha256()
    for _ in range(1000):
        chunk = b"x" * 65_536
        whole.update(chunk)
        assert list(splitter.lines(chunk)) == []
        assert len(splitter._rest) <= LIMIT + 1  # noqa: SLF001 -- memory is what is asked for
    (found,) = splitter.lines(b"")
    assert isinstance(found, Oversized)
    assert (found.digest, found.head) == (whole.hexdigest(), b"x" * 1024)


def feed_of(worker: LiveWorker) -> LineFeed:
    return LineFeed(desk=worker.desk, name="stdin")


async def read_all(feed: LineFeed, body: bytes) -> None:
    """Let a feed read ``body`` in chunks."""
    chunks = [body[at : at + 50] for at in range(0, len(body), 50)]

    async def read(_most: int) -> bytes:
        await asyncio.sleep(0)
        return chunks.pop(0) if chunks else b""

    await feed.read(read)


async def quarantined(world: World) -> list[dict[str, object]]:
    """Return every record that is kept as it was found."""
    found: list[dict[str, object]] = []
    for block in await world.blocks():
        found += json.loads(block.records)["quarantined"]
    return found


def test_lines_that_are_no_contexts_are_kept_and_the_feed_goes_on() -> None:
    async def main() -> None:
        world = World(policy=live_policy(door=(("feeds_max", 1),)))
        async with world.living() as worker:
            long = b'{"feed":"' + b"x" * LINE_BYTES_MAX + b'"}'
            lines = [
                context_json(1),
                b"{not json",
                context_json(2, symbol="fxcm:XXXYYY"),
                long,
                context_json(3, receive_ns="1800000000000000000"),
                context_json(4, feed="another"),
                context_json(5, bid="1.3"),
                context_json(6),
            ]
            await read_all(feed_of(worker), b"\r\n".join(lines))
            await asyncio.sleep(1)
            assert worker.loop.tally.decisions == 2
            assert [(one["record"], one["code"]) for one in await quarantined(world)] == [
                (1, "market.undecodable"),
                (2, "market.instrument-undeclared"),
                (3, "market.oversized-line"),
                (4, "market.time-leap"),
                (5, "market.unknown-message"),
                (6, "market.undecodable"),
            ]
            kept = (await quarantined(world))[0]
            assert kept["digest"] == hashlib.sha256(b"{not json").hexdigest()
            assert kept["excerpt"] == "{not json"

    run_virtually(main())


def test_with_the_log_away_a_feed_reads_no_further_and_loses_nothing() -> None:
    async def main() -> None:
        world = World(policy=live_policy(loop=(("pending_max", 5),)))
        async with world.living() as worker:
            await worker.desk.decide([])
            world.illness.become(Ill.BUSY)
            left = list(range(200))

            async def read(_most: int) -> bytes:
                return context_json(left.pop(0)) + b"\n" if left else b""

            reading = asyncio.ensure_future(feed_of(worker).read(read))
            await asyncio.sleep(60)
            assert len(worker.loop.line) == 5
            assert len(left) >= 200 - 2 * 5 - 1  # those under way, and the line in hand
            world.illness.become(Ill.WELL)
            await reading
            await asyncio.sleep(1)
            assert (worker.loop.tally.decisions, left) == (200, [])

    run_virtually(main())


def test_several_senders_share_one_bound() -> None:
    async def main() -> None:
        world = World(policy=live_policy(loop=(("pending_max", 5),)))
        async with world.living() as worker:
            world.illness.become(Ill.BUSY)
            feed = feed_of(worker)
            bodies = [
                b"\n".join(context_json(n, feed=f"f{sender}") for n in range(20))
                for sender in range(4)
            ]
            tasks = [asyncio.ensure_future(read_all(feed, body)) for body in bodies]
            for _ in range(40):
                await asyncio.sleep(1)
                assert len(worker.loop.line) <= 5
            world.illness.become(Ill.WELL)
            await asyncio.gather(*tasks)
            await asyncio.sleep(1)
            assert worker.loop.tally.decisions == 80

    run_virtually(main())


def test_once_the_service_ends_a_feed_ends() -> None:
    async def main() -> None:
        async with World().living() as worker:
            worker.desk.close()
            with pytest.raises(ClosingError):
                await read_all(feed_of(worker), context_json(1))

    run_virtually(main())


def test_a_feed_that_is_to_stop_does_not_wait_for_room() -> None:
    async def main() -> None:
        world = World(policy=live_policy(loop=(("pending_max", 2),)))
        async with world.living() as worker:
            world.illness.become(Ill.BUSY)
            feed = feed_of(worker)
            reading = asyncio.ensure_future(
                read_all(feed, b"\n".join(context_json(n) for n in range(9)))
            )
            await asyncio.sleep(5)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading

    run_virtually(main())
