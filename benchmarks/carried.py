"""One process of a carried deployment: a worker, or the bare echo that it is compared with.

Run as ``python -m benchmarks.carried JSON``; it works until SIGTERM.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import asdict, dataclass
from typing import Final, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.market import setup
from torghut.adapters.kafka.voice import SENT_BYTES_MAX
from torghut.carrying.messages import INGRESS_WALL_NS
from torghut.composition import machine, working
from torghut.workflows.carrying.terms import CarriedTopics

_BUDGET_MS: Final = 20_000
LINGER_MS: Final = 5
"""Declared wait of the echo's producer for more records to send with the first."""

Role = Literal["worker", "faust", "echo"]
"""What a process is: a worker on aiokafka, one on Faust, or the echo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What one process is to do.

    Attributes:
        role: What it is.
        bootstrap: Address of the broker.
        prefix: Begins the names of the topics.
        symbols: Of the made-up market.
        database: Address of the log; of a worker.
        size: Bytes of the records that the echo sends.
        worker: Name of the process.
    """

    role: Role
    bootstrap: str
    prefix: str
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


async def work(duty: Duty, asked: asyncio.Event) -> None:
    """Be the worker of the command, over a made-up market, until asked to end."""
    broker = working.carrier(
        "faust" if duty.role == "faust" else "aiokafka",
        duty.bootstrap,
        name=duty.worker,
        budget_ms=_BUDGET_MS,
    )
    joining = working.Joining(
        worker=duty.worker,
        group=duty.prefix,
        broker=broker,
        topics=duty.topics,
        log=duty.database,
    )
    ready = await working.ready_worker(joining, setup(duty.symbols))
    try:
        await ready.run(asked)
    finally:
        await ready.close()


async def echo(duty: Duty, asked: asyncio.Event) -> None:
    """Send a record of the same size for every record that comes, acknowledged by all replicas."""
    consumer = AIOKafkaConsumer(
        duty.topics.contexts,
        bootstrap_servers=duty.bootstrap,
        group_id=duty.prefix,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=duty.bootstrap,
        acks="all",
        linger_ms=LINGER_MS,
        max_batch_size=SENT_BYTES_MAX,
    )
    await consumer.start()
    await producer.start()
    value = b"x" * duty.size
    try:
        while not asked.is_set():
            found = await consumer.getmany(timeout_ms=200, max_records=2000)
            kept = [
                await producer.send(
                    duty.topics.decisions,
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


async def _run(duty: Duty) -> None:
    """Do what is asked until SIGTERM."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    await (echo if duty.role == "echo" else work)(duty, asked)


if __name__ == "__main__":
    machine.run_service(_run(Duty(**json.loads(sys.argv[1]))))
