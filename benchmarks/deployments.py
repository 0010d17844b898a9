"""Deployments that are measured: processes over topics and a log of their own."""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.carried import Carried, topics_of
from benchmarks.databases import new_database
from benchmarks.market import Market, quotes
from benchmarks.rounds import ROOT, scratch_folder
from ops.servers.broker import BrokerOptions, run_broker
from ops.servers.database import DatabaseServer, database_server
from torghut.carrying.messages import INGRESS_WALL_NS
from torghut.composition import brokering, standby
from torghut.market.ports import Cursor
from torghut.workflows.carrying.sending import SourceSending
from torghut.workflows.decision_loop import Window

_PARTITIONS: Final = 4
_SYMBOLS: Final = 64
_DECISION_BYTES: Final = 3_160
"""What a decision as JSON takes, on average."""

_PATIENCE_S: Final = 240.0
GROUPS: Final = Path("/sys/fs/cgroup/cpu")
_PERIOD_US: Final = 100_000
_NS: Final = 1e9
_SENT: Final[dict[str, int]] = {}
"""How many contexts were sent over the topics of each deployment."""


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
    """

    rate: float
    cpu_s: float
    late_s: Sequence[float] = ()


@contextmanager
def servers_of_their_own() -> Iterator[Servers]:
    """Give a broker and a database of their own."""
    with run_broker(BrokerOptions(nodes=1)) as cluster, database_server() as database:
        yield Servers(cluster.bootstrap, database)


def run_deployment(
    servers: Servers,
    role: str,
    *,
    count: int,
    pace: float | None = None,
    workers: int = 1,
    quota: float | None = None,
) -> Ran:
    """Let processes do their work over topics and a log of their own.

    They are taken up over empty topics and halted; what they are to do is sent; then they go on.

    Args:
        servers: Broker and database.
        role: Of the processes.
        count: Contexts.
        pace: Contexts a second that are sent while they work; None: all of them before.
        workers: How many processes.
        quota: Of a core, for each; None for as much as there is.
    """
    prefix = f"bench-{secrets.token_hex(4)}"
    asyncio.run(_make_topics(servers.bootstrap, prefix))
    database = new_database(servers.database)
    with scratch_folder() as folder, ExitStack() as stack:
        carried = Carried(
            role="worker" if role == "worker" else "echo",
            bootstrap=servers.bootstrap,
            prefix=prefix,
            partitions=_PARTITIONS,
            symbols=_SYMBOLS,
            database=database,
            size=_DECISION_BYTES,
        )
        children = [
            stack.enter_context(_child(replace(carried, worker=f"w{one}"), folder, quota))
            for one in range(workers)
        ]
        return asyncio.run(_measured(carried, children, count, pace))


async def _measured(
    carried: Carried, children: Sequence[subprocess.Popen[bytes]], count: int, pace: float | None
) -> Ran:
    """Send contexts, and watch the outcomes come."""
    await _taken_up(carried, children)
    if pace is None:
        for child in children:
            child.send_signal(signal.SIGSTOP)
        await _send(carried, count, None)
        cpu_s, begin = sum(map(_cpu_s, children)), time.perf_counter()
        for child in children:
            child.send_signal(signal.SIGCONT)
        await _come(carried, children)
        took_s = time.perf_counter() - begin
        return Ran(count / took_s, sum(map(_cpu_s, children)) - cpu_s)
    cpu_s, begin = sum(map(_cpu_s, children)), time.perf_counter()
    late = asyncio.create_task(_lateness(carried, count))
    await _send(carried, count, pace)
    found = await late
    took_s = time.perf_counter() - begin
    return Ran(count / took_s, sum(map(_cpu_s, children)) - cpu_s, sorted(found))


async def _taken_up(carried: Carried, children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until a context of every partition has come through."""
    warm = _PARTITIONS * 64
    await _send(carried, warm, None)
    await _come(carried, children)


async def _send(carried: Carried, count: int, pace: float | None) -> None:
    """Send contexts that were not sent before, as fast as the broker takes them or at a pace."""
    sent = _SENT.get(carried.prefix, 0)
    _SENT[carried.prefix] = sent + count
    market = Market(rows=quotes(200_000, symbols=_SYMBOLS), symbols=_SYMBOLS, total=sent + count)
    broker = brokering.broker(carried.bootstrap, name="bench", budget_ms=20_000)
    sender = broker.sender()
    sending = SourceSending(
        source=market,
        window=Window(),
        player=None,
        sender=sender,
        topic=carried.topics.contexts,
        wall=standby.wall_clock(),
    )
    try:
        if pace is None:
            await sending.send(after=Cursor(record=sent))
            return
        step = max(1, round(pace / 50))
        begin = time.perf_counter()
        for done in range(0, count, step):
            part = replace(market, total=sent + min(count, done + step))
            await asyncio.sleep(max(0.0, begin + done / pace - time.perf_counter()))
            await replace(sending, source=part).send(after=Cursor(record=sent + done))
    finally:
        await sender.close()


async def _come(carried: Carried, children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until there is an outcome of everything that was sent."""
    consumer = _consumer(carried)
    await consumer.start()
    try:
        seen = 0
        deadline = time.perf_counter() + _PATIENCE_S
        want = _SENT[carried.prefix]
        while seen < want:
            found = await consumer.getmany(timeout_ms=500, max_records=20_000)
            seen += sum(map(len, found.values()))
            if time.perf_counter() > deadline or any(
                child.poll() is not None for child in children
            ):
                message = f"expected {want} outcomes of {carried.role}, found {seen}"
                raise RuntimeError(message)
    finally:
        await consumer.stop()


async def _lateness(carried: Carried, count: int) -> Sequence[float]:
    """Return how long after ingress each of the next outcomes was read, in s."""
    consumer = _consumer(carried, auto_offset_reset="latest")
    await consumer.start()
    late: list[float] = []
    try:
        while len(late) < count:
            found = await consumer.getmany(timeout_ms=500)
            now_ns = time.time_ns()
            for records in found.values():
                late += [(now_ns - _ingress_ns(one.headers, one.value)) / _NS for one in records]
        return late
    finally:
        await consumer.stop()


def _ingress_ns(headers: Sequence[tuple[str, bytes]], value: bytes) -> int:
    """Return when the context of an outcome came in."""
    said = dict(headers).get(INGRESS_WALL_NS)
    if said is not None:
        return int(said)
    return int(json.loads(value)["ingress_wall_ns"])


def _consumer(carried: Carried, auto_offset_reset: str = "earliest") -> AIOKafkaConsumer:
    """Return what reads the outcomes of a deployment."""
    return AIOKafkaConsumer(
        carried.topics.decisions,
        bootstrap_servers=carried.bootstrap,
        auto_offset_reset=auto_offset_reset,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 << 20,
    )


async def _make_topics(bootstrap: str, prefix: str) -> None:
    """Make the topics of a deployment."""
    topics = topics_of(prefix)
    keyed = (topics.contexts, topics.decisions, topics.control_outcomes, *topics.keyed)
    single = (topics.commands, topics.quarantine, topics.heartbeats)
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        counts = dict.fromkeys(keyed, _PARTITIONS) | dict.fromkeys(single, 1)
        await client.create_topics([NewTopic(topic, n, 1) for topic, n in counts.items()])
    finally:
        await client.close()


@contextmanager
def _child(
    carried: Carried, folder: Path, quota: float | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that works, held to its share of a core; it is ended afterwards."""
    told = folder / f"{carried.worker}.json"
    with (folder / f"{carried.worker}.log").open("wb") as log, _held(quota) as group:
        child = subprocess.Popen(  # noqa: S603 - words of our own
            [sys.executable, "-m", "benchmarks.carried", carried.text(), str(told)],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
        try:
            if group is not None:
                (group / "cgroup.procs").write_text(str(child.pid), encoding="ascii")
            yield child
        finally:
            child.kill()
            child.wait()


@contextmanager
def _held(quota: float | None) -> Iterator[Path | None]:
    """Give a control group with a share of a core; none where no share is asked for."""
    if quota is None:
        yield None
        return
    group = GROUPS / f"torghut-{secrets.token_hex(4)}"
    group.mkdir()
    try:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US), encoding="ascii")
        share_us = round(_PERIOD_US * quota)
        (group / "cpu.cfs_quota_us").write_text(str(share_us), encoding="ascii")
        yield group
    finally:
        for _ in range(50):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def _cpu_s(child: subprocess.Popen[bytes]) -> float:
    """Return the CPU time of a process so far."""
    fields = Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at_share(times: Sequence[float], share: float) -> float:
    """Return the time below which so large a share of sorted times lies."""
    return times[min(len(times) - 1, math.ceil(share * len(times)) - 1)]


def fsync_s(tries: int = 200) -> float:
    """Return the 99th percentile of an fsync of 8 kB, in s."""
    times: list[float] = []
    with scratch_folder() as folder, (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(tries):
            file.write(b"x" * 8192)
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return at_share(sorted(times), 0.99)
