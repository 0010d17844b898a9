"""What a broker refuses is told apart from a broker that is away, with what to do about it."""

from __future__ import annotations

import asyncio
import logging
import ssl

import pytest
from aiokafka import errors

from tests.fakes.kafka_client import connection
from torghut.carrying.errors import BrokerRefusedError, BrokerUnreachableError

CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")
CERTIFICATE.verify_message = "self-signed certificate"


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (errors.TopicAuthorizationFailedError("contexts"), ("contexts", "kafka-acls")),
        (errors.GroupAuthorizationFailedError("torghut"), ("torghut", "kafka-acls")),
        (errors.TransactionalIdAuthorizationFailed(), ("kafka-acls",)),
        (errors.MessageSizeTooLargeError("2000000 bytes"), ("2000000", "max.message.bytes")),
        (errors.RecordTooLargeError("at 7"), ("at 7", "max.message.bytes")),
        (errors.UnknownTopicOrPartitionError("t"), ("topics apply",)),
        (errors.SaslAuthenticationFailed("opensesame"), ("SaslAuthenticationFailed", "log in")),
        (CERTIFICATE, ("self-signed certificate", "log in")),
    ],
)
def test_broker_that_will_not_refuses_and_says_what_to_do(
    raised: Exception, words: tuple[str, ...]
) -> None:
    with pytest.raises(BrokerRefusedError) as told, connection().asking("publishing"):
        raise raised
    assert all(word in str(told.value) for word in words)
    assert "opensesame" not in str(told.value)
    assert told.value.__cause__ is raised


@pytest.mark.parametrize(
    "raised",
    [
        TimeoutError(),
        ConnectionResetError(),
        ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
        errors.KafkaConnectionError("gone"),
        errors.NotLeaderForPartitionError(),
        errors.NotEnoughReplicasError(),
        errors.RebalanceInProgressError(),
        errors.IllegalStateError("not assigned"),
        errors.OffsetOutOfRangeError({}),
        errors.ProducerFenced(),
        errors.KafkaError("anything"),
    ],
)
def test_what_may_pass_by_is_no_refusal(raised: Exception) -> None:
    with pytest.raises(BrokerUnreachableError), connection().asking("publishing"):
        raise raised


class _Unsaying:
    """A client that is not let in, and says so in the log alone."""

    async def start(self) -> None:
        """Not be let in."""
        why = errors.SaslAuthenticationFailed("opensesame")
        logging.getLogger("aiokafka").error("Unable connect to %s: %s", "broker", why)
        raise errors.KafkaConnectionError

    async def stop(self) -> None:
        """Nothing is held."""


def test_client_that_is_not_let_in_is_refused_also_where_it_only_logs_so() -> None:
    with pytest.raises(BrokerRefusedError, match="SaslAuthenticationFailed"):
        asyncio.run(connection().begin("connecting", _Unsaying()))
