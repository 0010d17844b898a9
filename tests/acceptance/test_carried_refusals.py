"""What a worker sets aside, and what it does not begin to work on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from ops.servers.broker import BrokerCluster
from tests.support.carrying.deployments import Carried, carried, consumed
from tests.support.machine.commands import prices
from tests.support.machine.servers import own_server

pytestmark = pytest.mark.timeout(240)

CONTEXTS: Final = "torghut.market-context.v1"
DECISIONS: Final = "torghut.decisions.v1"
QUARANTINE: Final = "torghut.quarantine.v1"
KEY: Final = b"fxcm:EURUSD"
PARTITION: Final = 0


@pytest.fixture
def deployment(broker: str, database: str, tmp_path: Path) -> Iterator[Carried]:
    with carried(tmp_path, broker, database) as made:
        yield made


async def send(bootstrap: str, value: bytes) -> int:
    """Send something to the topic of contexts; return its offset."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        kept = await producer.send_and_wait(CONTEXTS, value, key=KEY, partition=PARTITION)
        return int(kept.offset)


async def alter(bootstrap: str, topic: str, **settings: str) -> None:
    """Set settings of a topic."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        named = {name.replace("_", "."): value for name, value in settings.items()}
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, named)])
    finally:
        await client.close()


def test_poison_is_set_aside_with_its_offset_and_the_next_one_is_decided(
    deployment: Carried,
) -> None:
    source = prices(deployment.folder / "prices.csv", count=40)
    deployment.done("feed", "--source", source, "--to", "2014-05-05T12:03:05Z")
    offset = asyncio.run(send(deployment.bootstrap, b'{"bid": 1.1, "bid": 1.2}'))
    deployment.done("feed", "--source", source, "--from", "2014-05-05T12:03:05Z")
    worker = deployment.worker("one")
    worker.start()
    worker.await_ready()
    counted = deployment.settle(41)
    assert worker.end() == 0, worker.said()

    (aside,) = asyncio.run(consumed(deployment.bootstrap, QUARANTINE))
    headers = dict(aside.headers)
    told = asyncio.run(consumed(deployment.bootstrap, DECISIONS))
    assert (headers["topic"], headers["partition"], headers["offset"]) == (
        CONTEXTS.encode(),
        b"%d" % PARTITION,
        b"%d" % offset,
    )
    assert (counted["outcomes"], counted["published"], len(told)) == (41, 40, 40)
    stats = deployment.done("log", "stats", "--log", deployment.log, "--json").json
    assert stats["undecodable"] == 1
    deployment.verify()
    history = deployment.history(deployment.folder / "prices.csv", [(PARTITION, offset)])
    assert history.status == 0, history.out + history.err
    found = history.json["counts"]
    assert (found["decided"], found["quarantined"]) == (40, 1)


def test_worker_does_not_write_into_a_database_that_forgets(broker: str, tmp_path: Path) -> None:
    with (
        own_server(fsync="off") as (_, databases),
        carried(tmp_path, broker, databases.make(empty=True)) as deployment,
    ):
        ended = deployment.run("worker", "--log", deployment.log, "--listen", "127.0.0.1:0")

    assert ended.status != 0
    assert ended.err.splitlines()[-1].startswith("eventlog.not-durable")


def test_worker_does_not_begin_where_one_node_alone_may_acknowledge(
    cluster: BrokerCluster, database: str, tmp_path: Path
) -> None:
    with carried(tmp_path, cluster.bootstrap, database) as deployment:
        asyncio.run(alter(cluster.bootstrap, DECISIONS, min_insync_replicas="1"))
        words = ("worker", "--log", deployment.log, "--listen", "127.0.0.1:0")
        ended = deployment.run(*words)
        deployment.done("topics", "apply")
        worker = deployment.worker("one")
        worker.start()
        worker.await_ready()
        assert worker.end() == 0, worker.said()

    assert ended.status == 3
    last = ended.err.splitlines()[-1]
    assert last.startswith(f"carrying.topic-unsafe: {DECISIONS}: expected min.insync.replicas")
    assert "torghut topics apply" in last
