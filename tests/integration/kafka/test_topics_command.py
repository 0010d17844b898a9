"""The commands about topics on real brokers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from ops.servers.broker import BrokerCluster
from tests.support.carrying.removing_topics import remove_topics
from tests.support.machine.commands import Ended, typed
from torghut.carrying.errors import BrokerUnreachableError

CONTEXTS: Final = "torghut.market-context.v1"
TOPICS: Final = 12
SOON_MS: Final = 600
"""A budget that ends while one looks on."""


async def widened(bootstrap: str, topic: str, partitions: int) -> None:
    """Give a topic more partitions, as somebody might who does not know."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        await client.create_partitions({topic: NewPartitions(partitions)})
    finally:
        await client.close()


@pytest.fixture
def three(cluster: BrokerCluster) -> Iterator[str]:
    """Return the addresses of three nodes that have no topic of ours."""
    asyncio.run(remove_topics(cluster.bootstrap))
    yield cluster.bootstrap
    asyncio.run(remove_topics(cluster.bootstrap))


def topics(verb: str, bootstrap: str, *options: str) -> Ended:
    """Return how a command about topics ends."""
    return typed("topics", verb, "--bootstrap", bootstrap, *options)


def applied(bootstrap: str) -> dict[str, Any]:
    """Return what applying says it did."""
    ended = topics("apply", bootstrap, "--json")

    assert ended.status == 0, ended.err
    found: dict[str, Any] = ended.json
    return found


@pytest.mark.timeout(180)
def test_applying_makes_every_topic_and_again_changes_nothing(three: str) -> None:
    planned = topics("plan", three, "--json")
    differs = topics("diff", three)
    first = applied(three)
    again = topics("apply", three)
    agrees = topics("diff", three)

    assert planned.status == 0
    assert planned.json["steps"] == first["steps"]
    assert len(first["steps"]) == TOPICS
    assert {(step["do"], step["copies"]) for step in first["steps"]} == {("create", 3)}
    assert differs.status == 1
    assert (again.status, agrees.status) == (0, 0)
    assert again.out == f"nothing to do: {TOPICS} topics as declared (three-nodes)\n"


@pytest.mark.timeout(180)
def test_keyed_topic_with_other_partitions_is_refused_and_nothing_is_done(three: str) -> None:
    applied(three)
    asyncio.run(widened(three, CONTEXTS, 13))

    planned, refused, differs = (topics(verb, three) for verb in ("plan", "apply", "diff"))

    assert (planned.status, refused.status, differs.status) == (3, 3, 1)
    assert f"refused: carrying.partition-count-keyed: {CONTEXTS}: expected 12" in planned.out
    assert refused.err.splitlines()[-1].startswith("carrying.partition-count-keyed")


@pytest.mark.system
@pytest.mark.enable_socket
def test_nobody_listens_is_told_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        ended = topics("diff", address)

    assert ended.status == 7
    said = f"{BrokerUnreachableError.code}: see topics: expected an answer from {address}"
    assert ended.err.startswith(said)
    assert len(ended.err.splitlines()) == 1


@pytest.mark.system
@pytest.mark.enable_socket
def test_who_listens_and_says_nothing_is_given_up_after_the_budget() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"

        ended = topics("plan", address, "--budget-ms", str(SOON_MS))

    assert ended.status == 7
    assert f"within {SOON_MS} ms" in ended.err


def test_frozen_node_is_given_up_after_the_budget(cluster: BrokerCluster) -> None:
    cluster.suspend(1)
    try:
        ended = topics("diff", cluster.addresses[0], "--budget-ms", str(SOON_MS))
    finally:
        cluster.resume(1)
        cluster.await_ready()

    assert ended.status == 7


def test_without_an_address_one_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TORGHUT_KAFKA_BOOTSTRAP", raising=False)
    monkeypatch.chdir(tmp_path)

    ended = typed("topics", "plan")

    assert ended.status == 2
    assert ended.err.startswith("access.broker-unnamed")
