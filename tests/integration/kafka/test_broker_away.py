"""A broker that falls silent is told as that within its budget, however long letting go takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import pytest

from ops.servers.broker import BrokerCluster
from tests.support.carrying.brokers import named, whole_again
from tests.support.carrying.carriers import says
from torghut.access.broker import BrokerAccess
from torghut.adapters.kafka.opening import open_broker, open_topics
from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import Outgoing
from torghut.carrying.planning import CreateTopic
from torghut.carrying.ports import Broker

BUDGET_MS: Final = 1_500
SOON_S: Final = 1.5
"""For asking why there is no answer, and for a busy machine."""
MAKING_MS: Final = 20_000
NODES: Final = (1, 2, 3)

Means = tuple[Callable[[Sequence[Outgoing]], Awaitable[None]], Callable[[], Awaitable[None]]]
"""What says records, and what lets go."""


async def sender(broker: Broker, topic: str) -> Means:
    """Return how records are sent."""
    made = broker.sender()
    return partial(made.send, topic), made.close


async def voice(broker: Broker, topic: str) -> Means:
    """Return how they are said."""
    made = broker.voice(topic, 0)
    await made.raise_()
    return made.say, made.fall_silent


@pytest.mark.parametrize("means", [sender, voice])
def test_silence_is_told_within_the_budget(
    cluster: BrokerCluster, means: Callable[[Broker, str], Awaitable[Means]]
) -> None:
    access = BrokerAccess(bootstrap=cluster.bootstrap)

    async def test() -> None:
        topic = named("torghut.away") + ".v1"
        made = CreateTopic(name=topic, partitions=1, copies=1, settings={})
        await open_topics(access, budget_ms=MAKING_MS).do(made)
        broker = open_broker(access, client_id="away", budget_ms=BUDGET_MS)
        say, let_go = await means(broker, topic)
        await say(says("a"))
        for node in NODES:
            cluster.suspend(node)
        async with asyncio.timeout(BUDGET_MS / 1000 + SOON_S):
            with pytest.raises(BrokerUnreachableError):
                await say(says("b"))
        await let_go()

    with whole_again(cluster):
        asyncio.run(test())
