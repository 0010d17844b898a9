"""Whatever happens to workers, broker and log: each record of a topic has exactly one outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.fleet import SYMBOLS, TOPICS, Fleet, Process
from tests.fakes.live import Ill
from tests.fakes.sources import ArraySource
from tests.fakes.virtual_time import run_virtually
from tests.support.carrying.carried import carried_control
from tests.support.decisions.kernels import compiled
from tests.support.decisions.loops import empty_log, run_on, stop_record
from torghut.carrying.contexts import CarriedContext, read_context
from torghut.carrying.messages import CAUSATION_ID, OFFSET, Received
from torghut.decisions.block_text import EMPTY_RECORDS
from torghut.decisions.recording import read_block
from torghut.eventlog.block import Block
from torghut.eventlog.projections import project
from torghut.eventlog.roots import frontiers_of, root_of_run, roots_of
from torghut.kernel.digests import run_root
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival
from torghut.schemas.block import read_block_records
from torghut.schemas.rows import CONTEXT
from torghut.workflows.live.told.outcomes import settled_then
from torghut.workflows.replay import replay_log

Step = tuple[str, int]

ILLS: Final = [
    Ill.BUSY,
    Ill.DISK_FULL,
    Ill.BROKEN,
    Ill.KEPT_THEN_BROKEN,
    Ill.HANGING,
    Ill.UNREADABLE,
]

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 11)),
        st.tuples(st.sampled_from(["bad", "stop", "release"]), st.integers(0, 2)),
        st.tuples(st.just("start"), st.just(0)),
        st.tuples(st.sampled_from(["kill", "halt", "wake", "expire", "ask"]), st.integers(0, 3)),
        st.tuples(st.just("stir"), st.just(0)),
        st.tuples(st.just("again"), st.integers(0, 9)),
        st.tuples(st.just("away"), st.booleans().map(int)),
        st.tuples(st.just("lose"), st.integers(0, 1)),
        st.tuples(st.just("ill"), st.integers(0, 4 * len(ILLS) - 1)),
        st.tuples(st.just("well"), st.integers(0, 3)),
        st.tuples(st.just("go on"), st.sampled_from([1, 5, 20, 100, 500, 3000, 10_000])),
    ),
    max_size=12,
)


@st.composite
def episodes(draw: st.DrawFn) -> list[Step]:
    """Return what happens to one of two processes in the midst of deciding and publishing."""
    steps: list[Step] = [("start", 0), ("go on", 500), ("send", draw(st.integers(5, 11)))]
    steps += [("send", draw(st.integers(5, 11))), ("go on", draw(st.integers(0, 40)))]
    match draw(st.sampled_from(["kill", "halt", "expire", "ill", "lose", "stir"])):
        case "ill":
            steps += [("ill", draw(st.integers(0, 4 * len(ILLS) - 1)))]
        case "lose":
            steps += [("lose", draw(st.integers(0, 1)))]
        case what:
            steps += [(what, draw(st.integers(0, 1)))]
    steps += [("send", draw(st.integers(0, 5))), ("go on", draw(st.sampled_from([10, 500, 5000])))]
    return [*steps, *draw(ACTS), ("wake", draw(st.integers(0, 2)))]


STEPS = st.lists(st.one_of(episodes(), ACTS), max_size=3).map(
    lambda parts: [step for part in parts for step in part]
)


def one_of(fleet: Fleet, number: int) -> Process | None:
    """Return one of the processes that are alive."""
    alive = fleet.alive
    return alive[number % len(alive)] if alive else None


async def step(fleet: Fleet, what: str, number: int) -> None:
    """Let one thing happen."""
    if what in TO_PROCESS:
        process = one_of(fleet, number)
        if process is not None:
            await TO_PROCESS[what](process)
        return
    done = TO_FLEET[what](fleet, number)
    if isinstance(done, Awaitable):
        await done
    await asyncio.sleep(0.001)


async def expire(process: Process) -> None:
    """Let a session end while the process runs: it notices a while later."""
    await process.broker.expire()
    await asyncio.sleep(0.5)
    if not process.halted:
        await process.broker.wake()


async def ask(process: Process) -> None:
    """Ask a process to end."""
    process.asked.set()
    await asyncio.sleep(0)


def control(fleet: Fleet, number: int, state: str) -> None:
    """Send a stop or its release: for all, or for a symbol."""
    count = sum(part.end for part in fleet.cluster.topics.by_name[TOPICS.commands])
    symbol = "*" if number == 0 else SYMBOLS[number]
    record = stop_record(f"control-{count}", state, symbol=symbol)
    fleet.cluster.topics.keep(TOPICS.commands, [carried_control(record)])


def make_ill(fleet: Fleet, number: int) -> None:
    """Let something be wrong with the log of one process."""
    process = one_of(fleet, number // len(ILLS))
    if process is not None:
        process.illness.become(ILLS[number % len(ILLS)])


def make_well(fleet: Fleet, number: int) -> None:
    """Let nothing be wrong with the log of one process."""
    process = one_of(fleet, number)
    if process is not None:
        process.illness.become(Ill.WELL)


def hand_out_again(fleet: Fleet, number: int) -> None:
    """Let the last records be handed out again with whatever comes next."""
    for process in fleet.alive:
        for member in process.broker.members:
            member.again = number


def go_away(fleet: Fleet, number: int) -> None:
    """Let the broker go away or come back."""
    fleet.cluster.topics.away = bool(number)


TO_PROCESS: Final[Mapping[str, Callable[[Process], Awaitable[None]]]] = {
    "kill": Process.kill,
    "halt": Process.halt,
    "wake": Process.wake,
    "expire": expire,
    "ask": ask,
}
TO_FLEET: Final[Mapping[str, Callable[[Fleet, int], object]]] = {
    "send": lambda fleet, number: fleet.send(SYMBOLS[number % 3], 1 + number),
    "bad": lambda fleet, number: fleet.send_bad(SYMBOLS[number]),
    "stop": lambda fleet, number: control(fleet, number, "stopped"),
    "release": lambda fleet, number: control(fleet, number, "released"),
    "start": lambda fleet, _: fleet.start() if len(fleet.alive) < 3 else None,
    "stir": lambda fleet, _: fleet.cluster.group(TOPICS.contexts, "torghut").stir(),
    "again": hand_out_again,
    "away": go_away,
    "lose": lambda fleet, number: fleet.cluster.topics.lost.append(bool(number)),
    "ill": make_ill,
    "well": make_well,
    "go on": lambda _, number: asyncio.sleep(number / 1000),
}


async def settle(fleet: Fleet) -> None:
    """Let nothing be wrong any more, and let everything be decided and published."""
    fleet.heal()
    for process in fleet.alive:
        if process.halted:
            await process.wake()
    await asyncio.sleep(1)
    fleet.heal()
    if not [one for one in fleet.alive if not one.asked.is_set()]:
        fleet.start()
    for _ in range(120):
        await asyncio.sleep(1)
        if everything_is_heard(fleet):
            break
    await asyncio.sleep(1)
    await fleet.end()


def everything_is_heard(fleet: Fleet) -> bool:
    """Return whether as much was published as was sent."""
    topics = fleet.cluster.topics
    found = [carried(fleet, number) for number in range(fleet.partitions)]
    heard = [len(part.records) for part in topics.by_name[TOPICS.decisions]]
    aside = [len(part.records) for part in topics.by_name[TOPICS.quarantine]]
    return all(
        told >= len(good) and apart >= len(bad)
        for told, apart, (good, bad) in zip(heard, aside, found, strict=True)
    )


async def check(fleet: Fleet) -> None:
    """Check everything that was promised."""
    roots: dict[str, bytes] = {}
    for number in range(fleet.partitions):
        good, bad = carried(fleet, number)
        blocks = [block async for block in fleet.log.blocks(number)]
        names = [name for block in blocks for _, _, name in settled_then(block).names]
        assert names == good  # in their order, each once
        assert quarantined(blocks) == bad
        told = fleet.cluster.topics.part((TOPICS.decisions, number)).records
        assert [named(one) for one in told] == good
        aside = fleet.cluster.topics.part((TOPICS.quarantine, number)).records
        assert [int(dict(one.headers)[OFFSET]) for one in aside] == bad
        if blocks:
            assert (await replay_log(fleet.log, compiled(), partition=number)).identical
            roots |= await embedded_roots(blocks)
    assert await root_of_run(fleet.log) == run_root(roots)


def carried(fleet: Fleet, number: int) -> tuple[list[str], list[int]]:
    """Return the ids of a partition's contexts, and the offsets of what is none."""
    good, bad = [], []
    for record in fleet.cluster.topics.part((TOPICS.contexts, number)).records:
        read = read_context(record)
        if isinstance(read, CarriedContext):
            good.append(read.context_id)
        else:
            bad.append(record.offset)
    return good, bad


def quarantined(blocks: list[Block]) -> list[int]:
    """Return the offsets of records that blocks keep as none."""
    return [
        one.record
        for block in blocks
        if block.records != EMPTY_RECORDS
        for one in read_block_records(block.records).quarantined
    ]


def named(record: Received) -> str:
    """Return which context a published record is about."""
    name = dict(record.headers)[CAUSATION_ID]
    assert name in (record.value or b"")
    return name.decode()


async def embedded_roots(blocks: list[Block]) -> dict[str, bytes]:
    """Return the roots of an embedded run over what blocks were decided from."""
    recorded = [read_block(block) for block in blocks]
    symbols, sources = dict[int, str](), dict[int, str]()
    arrivals, before = [], 0
    for one in recorded:
        symbols.update(one.header.symbols)
        sources.update(one.header.sources)
        arrivals += [
            Arrival(row=before + arrival.row, record=arrival.record) for arrival in one.received
        ]
        before += len(one.contexts)
    source = ArraySource(
        rows=np.concatenate([np.zeros(0, CONTEXT), *(one.contexts for one in recorded)]),
        symbols=[symbols[number] for number in range(len(symbols))],
        arrivals=arrivals,
        digests=[sources[number] for number in range(len(sources))],
    )
    plain = empty_log()
    await run_on(source, plain, size=64)
    return roots_of({0: await project(plain, frontiers_of(SERVING))})


def holds(steps: list[Step]) -> None:
    """Check everything that was promised after a course of events."""

    async def main() -> None:
        fleet = Fleet()
        fleet.start()
        for what, number in steps:
            await step(fleet, what, number)
        await settle(fleet)
        await check(fleet)

    run_virtually(main())


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_each_record_has_one_outcome_whatever_the_course(steps: list[Step]) -> None:
    holds(steps)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_each_record_has_one_outcome_in_many_courses(steps: list[Step]) -> None:
    holds(steps)
