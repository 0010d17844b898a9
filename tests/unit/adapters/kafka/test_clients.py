"""Clients of a broker are made so that nothing is lost, doubled, or moved without need."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaConnectionError

from tests.fakes.kafka_client import connection
from torghut.access.broker import BrokerAccess
from torghut.adapters.kafka import membership, sending, voice
from torghut.adapters.kafka.membership import GroupMembership
from torghut.adapters.kafka.sending import KafkaSender
from torghut.adapters.kafka.voice import KafkaVoice
from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import Outgoing
from torghut.client.kafka import cluster
from torghut.client.kafka.cluster import Cluster
from torghut.client.limits import Limits
from torghut.client.wire.dialing import CutError

Told = dict[str, object]
RECORD: Final = Outgoing(b"k", b"{}", ())


class Declining:
    """A client that takes down what it was told, and reaches nobody."""

    made: list[Told]

    def __init__(self, **told: object) -> None:
        self.made.append(told)

    async def start(self) -> None:
        """Fail."""
        raise KafkaConnectionError

    async def stop(self) -> None:
        """Let go of nothing."""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Told]:
    """Return what the clients are told that are made from now on."""
    taken: list[Told] = []
    monkeypatch.setattr(Declining, "made", taken, raising=False)
    for module in (sending, voice, cluster):
        monkeypatch.setattr(module, "AIOKafkaProducer", Declining)
    monkeypatch.setattr(membership, "AIOKafkaConsumer", Declining)
    return taken


@pytest.mark.parametrize(
    ("begin", "error"),
    [
        (lambda: KafkaSender(connection()).send("t", [RECORD]), BrokerUnreachableError),
        (lambda: KafkaVoice(connection(), topic="t", partition=0).raise_(), BrokerUnreachableError),
        (
            lambda: Cluster(access=BrokerAccess(bootstrap="nowhere:1"), limits=Limits()).producer(),
            CutError,
        ),
    ],
    ids=["sender", "voice", "trading loop"],
)
def test_every_producer_waits_for_all_copies_and_sends_nothing_twice(
    made: list[Told], begin: Callable[[], Awaitable[object]], error: type[Exception]
) -> None:
    async def begun() -> None:
        await begin()

    with pytest.raises(error):
        asyncio.run(begun())

    (told,) = made
    assert (told["acks"], told["enable_idempotence"]) == ("all", True)


def test_member_keeps_its_partitions_where_it_can_and_asks_the_log_where_they_begin(
    made: list[Told],
) -> None:
    GroupMembership(connection(), topic="contexts", group="workers", session_ms=8_000)

    (told,) = made
    assert told["partition_assignment_strategy"] == (StickyPartitionAssignor,)
    assert (told["group_id"], told["session_timeout_ms"]) == ("workers", 8_000)
    assert (told["enable_auto_commit"], told["auto_offset_reset"]) == (False, "none")
    assert told["isolation_level"] == "read_committed"
