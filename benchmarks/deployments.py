"""Deployments that are measured: processes over topics and a log of their own."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.carried import Duty, Role, topics_of
from benchmarks.databases import new_database
from benchmarks.holding import Hold, held, join
from benchmarks.market import Market, RowArray, quotes
from benchmarks.rounds import ROOT, scratch_folder
from benchmarks.syncing import synced_beside
from ops.servers.broker import BrokerOptions, run_broker
from ops.servers.database import DatabaseServer, database_server
from torghut.carrying.messages import INGRESS_WALL_NS
from torghut.composition import brokering, standby
from torghut.market.ports import Cursor
from torghut.settings import ARTIFACT_DIR
from torghut.workflows.carrying.sending import SourceSending
from torghut.workflows.decision_loop import Window

_PARTITIONS: Final = 4
_SYMBOLS: Final = 72  # of these the fullest partition has 19: the others hardly wait for it
_DECISION_BYTES: Final = 3_160
"""What a decision as JSON takes, on average."""

_STEPS_A_SECOND: Final = 50
"""How often contexts are sent at a pace."""

_WARM_S: Final = 2.0
"""How long contexts are sent at a pace before their outcomes are measured: what has just begun is
slower, the echo as well."""

_HEAP_MB: Final = 768
"""Of the broker: a tenth of it fills with every second, and to empty a small one stops it often."""

_SEGMENTS: Final = 48
"""Files of the database's own log that are there before it is measured: one that runs for long
writes into old ones, and does not make them anew."""

_PATIENCE_S: Final = 240.0
_LOOK_S: Final = 0.2
"""Between two looks at who has joined."""

_AGREED: Final = "Stable"
"""The state of a group whose members all know their shares."""

_NS: Final = 1e9
_INGRESS: Final = b'"ingress_wall_ns":"'


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the broker and the database are."""

    bootstrap: str
    database: DatabaseServer


@dataclass(frozen=True, slots=True)
class Ran:
    """What one deployment did.

    Attributes:
        rate: Records out a second, between the first and the last of them.
        cpu_s: Of its processes, together.
        late_s: From ingress to the record of the outcome, each, sorted; empty if not measured.
        synced_s: Fsyncs of a little on the same disk meanwhile, sorted; empty likewise.
    """

    rate: float
    cpu_s: float
    late_s: Sequence[float] = ()
    synced_s: Sequence[float] = ()


@contextmanager
def servers_of_their_own() -> Iterator[Servers]:
    """Give a broker and a database of their own."""
    broker = BrokerOptions(nodes=1, heap_mb=_HEAP_MB)
    with run_broker(broker) as cluster, database_server() as database:
        asyncio.run(_age(database))
        yield Servers(cluster.bootstrap, database)


async def _age(database: DatabaseServer) -> None:
    """Let a database have files for its own log as one has that runs for long."""
    connection = await asyncpg.connect(database.url())
    try:
        await connection.execute("CREATE TABLE aged (place integer)")
        for place in range(_SEGMENTS):
            await connection.execute("INSERT INTO aged VALUES ($1)", place)
            await connection.execute("SELECT pg_switch_wal()")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def run_deployment(
    servers: Servers,
    role: Role,
    *,
    count: int,
    pace: float | None = None,
    workers: int = 1,
    hold: Hold | None = None,
) -> Ran:
    """Let processes do their work over topics and a log of their own.

    They are taken up over empty topics and halted; what they are to do is sent; then they go on.

    Args:
        servers: Broker and database.
        role: Of the processes.
        count: Contexts.
        pace: Contexts a second that are sent while they work; None: all of them before.
        workers: How many processes.
        hold: Holds each to a share of a core; None for as much as there is.
    """
    prefix = f"bench-{secrets.token_hex(4)}"
    asyncio.run(make_topics(servers.bootstrap, prefix))
    duty = Duty(
        role=role,
        bootstrap=servers.bootstrap,
        prefix=prefix,
        symbols=_SYMBOLS,
        database=new_database(servers.database),
        size=_DECISION_BYTES,
    )
    with scratch_folder() as folder, ExitStack() as stack:
        processes = [
            stack.enter_context(_process(replace(duty, worker=f"w{one}"), folder, hold))
            for one in range(workers)
        ]
        deployment = _Deployment(duty, processes, folder)
        return asyncio.run(deployment.decide(count, pace))


@dataclass(slots=True)
class _Deployment:
    """Processes over topics of their own.

    Attributes:
        duty: What they do.
        processes: Themselves.
        folder: On the disk of the servers.
        sent: Contexts that they were sent so far.
    """

    duty: Duty
    processes: Sequence[subprocess.Popen[bytes]]
    folder: Path
    sent: int = 0

    async def decide(self, count: int, pace: float | None) -> Ran:
        """Send contexts, and watch the outcomes come."""
        await self._take_up()
        if pace is None:
            self._signal(signal.SIGSTOP)
            await self._send(count)
            cpu_s, begin = self._cpu_s(), time.perf_counter()
            self._signal(signal.SIGCONT)
            await self._come()
            return Ran(count / (time.perf_counter() - begin), self._cpu_s() - cpu_s)
        cpu_s, begin = self._cpu_s(), time.perf_counter()
        async with _consumer(self.duty, since="latest") as consumer:
            await consumer.seek_to_end()  # or what comes before it has looked is never read
            warming = round(pace * _WARM_S)
            with synced_beside(self.folder) as synced_s:
                late = asyncio.create_task(self._lateness(consumer, warming + count))
                await self._send_at(pace, warming + count)
                found = sorted((await late)[warming:])
        rate = (warming + count) / (time.perf_counter() - begin)
        return Ran(rate, self._cpu_s() - cpu_s, found, synced_s)

    async def _take_up(self) -> None:
        """Wait until every process has its share, and contexts of every partition came through."""
        if len(self.processes) > 1:
            await self._share_out()
        await self._send(_PARTITIONS * 64)
        await self._come()

    async def _share_out(self) -> None:
        """Wait until all processes are members; one that joins later takes partitions away."""
        deadline = time.perf_counter() + _PATIENCE_S
        client = AIOKafkaAdminClient(bootstrap_servers=self.duty.bootstrap)
        await client.start()
        try:
            members: Sequence[object] = ()
            while len(members) < len(self.processes):
                await asyncio.sleep(_LOOK_S)
                self._check_going(len(members), len(self.processes), deadline, of="members")
                (described,) = await client.describe_consumer_groups([self.duty.prefix])
                ((_, _, state, _, _, found, *_),) = described.groups
                members = found if state == _AGREED else ()
        finally:
            await client.close()

    async def _send(self, count: int) -> None:
        """Send contexts that were not sent before, as fast as the broker takes them."""
        async with self._sending() as sending:
            await self._send_on(sending, count)

    async def _send_at(self, pace: float, count: int) -> None:
        """Send contexts that were not sent before, so many a second."""
        step = max(1, round(pace / _STEPS_A_SECOND))
        async with self._sending() as sending:
            begin = time.perf_counter()
            for done in range(0, count, step):
                await asyncio.sleep(max(0.0, begin + done / pace - time.perf_counter()))
                await self._send_on(sending, min(step, count - done))

    async def _send_on(self, sending: SourceSending, count: int) -> None:
        """Send the next contexts of the market."""
        after, self.sent = self.sent, self.sent + count
        market = Market(rows=_rows(), symbols=_SYMBOLS, total=self.sent)
        await replace(sending, source=market).send(after=Cursor(record=after))

    @asynccontextmanager
    async def _sending(self) -> AsyncIterator[SourceSending]:
        """Give what sends contexts."""
        broker = brokering.broker(self.duty.bootstrap, name="bench", budget_ms=20_000)
        sender = broker.sender()
        try:
            yield SourceSending(
                source=Market(rows=_rows(), symbols=_SYMBOLS),
                window=Window(),
                player=None,
                sender=sender,
                topic=self.duty.topics.contexts,
                wall=standby.wall_clock(),
            )
        finally:
            await sender.close()

    async def _come(self) -> None:
        """Wait until there is an outcome of everything that was sent."""
        deadline = time.perf_counter() + _PATIENCE_S
        seen = 0
        async with _consumer(self.duty, since="earliest") as consumer:
            while seen < self.sent:
                found = await consumer.getmany(timeout_ms=500, max_records=20_000)
                seen += sum(map(len, found.values()))
                self._check_going(seen, self.sent, deadline)

    async def _lateness(self, consumer: AIOKafkaConsumer, count: int) -> Sequence[float]:
        """Return how long after ingress each of the next outcomes was read, in s."""
        late: list[float] = []
        deadline = time.perf_counter() + _PATIENCE_S
        while len(late) < count:
            found = await consumer.getmany(timeout_ms=500)
            now_ns = time.time_ns()
            late += [
                (now_ns - _ingress_ns(one.headers, one.value)) / _NS
                for one in chain.from_iterable(found.values())
            ]
            self._check_going(len(late), count, deadline)
        return late

    def _check_going(self, seen: int, count: int, deadline: float, *, of: str = "outcomes") -> None:
        """Check that what is waited for may still come.

        Raises:
            RuntimeError: A process has ended, or too much time has passed.
        """
        gone = any(one.poll() is not None for one in self.processes)
        if seen < count and (gone or time.perf_counter() > deadline):
            message = f"expected {count} {of} of {self.duty.role}, found {seen}"
            raise RuntimeError(message)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to every process."""
        for one in self.processes:
            one.send_signal(number)

    def _cpu_s(self) -> float:
        """Return the CPU time of all processes so far."""
        return sum(map(_cpu_s, self.processes))


def _ingress_ns(headers: Sequence[tuple[str, bytes]], value: bytes) -> int:
    """Return when the context of an outcome came in."""
    said = dict(headers).get(INGRESS_WALL_NS)
    if said is not None:
        return int(said)
    # To read all of a decision would take time that those behind it are then late by.
    begin = value.index(_INGRESS) + len(_INGRESS)
    return int(value[begin : value.index(b'"', begin)])


@asynccontextmanager
async def _consumer(duty: Duty, *, since: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Give what reads the outcomes of a deployment, from the earliest or the latest on."""
    consumer = AIOKafkaConsumer(
        duty.topics.decisions,
        bootstrap_servers=duty.bootstrap,
        auto_offset_reset=since,
        isolation_level="read_uncommitted",  # as the client reads outcomes
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@cache
def _rows() -> RowArray:
    """Return the quotes that are told, again and again."""
    return quotes(200_000, symbols=_SYMBOLS)


async def make_topics(bootstrap: str, prefix: str) -> None:
    """Make the topics of a deployment."""
    topics = topics_of(prefix)
    spoken = (topics.decisions, topics.control_outcomes, topics.quarantine)
    shared = (topics.contexts, *topics.keyed, *spoken)
    single = (topics.commands, topics.heartbeats)
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        counts = dict.fromkeys(shared, _PARTITIONS) | dict.fromkeys(single, 1)
        await client.create_topics([NewTopic(topic, n, 1) for topic, n in counts.items()])
    finally:
        await client.close()


@contextmanager
def _process(duty: Duty, folder: Path, hold: Hold | None) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that works, held to its share of a core; it is ended afterwards."""
    holding = nullcontext() if hold is None else held(hold)
    with (folder / f"{duty.worker}.log").open("wb") as log, holding as group:
        process = subprocess.Popen(  # noqa: S603 - words of our own
            [sys.executable, "-m", "benchmarks.carried", duty.text()],
            cwd=ROOT,
            env={**os.environ, ARTIFACT_DIR: str(folder)},
            stdout=log,
            stderr=log,
        )
        try:
            if group is not None:
                join(group, process.pid)
            yield process
        finally:
            process.kill()
            process.wait()


def _cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU time of a process so far."""
    fields = (
        Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    )
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at_share(times: Sequence[float], share: float) -> float:
    """Return the time below which so large a share of sorted times lies."""
    return times[min(len(times) - 1, math.ceil(share * len(times)) - 1)]
