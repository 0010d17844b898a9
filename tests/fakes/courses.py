"""A course of events around live workers, and what must hold whatever the course was."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from tests.fakes.live import A, B, Ill, World, live_policy, offered
from tests.fakes.virtual_time import run_virtually, virtual_loop
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.errors import TorghutError
from torghut.schemas.control import (
    CONTROL_RECORD,
)
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.position import START, Position, parse_position
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.errors import NotTakenError
from torghut.workflows.live.offers import OfferedContext
from torghut.workflows.live.ports import Told

STEP_NS: Final = 20_000_000_000
START_NS: Final = 1_700_000_000_000_000_000
BEFORE: Final = 150
"""Contexts of each symbol that were decided before the course begins; then a position is open."""

PENDING_MAX: Final = 12
POLICY: Final = live_policy(
    loop=(("pending_max", PENDING_MAX), ("batch_records", 5), ("snapshot_blocks", 7)),
    telling=(("kept_outcomes", 20),),
)


@cache
def _begun_log() -> InMemoryLog:
    """Return a log in which both symbols hold a position."""

    async def begin() -> InMemoryLog:
        world = World(policy=live_policy())
        async with world.living() as worker:
            for sequence in range(BEFORE):
                receive_ns = str(START_NS - (BEFORE - sequence) * STEP_NS)
                for symbol in (A, B):
                    worker.desk.offer([offered(sequence, symbol=symbol, receive_ns=receive_ns)])
            await asyncio.sleep(1)
        return world.inner

    return run_virtually(begin())


@dataclass(frozen=True, slots=True)
class Heard:
    """A line as a listener got it.

    Attributes:
        at_ns: When, in virtual time.
        acted_on: Whether it was no history.
    """

    at_ns: int
    position: Position
    context_id: str
    acted_on: bool
    body: dict[str, object]


@dataclass(slots=True)
class Course:
    """Workers one after the other on one log, who sends to them, and who listens.

    Attributes:
        sent: Contexts that were taken in, by id, in the order first offered.
        bad: Ids of those whose values no market shows.
        buffered: Ids of those that waited outside while the process was halted for long.
        refused: Ids of those that were refused at the door.
        heard: What was told.
        thrown: Throws that a worker has seen, with their switch.
        acknowledged: When a worker said so first, in virtual time.
    """

    world: World = field(
        default_factory=lambda: World(policy=POLICY, inner=copy.deepcopy(_begun_log()))
    )
    sent: dict[str, OfferedContext] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    buffered: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    heard: list[Heard] = field(default_factory=list)
    acknowledged: dict[str, int] = field(default_factory=dict)
    next_sequence: dict[str, int] = field(default_factory=lambda: dict.fromkeys((A, B), BEFORE))
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _worker: LiveWorker | None = None
    _beside: list[asyncio.Task[object]] = field(default_factory=list)
    _throws: int = 0
    _controls: int = 0

    @property
    def worker(self) -> LiveWorker:
        """The worker that lives now."""
        assert self._worker is not None
        return self._worker

    async def begin(self) -> None:
        """Let a worker begin, once the log lets it, and send again what has no outcome."""
        self.world.illness.become(Ill.WELL)  # else nothing begins
        self._worker = await self._stack.enter_async_context(self.world.living())
        after = self.heard[-1].position if self.heard else START
        listening = self._listen(self.worker.desk.follow(after))
        self._beside.append(asyncio.ensure_future(listening))
        await asyncio.sleep(0.01)
        known = {one.context_id for one in self.heard}
        for one in [one for key, one in self.sent.items() if key not in known]:
            await self.worker.desk.room()
            assert self._offer(one)

    async def kill(self) -> None:
        """Kill the worker."""
        for task in self._beside:
            task.cancel()
        for ended in await asyncio.gather(*self._beside, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        self._beside.clear()
        await self._stack.aclose()
        self._worker = None

    def offer(self, symbol: str, *, bad: bool = False) -> str:
        """Offer the next context of a symbol; return its id."""
        sequence = self.next_sequence[symbol]
        one = offered(sequence, symbol=symbol, **({"bid": -1.0} if bad else {}))
        if self._offer(one):
            self.next_sequence[symbol] = sequence + 1
            self.refused.discard(one.context_id)
            (self.bad.add if bad else self.bad.discard)(one.context_id)
        else:
            self.refused.add(one.context_id)
        return one.context_id

    def halt(self, seconds: float) -> None:
        """Halt the process for so long; contexts that came meanwhile are read at once then."""
        virtual_loop().halt(seconds)
        read = {self.offer(symbol) for symbol in (A, B)} - self.refused
        if seconds * 1000 > POLICY.timeliness.lag_begin_ms:
            self.buffered |= read

    def offer_again(self, number: int) -> None:
        """Offer a context that was taken before."""
        if self.sent:
            self._offer(list(self.sent.values())[number % len(self.sent)])

    def submit(self, number: int) -> None:
        """Send a control record; a few ids come again."""
        kinds: list[dict[str, object]] = [
            {"kind": "stop", "state": "stopped", "reason": "r"},
            {"kind": "stop", "state": "released", "reason": "r"},
            {"kind": "limits-allotted", "symbol": A, "allotment": 50_000.0},
            {"kind": "mode", "mode": "paper", "notional_cap": 200_000.0, "symbol": B},
            {"kind": "lag-end"},
        ]
        self._controls += number % 3 > 0
        body = {**kinds[number % len(kinds)], "control_id": f"c{number % 5}-{self._controls}"}
        record = CONTROL_RECORD.validate_python(body)
        self._beside.append(asyncio.ensure_future(self._quietly(self.worker.desk.submit([record]))))

    def throw(self, name: SwitchName) -> None:
        """Throw a switch by a file."""
        self._throws += 1
        self.world.folder.throw(name, f"t{self._throws}")

    def release(self, name: str) -> None:
        """Ask for a release."""
        asking = self.worker.desk.release(name, reason="r", who="somebody")
        self._beside.append(asyncio.ensure_future(self._quietly(asking)))

    async def go_on(self, seconds: float) -> None:
        """Let time pass while contexts come, and read what the worker says of itself."""
        until_ns = virtual_loop().now_ns + int(seconds * 1e9)
        pause_s = 0.01 if seconds < 1 else 0.05 if seconds < 5 else 1.0
        count = 0
        while virtual_loop().now_ns < until_ns:
            count += 1
            if count % 3 == 0:
                self.offer((A, B)[count % 2])
            await asyncio.sleep(pause_s)
            for one in self.worker.desk.switches.acknowledged:
                since_ns = one.wall_ns - self.world.wall.start_ns
                self.acknowledged.setdefault(one.throw_id, since_ns)

    async def end(self) -> None:
        """Let all be well until everything is decided, then kill the last worker."""
        self.world.illness.become(Ill.WELL)
        self.world.illness.locked = False
        await self.go_on(6.0)
        await self.kill()

    def _offer(self, one: OfferedContext) -> bool:
        """Offer a context; return whether it was taken."""
        try:
            self.worker.desk.offer([one])
        except NotTakenError:
            return False
        self.sent.setdefault(one.context_id, one)
        return True

    async def _quietly(self, asking: Awaitable[object]) -> None:
        """Ask for something that may be refused, or come late."""
        with suppress(TorghutError):
            await asking

    async def _listen(self, told: AsyncIterator[Told]) -> None:
        """Take everything down; nothing may be told before it is durable."""
        async for one in told:
            durable = (await self.world.inner.head(0)).number
            for line in map(json.loads, one.lines.splitlines()):
                body = line.get("decision") or line["refusal"]
                position = parse_position(line["position"])
                assert position.block <= durable
                self.heard.append(
                    Heard(
                        at_ns=virtual_loop().now_ns,
                        position=position,
                        context_id=body["context_id"],
                        acted_on=line["ingress_wall_ns"] is not None,
                        body=body,
                    )
                )
