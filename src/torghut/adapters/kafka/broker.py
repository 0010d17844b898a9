"""Kafka as one process uses it."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from torghut.access.broker import BrokerAccess
from torghut.adapters.kafka.connection import Connection, connection_to
from torghut.adapters.kafka.membership import GroupMembership
from torghut.adapters.kafka.reading import KafkaReader
from torghut.adapters.kafka.sending import KafkaSender
from torghut.adapters.kafka.voice import KafkaVoice
from torghut.carrying.ports import Broker, Membership, Sender, TopicReader, Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaBroker(Broker):
    """One cluster.

    Attributes:
        connection: To it.
        session_ms: After so long without a sign of life a member's partitions go to others.
    """

    connection: Connection
    session_ms: int = 10_000

    @override
    def membership(self, *, topic: str, group: str) -> Membership:
        return GroupMembership(
            self.connection, topic=topic, group=group, session_ms=self.session_ms
        )

    @override
    def reader(self) -> TopicReader:
        return KafkaReader(self.connection)

    @override
    def voice(self, topic: str, partition: int, /) -> Voice:
        return KafkaVoice(self.connection, topic=topic, partition=partition)

    @override
    def sender(self) -> Sender:
        return KafkaSender(self.connection)


def kafka_broker(access: BrokerAccess, *, client_id: str, budget_ms: int) -> KafkaBroker:
    """Return the cluster that ``access`` names; nothing is asked of it yet.

    Raises:
        AccessFileError: A file of the access cannot be read.
        AccessIncompleteError: Name or password is wanted and was not given.
    """
    return KafkaBroker(connection=connection_to(access, client_id=client_id, budget_ms=budget_ms))
