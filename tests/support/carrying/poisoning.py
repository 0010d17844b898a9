"""Records that are no contexts, sent to the topic of contexts until the broker has them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from torghut.workflows.carrying.terms import CarriedTopics

POISON: Final[Sequence[bytes | None]] = (
    b"no context at all",
    b'{"bid": 1.1, "bid": 1.2}',
    b'{"type": "market.context-received.v1", "symbol": "fxcm:EURUSD"}',
    b"\xff\xfe\x00",
    b"",
    None,
)
"""In ways of their own; the last ones say nothing, and that their key is gone."""

TRIES: Final = 20
_KEY: Final = b"nobody"
_PAUSE_S: Final = 1.0
_BUDGET_MS: Final = 5_000

Place = tuple[int, int]
"""A partition, and an offset in it."""


def send_poison(bootstrap: str, doses: Sequence[tuple[int, bytes | None]]) -> Sequence[Place]:
    """Return where each of some records stands; each may stand elsewhere once more.

    Args:
        bootstrap: Of the broker, which may be away for a while.
        doses: Partition and value of each.
    """
    return asyncio.run(_sent(bootstrap, doses))


async def _sent(bootstrap: str, doses: Sequence[tuple[int, bytes | None]]) -> Sequence[Place]:
    for left in reversed(range(TRIES)):
        try:
            async with AIOKafkaProducer(
                bootstrap_servers=bootstrap, acks="all", request_timeout_ms=_BUDGET_MS
            ) as producer:
                topic = CarriedTopics().contexts
                kept = [
                    await producer.send_and_wait(topic, value, key=_KEY, partition=partition)
                    for partition, value in doses
                ]
                return [(one.partition, one.offset) for one in kept]
        except KafkaError:
            if not left:
                raise
            await asyncio.sleep(_PAUSE_S)
    raise AssertionError
