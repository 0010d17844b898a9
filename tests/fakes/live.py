"""A live worker over a log in memory that fails on command, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from typing import Final, TypeVar

from pydantic import TypeAdapter
from typing_extensions import override

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.virtual_time import VirtualSteady, VirtualWall, virtual_loop
from tests.support.decisions.declared import text_of
from tests.support.decisions.loops import made_setup
from torghut.eventlog.block import Block, Head
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.errors import (
    LogInUseError,
    LogReadError,
    LogWriteError,
    Obstacle,
)
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import DecisionLog, Snapshot
from torghut.eventlog.verification import VerifyProgress, VerifyReport
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.declarations.text import parse
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.governance import GovernanceBeat
from torghut.schemas.live.position import Position
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.advice.awaiting import Advisor, NobodyAdvises
from torghut.workflows.live.assembly import LiveWorker, Parts, assemble
from torghut.workflows.live.loop.keeping import LogKeeper
from torghut.workflows.live.observing.governed import GovernanceEar
from torghut.workflows.live.observing.journal import SILENT_JOURNAL
from torghut.workflows.live.observing.telemetry import SILENT_TELEMETRY
from torghut.workflows.live.observing.witness import Witness
from torghut.workflows.live.offers import OfferedContext, parse_offered
from torghut.workflows.live.ports import Told
from torghut.workflows.live.standing import Identity
from torghut.workflows.live.switch_ports import (
    SwitchFolder,
    ThrownSwitch,
    WorkerPage,
)
from torghut.workflows.opening import Setup

T = TypeVar("T")

A: Final = "fxcm:EURUSD"
B: Final = "fxcm:NZDUSD"


_WRITE_S: Final = 0.004
"""How long a write takes that nothing is wrong with."""


class Ill(Enum):
    """What is wrong with a log."""

    WELL = auto()
    BUSY = auto()
    DISK_FULL = auto()
    READ_ONLY = auto()
    BROKEN = auto()
    """The next write fails, and only opening it again helps."""
    KEPT_THEN_BROKEN = auto()
    """As ``BROKEN``, but the write was kept all the same."""
    HANGING = auto()
    """Writes end once the log is well again."""
    HANGING_THEN_BUSY = auto()
    """Writes fail once the log is well again."""
    GAVE_UP = auto()
    """The disk was full when it could not be undone: it says so for ever, until opened again."""
    UNREADABLE = auto()
    """Writes fail, and so do reads."""


_OBSTACLES: Final = {
    Ill.BUSY: Obstacle.BUSY,
    Ill.HANGING_THEN_BUSY: Obstacle.BUSY,
    Ill.DISK_FULL: Obstacle.DISK_FULL,
    Ill.READ_ONLY: Obstacle.READ_ONLY,
}


@dataclass(slots=True)
class Illness:
    """What is wrong with a log now; shared by all who have it open.

    Attributes:
        ill: Set by the test.
        locked: Whether it cannot be opened again.
        writes: How many writes were tried.
        read_s: How long it takes to read a block.
        reads: How many blocks were read.
    """

    ill: Ill = Ill.WELL
    locked: bool = False
    writes: int = 0
    read_s: float = 0.0
    reads: int = 0
    _well: asyncio.Event = field(default_factory=asyncio.Event)

    def become(self, ill: Ill) -> None:
        """Let something be wrong, or all be well."""
        self.ill = ill
        if ill is not Ill.HANGING and ill is not Ill.HANGING_THEN_BUSY:
            waited, self._well = self._well, asyncio.Event()
            waited.set()

    async def hang(self) -> None:
        """Wait until all is well."""
        await self._well.wait()


class FailingLog(DecisionLog):
    """A log in memory whose writes and reads fail on command.

    Args:
        inner: What is durable.
        illness: What is wrong.
    """

    def __init__(self, inner: InMemoryLog, illness: Illness) -> None:
        self._inner = inner
        self._illness = illness
        self._broken: LogWriteError | None = None

    @override
    async def append(self, block: Block, /, *, meanwhile: Callable[[], None] | None = None) -> Head:
        return await self._write(lambda: self._inner.append(block, meanwhile=meanwhile))

    @override
    async def put_object(self, body: bytes, /) -> str:
        return await self._write(lambda: self._inner.put_object(body))

    @override
    async def save_snapshot(self, snapshot: Snapshot, /) -> None:
        await self._write(lambda: self._inner.save_snapshot(snapshot))

    @override
    async def seal_heads(self, causes: Causes, /) -> None:
        await self._write(lambda: self._inner.seal_heads(causes))

    @override
    async def head(self, partition: int, /) -> Head:
        self._read()
        return await self._inner.head(partition)

    @override
    async def partitions(self) -> Sequence[int]:
        self._read()
        return await self._inner.partitions()

    @override
    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        async for block in self._inner.blocks(partition, after=after):
            self._read()
            self._illness.reads += 1
            await asyncio.sleep(self._illness.read_s)
            yield block

    @override
    async def get_object(self, digest: str, /) -> bytes:
        self._read()
        return await self._inner.get_object(digest)

    @override
    async def load_snapshot(self, partition: int, key: str, /) -> Snapshot | None:
        self._read()
        return await self._inner.load_snapshot(partition, key)

    @override
    async def verify(
        self,
        *,
        expect: Head | None = None,
        progress: Callable[[VerifyProgress], None] | None = None,
    ) -> VerifyReport:
        return await self._inner.verify(expect=expect, progress=progress)

    @override
    async def close(self) -> None:
        self._broken = LogWriteError(obstacle=Obstacle.CLOSED, detail="closed")

    def _read(self) -> None:
        if self._illness.ill is Ill.UNREADABLE:
            raise LogReadError(obstacle=Obstacle.INPUT_OUTPUT, detail="unreadable")
        if self._broken is not None and self._broken.obstacle is Obstacle.CLOSED:
            raise LogReadError(obstacle=Obstacle.CLOSED, detail="closed")

    async def _write(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        self._illness.writes += 1
        await asyncio.sleep(_WRITE_S)
        if self._broken is not None:
            raise self._broken
        ill = self._illness.ill
        if ill in (Ill.HANGING, Ill.HANGING_THEN_BUSY):
            await self._illness.hang()
        if ill in _OBSTACLES:
            raise LogWriteError(obstacle=_OBSTACLES[ill], detail=ill.name)
        if ill in (Ill.BROKEN, Ill.KEPT_THEN_BROKEN, Ill.GAVE_UP, Ill.UNREADABLE):
            await self._break(ill, work)
        return await work()

    async def _break(self, ill: Ill, work: Callable[[], Coroutine[object, object, T]]) -> None:
        if ill is Ill.KEPT_THEN_BROKEN:
            await work()
        if ill is not Ill.UNREADABLE:
            self._illness.ill = Ill.WELL
        full = ill is Ill.GAVE_UP
        obstacle = Obstacle.DISK_FULL if full else Obstacle.INPUT_OUTPUT
        self._broken = LogWriteError(obstacle=obstacle, detail=ill.name)
        raise self._broken


class FailingKeeper(LogKeeper):
    """Opens the same log in memory again and again.

    Args:
        inner: What is durable.
        illness: What is wrong.
    """

    def __init__(self, inner: InMemoryLog, illness: Illness) -> None:
        self._inner, self.illness = inner, illness
        self._log = FailingLog(inner, illness)
        self.opened = 1

    @property
    @override
    def log(self) -> DecisionLog:
        return self._log

    @override
    async def regain(self) -> DecisionLog:
        await self._log.close()
        if self.illness.locked or self.illness.ill is Ill.UNREADABLE:
            raise LogInUseError(path="memory", holder="somebody else")
        self._log = FailingLog(self._inner, self.illness)
        self.opened += 1
        return self._log

    @override
    async def close(self) -> None:
        await self._log.close()


@dataclass(slots=True)
class SwitchFiles(SwitchFolder):
    """Switch files in memory.

    Attributes:
        files: By the name of a switch; a second throw of it also by its id.
        drills: Likewise.
        fault: Raised by whoever reads or retires.
        retired: Throw ids of files taken away.
    """

    files: dict[str, ThrownSwitch] = field(default_factory=dict)
    drills: list[ThrownSwitch] = field(default_factory=list)
    fault: Exception | None = None
    retired: list[str] = field(default_factory=list)

    @override
    def prepare(self) -> None:
        pass

    @override
    def thrown(self) -> Sequence[ThrownSwitch]:
        if self.fault is not None:
            raise self.fault
        return [*self.files.values(), *self.drills]

    @override
    def retire(self, name: str, throw_id: str) -> None:
        if self.fault is not None:
            raise self.fault
        for key, one in list(self.files.items()):
            if (one.name, one.throw_id) == (name, throw_id):
                del self.files[key]
                self.retired.append(throw_id)

    def throw(
        self,
        name: SwitchName,
        throw_id: str,
        *,
        reason: str = "r",
        revisions: tuple[str, ...] = (),
    ) -> ThrownSwitch:
        """Put a file there, beside one that is."""
        thrown = ThrownSwitch(
            name=name,
            throw_id=throw_id,
            who="somebody@here",
            reason=reason,
            thrown_wall_ns=1,
            revisions=revisions,
        )
        self.files[f"{name}.{throw_id}" if name in self.files else name] = thrown
        return thrown


@dataclass(slots=True)
class Page(WorkerPage):
    """A worker's page in memory.

    Attributes:
        status: As last written.
        fault: Raised by whoever writes.
    """

    status: WorkerStatus | None = None
    fault: Exception | None = None

    @override
    def write(self, status: WorkerStatus) -> None:
        if self.fault is not None:
            raise self.fault
        self.status = WorkerStatus.model_validate_json(status.model_dump_json())

    @override
    def close(self) -> None:
        pass


def silent_witness() -> Witness:
    """Return a witness that tells nobody."""
    return Witness(telemetry=SILENT_TELEMETRY, journal=SILENT_JOURNAL, wall=HandClock())


@cache
def live_policy(**changes: tuple[tuple[str, int], ...]) -> LivePolicy:
    """Return the shipped policy with some figures changed, by section."""
    policy = parse(TypeAdapter(LivePolicy), text_of("governance/policies/live.yaml"), file="live")
    body = policy.model_dump()
    for section, figures in changes.items():
        body[section].update(dict(figures))
    return LivePolicy.model_validate(body)


@dataclass(slots=True)
class Ear(GovernanceEar):
    """Hears what the test lets governance say.

    Attributes:
        beat: The newest; None before the first.
    """

    beat: GovernanceBeat | None = None

    @override
    def heard(self) -> GovernanceBeat | None:
        return self.beat

    def say(self, epoch: int, number: int, ttl_ms: int = 3000) -> None:
        """Let governance say that it is there."""
        self.beat = GovernanceBeat(epoch=epoch, number=number, ttl_ms=ttl_ms)


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that outlives a worker: the log, the switch files, the clocks.

    Attributes:
        inner: What is durable.
        illness: What is wrong with the log.
        lives: How many workers there were.
    """

    policy: LivePolicy = field(default_factory=live_policy)
    setup: Setup = field(default_factory=made_setup)
    speed: float | None = 1.0
    inner: InMemoryLog = field(default_factory=lambda: InMemoryLog(clock=HandClock()))
    illness: Illness = field(default_factory=Illness)
    folder: SwitchFiles = field(default_factory=SwitchFiles)
    page: Page = field(default_factory=Page)
    wall: VirtualWall = field(default_factory=VirtualWall)
    ids: CountingIds = field(default_factory=CountingIds)
    ear: Ear = field(default_factory=Ear)
    advisor: Advisor = field(default_factory=NobodyAdvises)
    lives: int = 0

    def worker(self) -> LiveWorker:
        """Return a new worker, not begun."""
        self.lives += 1
        worker = assemble(
            Parts(
                keeper=FailingKeeper(self.inner, self.illness),
                setup=self.setup,
                policy=self.policy,
                wall=self.wall,
                steady=VirtualSteady(),
                ids=self.ids,
                folder=self.folder,
                page=self.page,
                identity=Identity(worker="w-0", pid=1, log="memory", source="api:", revision="r1"),
                speed=self.speed,
                takes_offers=True,
                ear=self.ear,
            )
        )
        worker.loop.awaiting.advisor = self.advisor
        return worker

    @asynccontextmanager
    async def living(self) -> AsyncIterator[LiveWorker]:
        """Have a worker at work, and kill it at the end: nothing is drained."""
        worker = self.worker()
        await worker.begin()
        tasks = [
            asyncio.ensure_future(work)
            for work in (worker.loop.run(), worker.watch.switch_files(), worker.watch.halts())
        ]
        try:
            yield worker
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    async def blocks(self) -> list[Block]:
        """Return everything that is durable."""
        return [block async for block in self.inner.blocks(0)]


def halt(seconds: float) -> None:
    """Stop the process for so long."""
    virtual_loop().halt(seconds)


def context_json(sequence: int, **fields: object) -> bytes:
    """Return a context as a sender writes it: a quote of EURUSD that drifts upwards."""
    mid = 1.3 * (1.0 + 3e-5 * sequence)
    body = {"feed": "desk", "symbol": A, "sequence": sequence, "bid": mid, "ask": mid * 1.00001}
    return json.dumps({**body, **fields}).encode()


def offered(sequence: int, **fields: object) -> OfferedContext:
    """Return such a context, parsed."""
    return parse_offered(context_json(sequence, **fields))


@dataclass(slots=True)
class Listener:
    """Somebody who follows a stream.

    Attributes:
        lines: Everything that was told, parsed.
    """

    lines: list[dict[str, object]] = field(default_factory=list)
    last: Position | None = None

    async def listen(self, told: AsyncIterator[Told]) -> None:
        """Take everything down."""
        async for one in told:
            lines = [json.loads(line) for line in one.lines.splitlines()]
            assert len(lines) == one.count
            self.lines += lines
            self.last = one.last
