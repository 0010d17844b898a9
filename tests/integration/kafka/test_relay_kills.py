"""Relays that die at any moment on a real broker: each event is in the topic once, in order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.support.carrying.carriers import KafkaCarrier, heard
from tests.support.carrying.deployments import Carried, carried
from torghut.carrying.messages import EVENT_DIGEST, EVENT_POSITION
from torghut.composition.governing import governance_events
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.ports import EventFeed
from torghut.schemas.governing.lease import LeaseTaken

TOPIC: Final = "torghut.governance-events.v1"
SEED: Final = 6
CAUSES: Final = Causes(correlation_id="cycle-1", causation_id="test")
KILLS: Final = 6
WAITING, COMING = 6, 11
"""How often events are appended before a relay is started, and while it runs."""

SUPERSEDED: Final = 5
"""How a relay ends that another one took over from."""

_AT_ONCE: Final = 20
_PAUSE_S: Final = 0.05
_LOOK_S: Final = 0.02
_SOON_S: Final = 60.0
_ALIVE_MAX_S: Final = 1.2
"""Of a relay that has spoken: it says what waited, looks again each half a second, and speaks."""


@dataclass(slots=True)
class Appending:
    """Events come, some at a time, of two streams in turn.

    Attributes:
        root: Where governance remembers.
        appended: How many there are.
    """

    root: Path
    appended: int = 0

    async def append(self, times: int) -> None:
        """Append so often."""
        log = governance_events(self.root)
        for _ in range(times):
            turn = self.appended // _AT_ONCE
            version = turn // 2 * _AT_ONCE
            events = [
                LeaseTaken(epoch=version + place + 1, holder="one", at_ns=self.appended + place)
                for place in range(_AT_ONCE)
            ]
            stream = f"lease-{turn % 2}"
            await log.append_events(stream, events, expected_version=version, causes=CAUSES)
            self.appended += _AT_ONCE
            await asyncio.sleep(_PAUSE_S)


async def written(feed: EventFeed) -> list[Envelope]:
    """Return every event of a log."""
    found: list[Envelope] = []
    while events := await feed.events_after(len(found), 500):
        found += events
    return found


async def end(consumer: AIOKafkaConsumer) -> int:
    """Return where the topic ends, records included that are not final; it takes a moment."""
    at = TopicPartition(TOPIC, 0)
    await asyncio.sleep(_LOOK_S)
    found: int = (await consumer.end_offsets([at]))[at]
    return found


async def killed_again_and_again(
    deployment: Carried, appending: Appending, draw: np.random.Generator
) -> None:
    """Let one relay after the other be killed, and one be superseded, while events come."""
    overlapping = draw.integers(KILLS)
    async with AIOKafkaConsumer(bootstrap_servers=deployment.bootstrap) as consumer:
        for number in range(KILLS):
            await appending.append(WAITING)
            before = await end(consumer)
            relay = deployment.begin("relay")
            async with asyncio.timeout(_SOON_S):
                while await end(consumer) <= before:
                    assert relay.poll() is None, "it ended before it said anything"
            coming = asyncio.ensure_future(appending.append(COMING))
            if number == overlapping:
                first, relay = relay, deployment.begin("relay")
                await coming
                async with asyncio.timeout(_SOON_S):
                    while first.poll() is None:  # it hears of it when it says something
                        await appending.append(1)
                assert first.returncode == SUPERSEDED
            await asyncio.sleep(draw.uniform(0.0, _ALIVE_MAX_S))
            assert relay.poll() is None, "it ended by itself"
            relay.kill()
            relay.wait()
            await coming


@pytest.mark.timeout(240)
def test_relays_that_are_killed_leave_each_event_in_the_topic_once_and_in_order(
    broker: str, tmp_path: Path
) -> None:
    root = tmp_path / "var"
    with carried(tmp_path, broker, "") as deployment:
        draw = np.random.Generator(np.random.PCG64(SEED))
        appending = Appending(root)
        asyncio.run(killed_again_and_again(deployment, appending, draw))
        deployment.done("relay", "--until-end")
        events = asyncio.run(written(governance_events(root)))
        told = asyncio.run(heard(KafkaCarrier(broker).broker(), (TOPIC, 0)))

    assert len(events) == appending.appended >= 20 * KILLS * (WAITING + COMING)
    assert [int(dict(one.headers)[EVENT_POSITION]) for one in told] == list(
        range(1, len(events) + 1)
    )
    assert [one.value for one in told] == [one.body for one in events]
    assert [dict(one.headers)[EVENT_DIGEST].decode() for one in told] == [
        one.digest for one in events
    ]
