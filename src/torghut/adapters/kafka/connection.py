"""How clients reach a broker, and what every wait for it may take."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aiokafka.errors import KafkaError

from torghut.access.beginning import begun
from torghut.access.broker import BrokerAccess
from torghut.access.ending import Client, ended, unattended
from torghut.access.options import ClientOptions, client_options
from torghut.adapters.kafka.refusing import refused
from torghut.adapters.kafka.unsaid import heard, let_unasked_pass
from torghut.carrying.errors import BrokerUnreachableError
from torghut.kernel.units import MS_PER_S

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)
_NOBODY: Final = "Did we not perform bootstrap?"
"""What aiokafka asserts where the broker knows of none, as one that has just come back may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where a broker is and how it is spoken to; made by ``connection_to``.

    Attributes:
        options: What every client is told of the broker.
        client_id: What the broker's own log calls this process.
        budget_ms: Longest wait for an answer.
    """

    options: ClientOptions = field(repr=False)
    client_id: str
    budget_ms: int

    @property
    def arguments(self) -> dict[str, Any]:
        """What every client is made with."""
        return {
            **self.options,
            "client_id": self.client_id,
            "request_timeout_ms": self.budget_ms,
        }

    async def answered(self, asked: str, asking: Awaitable[T]) -> T:
        """Return what the broker answers.

        Raises:
            BrokerUnreachableError: It does not within the budget.
            BrokerRefusedError: It answers that it will not.
        """
        with self.asking(asked):
            async with asyncio.timeout(self.budget_ms / MS_PER_S):
                return await asking

    async def begin(self, what: str, client: Client) -> None:
        """Let a client connect; one that cannot is let go of.

        Raises:
            BrokerUnreachableError: The broker does not answer within the budget.
            BrokerRefusedError: It lets nobody in who comes like this.
        """
        let_unasked_pass(asyncio.get_running_loop())
        with heard() as unsaid, self.asking(what, unsaid):
            await begun(client, budget_ms=self.budget_ms)

    async def let_go(self, client: Client) -> None:
        """End a client within the budget; where it cannot end well, it ends all the same."""
        if (why := await ended(client, budget_ms=self.budget_ms)) is not None:
            _LOG.debug("a client did not end well: %s", why)

    def abandon(self, client: Client) -> None:
        """End a client that failed, at once: whoever is told so may say the same by another.

        What it has not sent yet is not sent; nobody waits until it is gone.
        """
        unattended(ended(client, budget_ms=0))

    @contextmanager
    def asking(self, asked: str, unsaid: Sequence[BaseException] = ()) -> Iterator[None]:
        """Turn what a client raises inside into an error of ours.

        Args:
            asked: What the broker is asked for.
            unsaid: What the client ran into, and does not raise.

        Raises:
            BrokerUnreachableError: The broker does not answer.
            BrokerRefusedError: It answers that it will not.
        """
        try:
            yield
        except (TimeoutError, KafkaError, OSError) as error:
            raise (
                refused(asked, [error, *unsaid]) or self.unreachable(asked, _said(error))
            ) from error
        except AssertionError as error:
            if str(error) != _NOBODY:
                raise
            raise self.unreachable(asked, "one that knows of no broker") from error

    def unreachable(self, asked: str, found: str) -> BrokerUnreachableError:
        """Return that nobody answers."""
        return BrokerUnreachableError(
            asked=asked,
            bootstrap=self.options["bootstrap_servers"],
            budget_ms=self.budget_ms,
            found=found,
        )


def connection_to(access: BrokerAccess, *, client_id: str, budget_ms: int) -> Connection:
    """Return how to reach the broker that ``access`` names; nothing is asked of it yet.

    Raises:
        AccessFileError: A file of the access cannot be read.
        AccessIncompleteError: Name or password is wanted and was not given.
    """
    return Connection(options=client_options(access), client_id=client_id, budget_ms=budget_ms)


def _said(error: Exception) -> str:
    """Return what an error is and says."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
