"""Whether Kafka answers: a metadata request that counts the nodes that take part.

It is asked in a process of its own, so that whoever starts servers neither loads a client nor minds
which event loop runs where it is called.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

ASK_S: Final = 2.0
"""Longest that one question may take, in seconds."""

_PAUSE_S: Final = 0.1


async def nodes_seen(bootstrap: str) -> int:
    """Return how many nodes of the cluster at ``bootstrap`` take part; 0 where nobody answers."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(ASK_S * 1000))
    try:
        async with asyncio.timeout(ASK_S):
            await client.start()
            told = await client.describe_cluster()
            return len(told["brokers"]) if told["controller_id"] >= 0 else 0
    except (KafkaError, OSError, TimeoutError):
        return 0
    finally:
        await client.close()


async def await_nodes(addresses: list[str], nodes: int, budget_s: float) -> bool:
    """Wait until every address names so many nodes; return whether it came to that in time."""
    deadline = time.monotonic() + budget_s
    waiting = list(addresses)
    while waiting and time.monotonic() < deadline:
        if await nodes_seen(waiting[0]) == nodes:
            waiting.pop(0)
        else:
            await asyncio.sleep(_PAUSE_S)
    return not waiting


def main(arguments: list[str]) -> int:
    """Wait as the arguments say: how many nodes, for how many seconds, asked at which addresses."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # refused connections are expected
    nodes, budget_s, *addresses = arguments
    return 0 if asyncio.run(await_nodes(addresses, int(nodes), float(budget_s))) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
