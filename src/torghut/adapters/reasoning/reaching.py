"""An endpoint reached one stage at a time, each by itself, as a call reaches it all at once."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

from typing_extensions import override

from torghut.adapters.reasoning.calling import Endpoint, trusted
from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.errors import DeadlineError, EndpointUnreachableError
from torghut.schemas.reasoning.context import AdviceContext
from torghut.workflows.reasoning.probing import EndpointStages

T = TypeVar("T")

FirstStep = Callable[[AdviceContext, int], Awaitable[str]]

_PORTS: Final = {"http": 80, "https": 443}
_ADDRESSES_MAX: Final = 4


class ReachedEndpoint(EndpointStages):
    """One endpoint.

    Args:
        endpoint: Where it is.
        first_step: Asks one step there, as every question is asked, and says what came.
        steady: What deadlines are measured on.
    """

    def __init__(self, endpoint: Endpoint, first_step: FirstStep, steady: SteadyClock) -> None:
        parts = urlsplit(endpoint.url)
        self._endpoint, self._first_step, self._steady = endpoint, first_step, steady
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]

    @override
    async def resolve(self, *, deadline_ns: int) -> str:
        loop = asyncio.get_running_loop()
        finding = loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        found = await self._within(finding, "its name", deadline_ns)
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        more = len(addresses) - _ADDRESSES_MAX
        shown = ", ".join(addresses[:_ADDRESSES_MAX])
        return shown if more <= 0 else f"{shown} and {more} more"

    @override
    async def connect(self, *, deadline_ns: int) -> str:
        await self._connected(None, "a connection", deadline_ns)
        return f"port {self._port} is open"

    @override
    async def encrypt(self, *, deadline_ns: int) -> str:
        if self._scheme == "http":
            return "none: plain HTTP, which does not leave this machine"
        return await self._connected(trusted(self._endpoint), "encryption", deadline_ns)

    @override
    async def ask(self, shown: AdviceContext, *, deadline_ns: int) -> str:
        return await self._first_step(shown, deadline_ns)

    async def _connected(self, tls: ssl.SSLContext | None, what: str, deadline_ns: int) -> str:
        """Connect, let go again, and return how it was encrypted."""
        opening = asyncio.open_connection(self._host, self._port, ssl=tls)
        _, writer = await self._within(opening, what, deadline_ns)
        try:
            found: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
            return "" if found is None else f"{found.version()}, its certificate is trusted"
        finally:
            writer.transport.abort()

    async def _within(self, doing: Awaitable[T], what: str, deadline_ns: int) -> T:
        """Return what comes of something in time."""
        left_s = max(0, deadline_ns - self._steady.now_ns()) / NS_PER_S
        try:
            async with asyncio.timeout(left_s):
                return await doing
        except TimeoutError as error:
            raise DeadlineError(step=what) from error
        except ssl.SSLCertVerificationError as error:
            found = f"a certificate that is not trusted: {error.verify_message}"
            raise EndpointUnreachableError(found=found) from error
        except (OSError, UnicodeError) as error:
            raise EndpointUnreachableError(found=_words(error)) from error


def _words(error: Exception) -> str:
    """Return what happened, without addresses."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
