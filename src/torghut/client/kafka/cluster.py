"""Clients of the brokers, made and started within a budget, and what they raise as one error."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from torghut.access.beginning import begun
from torghut.access.broker import BrokerAccess
from torghut.access.ending import Admin, Client, ended
from torghut.access.options import KEPT_ONCE, ClientOptions, client_options
from torghut.client.limits import Limits
from torghut.client.wire.dialing import CutError
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S

T = TypeVar("T")

_LINGER_MS: Final = 2


class _Arguments(ClientOptions):
    """What every client is made with."""

    client_id: str
    request_timeout_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The brokers of a service.

    Attributes:
        access: How they let in.
        limits: Whose budgets hold.
    """

    access: BrokerAccess
    limits: Limits

    async def consumer(
        self, *, wait_ms: int, bytes_max: int, final: bool = True
    ) -> AIOKafkaConsumer:
        """Return a client that reads, started; it is in no group.

        Args:
            final: Whether only what is final is read, which nobody says again.
            wait_ms: How long the broker may hold an answer back for want of records.
            bytes_max: Of one partition in one answer.

        Raises:
            CutError: No broker answers within the budget.
        """
        with cut():
            consumer = AIOKafkaConsumer(
                enable_auto_commit=False,
                auto_offset_reset="earliest",  # what was gone by then shows as a gap
                isolation_level="read_committed" if final else "read_uncommitted",
                fetch_max_wait_ms=wait_ms,
                max_partition_fetch_bytes=bytes_max,
                **self._arguments(),
            )
        await self._started(consumer)
        return consumer

    async def producer(self) -> AIOKafkaProducer:
        """Return a client that sends, started; every record once, kept by all in step.

        Raises:
            CutError: No broker answers within the budget.
        """
        with cut():
            producer = AIOKafkaProducer(**KEPT_ONCE, linger_ms=_LINGER_MS, **self._arguments())
        await self._started(producer)
        return producer

    async def partitions(self, *topics: str) -> Sequence[int]:
        """Return how many partitions each of these topics has.

        Raises:
            CutError: There is none of one name, or no broker answers within the budget.
        """
        with cut():
            admin = Admin(**self._arguments())
        await self._started(admin)
        try:
            found = await self.within(admin.describe_topics(list(topics)))
        finally:
            await self.let_go(admin)
        counts = {one["topic"]: len(one["partitions"]) for one in found}
        if missing := [one for one in topics if not counts.get(one)]:
            message = f"no topic {', '.join(missing)}: `torghut topics apply` makes it"
            raise CutError(message)
        return [counts[one] for one in topics]

    async def within(self, asking: Awaitable[T]) -> T:
        """Return what a broker answers.

        Raises:
            CutError: None does within the budget, or it refuses.
        """
        with cut():
            async with asyncio.timeout(self.limits.connect_ms / MS_PER_S):
                return await asking

    async def let_go(self, client: Client) -> None:
        """End a client within the budget; a broker that is away is no error."""
        await ended(client, budget_ms=self.limits.close_ms)

    async def _started(self, client: Client) -> None:
        """Start a client; one that does not start is let go of.

        Raises:
            CutError: No broker answers within the budget.
        """
        with cut():
            await begun(client, budget_ms=self.limits.connect_ms)

    def _arguments(self) -> _Arguments:
        """Return what every client is made with."""
        return _Arguments(
            client_id=f"torghut-client-{os.getpid()}",
            request_timeout_ms=self.limits.connect_ms,
            **client_options(self.access),
        )


@contextmanager
def cut() -> Iterator[None]:
    """Turn what a client raises inside into the one error that says so.

    Raises:
        CutError: Always where anything is raised.
    """
    try:
        yield
    except TorghutError as error:
        raise CutError(str(error)) from error
    except TimeoutError as error:
        message = "no broker answers"
        raise CutError(message) from error
    except (KafkaError, OSError) as error:
        message = f"{type(error).__name__}: {error}"
        raise CutError(message) from error
