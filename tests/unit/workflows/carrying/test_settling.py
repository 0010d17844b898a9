"""What is published becomes final within its time, and not of all partitions at the same one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.live import silent_witness
from tests.fakes.virtual_time import run_virtually
from torghut.carrying.messages import Outgoing, Received
from torghut.carrying.ports import Voice
from torghut.eventlog.block import Block
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.carrying.publishing import Publisher, by_symbol
from torghut.workflows.live.loop.condition import Condition
from torghut.workflows.live.told.lines import Line
from torghut.workflows.live.told.telling import KeptBlock, Telling

SETTLE_MS: Final = 200
PARTITIONS: Final = 4
BLOCKS: Final = 100
EVERY_S: Final = 0.01


@dataclass(slots=True)
class Heard(Voice):
    """Remembers when something was said first that was not final, and when it became final."""

    since: float | None = None
    waited: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)

    @override
    async def raise_(self) -> Received | None:
        return None

    @override
    async def last_beside(self, topic: str, /) -> Received | None:
        return None

    @override
    async def say(self, records: Sequence[Outgoing], /) -> None:
        if self.since is None:
            self.since = asyncio.get_running_loop().time()

    @override
    async def settle(self) -> None:
        now = asyncio.get_running_loop().time()
        if self.since is not None:
            self.waited.append(now - self.since)
            self.settled.append(now)
        self.since = None

    @override
    async def fall_silent(self) -> None:
        pass


async def no_lines(_: Block) -> Sequence[Line]:
    """Return nothing: no block is read back."""
    return ()


async def published(partition: int) -> Heard:
    """Publish a block of a partition every few milliseconds; return what its voice remembers."""
    log, voice = InMemoryLog(clock=HandClock()), Heard()
    telling = Telling(log=log, lines_of=no_lines, limit=8, retry_s=0.1, partition=partition)
    publisher = Publisher(
        told=telling,
        voice=voice,
        key_of=by_symbol,
        check_claimed=lambda: asyncio.sleep(0),
        condition=Condition(wall=HandClock(), witness=silent_witness()),
        settle_ms=SETTLE_MS,
        retry_ms=50,
    )
    await publisher.raise_voice()
    publishing = asyncio.ensure_future(publisher.publish())
    for number in range(BLOCKS):
        name = f"{'ab' * 16}:fxcm:EURUSD:quote:{number}"
        line = Line(name=name, place=0, text=b'{"type":"live.decided.v1"}')
        telling.publish(KeptBlock(partition=partition, number=number, digest="", lines=[line]))
        await asyncio.sleep(EVERY_S)
    publishing.cancel()
    return voice


def test_partitions_settle_in_time_and_at_times_of_their_own() -> None:
    async def test() -> Sequence[Heard]:
        return await asyncio.gather(*map(published, range(PARTITIONS)))

    heard = run_virtually(test())

    assert all(0 < waited <= SETTLE_MS / 1000 + 1e-6 for one in heard for waited in one.waited)
    assert all(len(one.settled) >= BLOCKS * EVERY_S * 1000 // SETTLE_MS - 1 for one in heard)
    moments = sorted(moment for one in heard for moment in one.settled)
    apart = [later - sooner for sooner, later in pairwise(moments)]
    assert min(apart) > EVERY_S
