"""A client is let go of within the budget, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.virtual_time import run_virtually
from torghut.access.broker import BrokerAccess
from torghut.access.ending import Client
from torghut.adapters.kafka.connection import connection_to
from torghut.carrying.errors import BrokerUnreachableError

CONNECTION: Final = connection_to(
    BrokerAccess(bootstrap="nowhere:1"), client_id="test", budget_ms=1_000
)


async def well() -> None:
    """End as one should."""


async def failing() -> None:
    """End by an error."""
    raise OSError


async def cancelled() -> None:
    """End by a cancel that nobody outside asked for: aiokafka cancels tasks and waits for them."""
    raise asyncio.CancelledError


async def never() -> None:
    """Do not end."""
    await asyncio.sleep(3_600)


@dataclass(slots=True)
class Ending(Client):
    """A client that ends in one way.

    Attributes:
        stopping: How.
    """

    stopping: Callable[[], Awaitable[None]]

    @override
    async def start(self) -> None:
        raise OSError

    @override
    async def stop(self) -> None:
        await self.stopping()


@pytest.mark.parametrize("stopping", [well, failing, cancelled, never])
def test_client_is_let_go_of_however_it_ends(stopping: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(1.1):
            await CONNECTION.let_go(Ending(stopping))

    run_virtually(main())


@pytest.mark.parametrize(
    ("said", "raised"),
    [("Did we not perform bootstrap?", BrokerUnreachableError), ("else", AssertionError)],
)
def test_broker_that_knows_of_none_is_one_that_does_not_answer(
    said: str, raised: type[Exception]
) -> None:
    async def asserting() -> None:
        raise AssertionError(said)

    with pytest.raises(raised):
        asyncio.run(CONNECTION.answered("publishing", asserting()))
