"""Every broker, nothing of ours on it at first; whatever holds for one holds for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import pytest

from tests.fakes.kafka import InMemoryTopics
from tests.support.carrying.brokers import MARKS
from tests.support.carrying.carriers import Carrier, InMemoryCarrier, KafkaCarrier
from tests.support.carrying.removing_topics import remove_topics
from torghut.access.broker import BrokerAccess
from torghut.adapters.kafka.opening import open_topics
from torghut.carrying.ports import TopicAdmin

BUDGET_MS: Final = 15_000


@contextmanager
def topics_in_memory(_: pytest.FixtureRequest) -> Iterator[TopicAdmin]:
    """Yield the topics of a cluster in memory."""
    yield InMemoryTopics()


@contextmanager
def topics_in_kafka(request: pytest.FixtureRequest) -> Iterator[TopicAdmin]:
    """Yield the topics of a real broker, which are taken away afterwards."""
    bootstrap: str = request.getfixturevalue("broker")
    topics = open_topics(BrokerAccess(bootstrap=bootstrap), budget_ms=BUDGET_MS)
    try:
        yield topics
    finally:
        asyncio.run(remove_topics(bootstrap))


@pytest.fixture(
    params=[
        pytest.param(topics_in_memory, id="memory"),
        pytest.param(topics_in_kafka, id="kafka", marks=MARKS),
    ]
)
def topics(request: pytest.FixtureRequest) -> Iterator[TopicAdmin]:
    """Yield a cluster of one node that has none of our topics."""
    make: Callable[[pytest.FixtureRequest], AbstractContextManager[TopicAdmin]] = request.param
    with make(request) as made:
        yield made


def in_memory(_: pytest.FixtureRequest) -> Carrier:
    """Return a broker in memory."""
    return InMemoryCarrier()


def in_kafka(request: pytest.FixtureRequest) -> Carrier:
    """Return a real broker."""
    bootstrap: str = request.getfixturevalue("broker")
    return KafkaCarrier(bootstrap)


@pytest.fixture(
    params=[
        pytest.param(in_memory, id="memory"),
        pytest.param(in_kafka, id="kafka", marks=MARKS),
    ]
)
def carrier(request: pytest.FixtureRequest) -> Carrier:
    """Return a broker on which no topic is a test's."""
    make: Callable[[pytest.FixtureRequest], Carrier] = request.param
    return make(request)
