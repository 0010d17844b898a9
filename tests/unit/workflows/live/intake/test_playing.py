"""A recorded source played into the loop: when it is due, and from any block on the same root."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tests.fakes.live import World, live_policy
from tests.fakes.sources import ArraySource
from tests.fakes.virtual_time import VirtualSteady, run_virtually, virtual_loop
from tests.support.decisions.loops import drifting, root_of, source_of, stop_record
from tests.support.decisions.rows import SECOND_NS
from torghut.decisions.recording import parse_cursor
from torghut.eventlog.roots import root_of_run
from torghut.market.ports import Cursor, Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.workflows.decision_loop import Window
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.intake.playing import Playing
from torghut.workflows.running.pacing import Player

COUNT = 45


def made_source() -> ArraySource:
    """Return quotes of three symbols with control records and a bad record among them."""
    rows = drifting([number % 3 for number in range(COUNT)])
    rows["bid"][7] = -1.0
    stop_at, go_at = int(rows["receive_ns"][20]), int(rows["receive_ns"][40])
    bad = Quarantined(
        part=0, record=0, refusal=RefusalCode.UNDECODABLE, digest="ef" * 32, excerpt="x"
    )
    source = source_of(
        rows,
        [
            (0, stop_record("s1", "stopped", at=stop_at)),
            (11, stop_record("s2", "released", at=go_at)),
            (30, stop_record("s3", "stopped", symbol="fxcm:NZDUSD")),
        ],
    )
    return ArraySource(
        rows=source.rows,
        symbols=source.symbols,
        arrivals=source.arrivals,
        quarantined=[(5, bad)],
    )


def playing(worker: LiveWorker, source: ArraySource, *, speed: float | None = None) -> Playing:
    player = None
    if speed is not None:
        player = Player(
            speed=speed, clock=VirtualSteady(), pause=asyncio.sleep, asked=lambda: False
        )
    return Playing(
        source=source, window=Window(), player=player, line=worker.loop.line, clock=worker.clock
    )


async def play_on(world: World, source: ArraySource, *, blocks: int | None = None) -> None:
    """Take the source up where the log is, and kill the worker after so many new blocks."""
    async with world.living() as worker:
        last = None if blocks is None else worker.loop.head.number + blocks
        task = asyncio.ensure_future(playing(worker, source).play(worker.cursor))
        while not (task.done() and not len(worker.loop.line)):
            if last is not None and worker.loop.head.number >= last:
                break
            await asyncio.sleep(0.001)
        if last is None:
            await asyncio.sleep(1)
        task.cancel()


@pytest.mark.parametrize("batch", [1, 4, 1024])
def test_it_gives_the_root_of_a_plain_run(batch: int) -> None:
    source = made_source()

    async def main() -> str:
        policy = live_policy(loop=(("batch_records", batch), ("pending_max", 8)))
        world = World(speed=None, policy=policy)
        await play_on(world, source)
        head = await world.inner.head(0)
        assert parse_cursor(head.cursor) == Cursor(record=COUNT)
        return await root_of_run(world.inner)

    assert run_virtually(main()) == asyncio.run(root_of(source))


@pytest.mark.parametrize(
    "blocks",
    [3, *(pytest.param(one, marks=pytest.mark.slow) for one in (1, 2, 7))],
)
def test_taken_up_again_after_any_block_it_gives_the_same_root(blocks: int) -> None:
    source = made_source()

    async def main() -> str:
        policy = live_policy(loop=(("batch_records", min(blocks, 3)), ("pending_max", 4)))
        world = World(speed=None, policy=policy)
        for _ in range(2 * COUNT):
            if parse_cursor((await world.inner.head(0)).cursor).record == COUNT:
                break
            await play_on(world, source, blocks=blocks)
        await play_on(world, source)
        return await root_of_run(world.inner)

    assert run_virtually(main()) == asyncio.run(root_of(source))


@dataclass(slots=True)
class Told:
    """When each outcome was told, in virtual time."""

    at_ns: list[int]

    async def listen(self, worker: LiveWorker) -> None:
        """Note the times."""
        async for told in worker.desk.follow(None):
            self.at_ns += [virtual_loop().now_ns] * told.count


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_each_context_is_decided_when_it_is_due(speed: float) -> None:
    async def main() -> None:
        world = World(speed=speed)
        async with world.living() as worker:
            told = Told([])
            listening = asyncio.ensure_future(told.listen(worker))
            await asyncio.sleep(0)
            await playing(worker, source_of(drifting([0, 0, 1, 0])), speed=speed).play(Cursor())
            await asyncio.sleep(0.1)
            gaps = np.diff(np.array(told.at_ns)) / 1e9
            assert gaps == pytest.approx(np.full(3, 20.0 / speed), abs=0.02)
            assert worker.loop.lag_ms == pytest.approx(0.0, abs=10.0)
            assert worker.loop.tally.control_records == 0
            listening.cancel()

    run_virtually(main())


def test_what_is_due_while_the_process_is_halted_is_late() -> None:
    async def main() -> None:
        world = World(speed=1.0)
        async with world.living() as worker:
            task: Awaitable[None] = asyncio.ensure_future(
                playing(worker, source_of(drifting([0] * 4)), speed=1.0).play(Cursor())
            )
            await asyncio.sleep(1)
            virtual_loop().halt(100)
            await task
            await asyncio.sleep(1)
            assert worker.loop.lateness.late
            assert worker.loop.tally.contexts == 4

    run_virtually(main())


def test_it_is_held_back_where_the_line_is_full() -> None:
    async def main() -> None:
        world = World(speed=None, policy=live_policy(loop=(("pending_max", 5),)))
        worker = world.worker()
        await worker.begin()
        task = asyncio.ensure_future(playing(worker, made_source()).play(Cursor()))
        await asyncio.sleep(60)
        assert len(worker.loop.line) == 5
        assert not task.done()
        task.cancel()

    run_virtually(main())


def test_only_the_window_is_taken() -> None:
    rows = drifting([0] * 10, step_s=1)
    from_ns, to_ns = int(rows["receive_ns"][3]), int(rows["receive_ns"][6])

    async def main() -> Sequence[int]:
        world = World(speed=None)
        async with world.living() as worker:
            part = playing(worker, source_of(rows))
            await Playing(
                source=part.source,
                window=Window(from_ns=from_ns, to_ns=to_ns),
                player=None,
                line=part.line,
                clock=part.clock,
            ).play(Cursor())
            await asyncio.sleep(1)
            return [worker.loop.tally.contexts, worker.loop.fold.clock_ns]

    assert run_virtually(main()) == [4, int(rows["receive_ns"][6])]
    assert to_ns - from_ns == 3 * SECOND_NS
