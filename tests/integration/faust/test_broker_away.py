"""A member on Faust goes on once its broker is back, and ends though it never comes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.servers.broker import BrokerCluster, BrokerOptions, BrokerUnavailableError, run_broker
from tests.support.carrying.brokers import MARKS
from tests.support.carrying.carriers import Owning
from torghut.access.broker import BrokerAccess
from torghut.access.faust import FaustChoices
from torghut.adapters.faust.opening import open_faust
from torghut.carrying.messages import Outgoing
from torghut.carrying.ports import Broker

pytestmark = [*MARKS, pytest.mark.timeout(180)]

TOPIC: Final = "contexts"
BUDGET_MS: Final = 8_000
TAKES: Final = 300


@pytest.fixture
def own_broker() -> Iterator[BrokerCluster]:
    """Return a broker that the test may kill."""
    try:
        with run_broker(BrokerOptions(nodes=1, quick=True)) as cluster:
            yield cluster
    except BrokerUnavailableError as error:
        pytest.skip(str(error)[:300])


async def sent(broker: Broker, count: int) -> None:
    """Send records."""
    sender = broker.sender()
    try:
        await sender.send(TOPIC, [Outgoing(b"k", b"v", ())] * count)
    finally:
        await sender.close()


def test_member_goes_on_after_the_broker_and_ends_without_it(own_broker: BrokerCluster) -> None:
    async def test() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=own_broker.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(TOPIC, 1, 1)])
        await admin.close()
        access = BrokerAccess(bootstrap=own_broker.bootstrap)
        broker = open_faust(access, FaustChoices(), client_id="tests", budget_ms=BUDGET_MS)
        await sent(broker, 10)
        membership = broker.membership(topic=TOPIC, group="g")
        owner = Owning(membership, {0: 0})
        await membership.join(owner)
        await owner.until(lambda: len(owner.offsets()) >= 10, tries=TAKES)

        own_broker.kill(1)
        await asyncio.to_thread(own_broker.restart, 1)
        await sent(broker, 10)
        await owner.until(lambda: len(owner.offsets()) >= 20, tries=TAKES)
        assert owner.offsets() == list(range(20))

        own_broker.kill(1)
        async with asyncio.timeout(2 * BUDGET_MS / 1000):
            await membership.leave()

    before = set(threading.enumerate())
    asyncio.run(test())
    assert set(threading.enumerate()) <= before
