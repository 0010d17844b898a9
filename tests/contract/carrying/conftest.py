"""Every broker, nothing of ours on it at first; whatever holds for one holds for all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.brokers import MARKS
from tests.carriers import Carrier, InMemoryCarrier, KafkaCarrier


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
