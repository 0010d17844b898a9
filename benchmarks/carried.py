"""One process of a carried deployment: a worker, or the bare echo that it is compared with.

Run as ``python -m benchmarks.carried JSON``; it works until SIGTERM.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from typing_extensions import override

from benchmarks.market import setup
from torghut.carrying.messages import INGRESS_WALL_NS
from torghut.composition import brokering, logs, serving, standby
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.carrying.member import CarryingWorker
from torghut.workflows.carrying.owning import Share
from torghut.workflows.carrying.terms import CarriedTopics, CarryingBudgets
from torghut.workflows.live.assembly import Parts
from torghut.workflows.live.loop.keeping import LentLog
from torghut.workflows.live.standing import Identity
from torghut.workflows.live.switch_ports import SwitchFolder, ThrownSwitch, WorkerPage

_BUDGET_MS: Final = 20_000
LINGER_MS: Final = 5
"""Declared wait of the echo's producer for more records to send with the first."""

Role = Literal["worker", "faust", "echo"]
"""What a process is: a worker on aiokafka, one on Faust, or the echo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one process is to do.

    Attributes:
        role: What it is.
        bootstrap: Address of the broker.
        prefix: Begins the names of the topics.
        partitions: Of the topics.
        symbols: Of the made-up market.
        database: Address of the log; of a worker.
        size: Bytes of the records that the echo sends.
        worker: Name of the process.
    """

    role: Role
    bootstrap: str
    prefix: str
    partitions: int
    symbols: int
    database: str = ""
    size: int = 0
    worker: str = "worker-0"

    @property
    def topics(self) -> CarriedTopics:
        """The topics of this deployment."""
        return topics_of(self.prefix)

    def text(self) -> str:
        """Return it as the one word of a command line."""
        return json.dumps(asdict(self))


def topics_of(prefix: str) -> CarriedTopics:
    """Return the topics whose names begin with ``prefix``."""
    declared = CarriedTopics()
    named = {name: f"{prefix}.{getattr(declared, name)}" for name in declared.__dataclass_fields__}
    return CarriedTopics(**named)


class _NoPage(WorkerPage):
    """Nobody looks."""

    @override
    def write(self, status: WorkerStatus) -> None:
        pass

    @override
    def close(self) -> None:
        pass


class _NoSwitches(SwitchFolder):
    """Nothing is thrown."""

    @override
    def prepare(self) -> None:
        pass

    @override
    def thrown(self) -> Sequence[ThrownSwitch]:
        return ()

    @override
    def retire(self, name: str, throw_id: str) -> None:
        pass


async def work(carried: Carried, asked: asyncio.Event) -> None:
    """Decide what comes, until asked to end."""
    opened = brokering.faust_broker if carried.role == "faust" else brokering.broker
    broker = opened(carried.bootstrap, name=carried.worker, budget_ms=_BUDGET_MS)
    log = logs.shared_log(logs.database_address(carried.database))
    made, policy = setup(carried.symbols), standby.live_policy()

    def parts_of(partition: int) -> Parts:
        worker = f"{carried.worker}.p{partition}"
        return Parts(
            keeper=LentLog(log),
            partition=partition,
            setup=made,
            policy=policy,
            wall=standby.wall_clock(),
            steady=standby.steady_clock(),
            ids=standby.ids(),
            folder=_NoSwitches(),
            page=_NoPage(),
            identity=Identity(
                worker=worker, pid=os.getpid(), log="", source="kafka", revision="benchmark"
            ),
            speed=1.0,
            takes_offers=False,
            shared=True,
        )

    sender = broker.sender()
    member = CarryingWorker(
        share=Share(
            claims=log,
            holder=carried.worker,
            broker=broker,
            sender=sender,
            topics=carried.topics,
            budgets=CarryingBudgets(),
            parts_of=parts_of,
            partition_of=brokering.partitioned(carried.partitions),
        ),
        group=carried.prefix,
    )
    try:
        await member.run(asked)
    finally:
        await sender.close()
        await log.close()


async def echo(carried: Carried, asked: asyncio.Event) -> None:
    """Send a record of the same size for every record that comes, acknowledged by all replicas."""
    consumer = AIOKafkaConsumer(
        carried.topics.contexts,
        bootstrap_servers=carried.bootstrap,
        group_id=carried.prefix,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=carried.bootstrap, acks="all", linger_ms=LINGER_MS
    )
    await consumer.start()
    await producer.start()
    value = b"x" * carried.size
    try:
        while not asked.is_set():
            found = await consumer.getmany(timeout_ms=200, max_records=2000)
            kept = [
                await producer.send(
                    carried.topics.decisions,
                    value,
                    key=record.key,
                    headers=[one for one in record.headers if one[0] == INGRESS_WALL_NS],
                    partition=place.partition,
                )
                for place, records in found.items()
                for record in records
            ]
            await asyncio.gather(*kept)
    finally:
        await consumer.stop()
        await producer.stop()


async def _run(carried: Carried) -> None:
    """Do what is asked until SIGTERM."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    await (echo if carried.role == "echo" else work)(carried, asked)


if __name__ == "__main__":
    serving.run_service(_run(Carried(**json.loads(sys.argv[1]))))
