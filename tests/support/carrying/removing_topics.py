"""Takes topics away from a broker that tests share."""

from __future__ import annotations

import asyncio
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

LOOKS: Final = 8
"""Nodes are asked at random, and learn of a change one after the other: one look is not enough."""


async def remove_topics(bootstrap: str, prefix: str = "torghut.") -> None:
    """Take away every topic whose name begins so, and wait until no node names one any more."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        looks = 0
        while looks < LOOKS:
            ours = [name for name in await client.list_topics() if name.startswith(prefix)]
            looks = 0 if ours else looks + 1
            if ours:
                await client.delete_topics(ours)
                await asyncio.sleep(0.05)
    finally:
        await client.close()
