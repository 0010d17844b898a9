"""One call of a chat completions endpoint: one attempt, one deadline, and so many bytes at most.

The client follows no redirect, reads no proxy from the environment, keeps no cookie, unpacks
nothing and tries nothing again. The deadline is over the whole call, so that a server that drips
bytes does not outlast it. aiohttp parses in C: httpx took 45 % of what a question cost.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp
import certifi
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from typing_extensions import override

from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.errors import (
    DeadlineError,
    EndpointRefusedError,
    EndpointThrottledError,
    EndpointUnauthorisedError,
    EndpointUnreachableError,
    ReplyMalformedError,
    ReplyOversizedError,
)
from torghut.reasoning.replies import repeats
from torghut.workflows.reasoning.ports import Caller

REPLY_MAX: Final = 256 * 1024
"""Bytes of a reply that are read at most."""

# Each connection is worth keeping: another one costs a handshake. A server may close what rests for
# 5 s, as uvicorn does; whoever writes to it in that moment has lost a call that nobody tries again.
_KEPT_S: Final = 4.0

_OK: Final = 200
_THROTTLED: Final = 429
_UNAUTHORISED: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where calls go.

    Attributes:
        url: Of the API, up to and with its version.
        key: Bearer token; empty for none. It is in no error and no record.
        ca_file: Certificates that are trusted beside those of public authorities; None for none.
    """

    url: str
    key: str = ""
    ca_file: str | None = None

    def __repr__(self) -> str:
        """Return where it is, without the key."""
        return f"Endpoint(url={self.url!r})"


def trusted(endpoint: Endpoint) -> ssl.SSLContext:
    """Return whom to believe that they are the endpoint, whoever the system trusts besides.

    Names and certificates are checked, as the protocol's side of a client has it.
    """
    # Not ssl.create_default_context: with SSLKEYLOGFILE it writes every connection's keys down.
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    verify.load_verify_locations(certifi.where())
    if endpoint.ca_file is not None:
        verify.load_verify_locations(endpoint.ca_file)
    return verify


class _QuietConnections(aiohttp.TCPConnector):
    """Connections, of which none is used again that said something while nobody asked.

    What an endpoint sends then would be read as the reply to the next request.
    """

    @override
    async def _get(
        self, key: ConnectionKey, traces: list[aiohttp.tracing.Trace]
    ) -> Connection | None:
        while (found := await super()._get(key, traces)) is not None:
            if found.protocol is not None and not found.protocol.should_close:
                break
            found.close()
        return found


class EndpointCaller(Caller):
    """A client of one endpoint; ``close`` it.

    Args:
        endpoint: Where calls go.
        steady: What deadlines are measured on.
    """

    def __init__(self, endpoint: Endpoint, steady: SteadyClock) -> None:
        self._headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/json",
        }
        if endpoint.key:
            self._headers["authorization"] = f"Bearer {endpoint.key}"
        self._key = endpoint.key
        self._url = f"{endpoint.url.rstrip('/')}/chat/completions"
        self._steady = steady
        self._trusted = trusted(endpoint)
        self._session: aiohttp.ClientSession | None = None

    @override
    async def call(self, body: bytes, *, step: str, deadline_ns: int) -> bytes:
        """Return the body of the reply, whole.

        Args:
            body: The request, as canonical JSON.
            step: What is asked, for people.
            deadline_ns: On the steady clock.

        Raises:
            AdviceFaultError: There is none.
        """
        left_s = (deadline_ns - self._steady.now_ns()) / NS_PER_S
        if left_s <= 0:
            raise DeadlineError(step=step)
        try:
            async with asyncio.timeout(left_s):
                return await self._exchange(body)
        except TimeoutError as error:
            raise DeadlineError(step=step) from error
        except aiohttp.ClientResponseError:  # it holds the reply, and the key that was sent
            raise EndpointUnreachableError(found="what is no HTTP") from None
        # No name is the one, a connection that broke while a reply came in the other.
        except (aiohttp.ClientError, OSError, UnicodeError, RuntimeError) as error:
            raise EndpointUnreachableError(found=type(error).__name__) from error

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    async def _exchange(self, body: bytes) -> bytes:
        """Send a request and read its reply."""
        if self._session is None:
            self._session = self._open()
        async with self._session.post(self._url, data=body, allow_redirects=False) as response:
            _check(response)
            found = bytearray()
            with _heard_of_its_end(response):
                async for part in response.content.iter_any():
                    found += part
                    if len(found) > REPLY_MAX:
                        raise ReplyOversizedError(limit=REPLY_MAX)
            if self._key and repeats(bytes(found), self._key):  # replies are kept, keys nowhere
                raise ReplyMalformedError(place="body", expected="no secret", found="the key")
            return bytes(found)

    def _open(self) -> aiohttp.ClientSession:
        """Return a client of the loop that runs; whoever asks bounds how many calls it makes."""
        return aiohttp.ClientSession(
            connector=_QuietConnections(
                limit=0,
                keepalive_timeout=_KEPT_S,
                resolver=aiohttp.ThreadedResolver(),
                ssl=self._trusted,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            auto_decompress=False,
        )


@contextmanager
def _heard_of_its_end(response: aiohttp.ClientResponse) -> Iterator[None]:
    """Let a reply end with its connection, which aiohttp closes on a chunk that is none.

    Whoever reads on is not told of that, and would wait until the deadline.
    """
    protocol = response.connection.protocol if response.connection is not None else None
    closed = protocol.closed if protocol is not None else None
    if closed is None:  # the reply is whole already
        yield
        return

    def end(_: object) -> None:
        if not response.content.is_eof() and response.content.exception() is None:
            response.content.set_exception(aiohttp.ClientPayloadError())

    closed.add_done_callback(end)
    try:
        yield
    finally:
        closed.remove_done_callback(end)


def _check(response: aiohttp.ClientResponse) -> None:
    """Refuse a reply for its head alone."""
    status = response.status
    if status in _UNAUTHORISED:
        raise EndpointUnauthorisedError(status=status)
    if status == _THROTTLED:
        raise EndpointThrottledError
    if status != _OK:
        raise EndpointRefusedError(status=status)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ReplyMalformedError(
            place="content-type", expected="application/json", found="another" if kind else "none"
        )
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ReplyMalformedError(
            place="content-encoding", expected="none, as was asked", found="another"
        )
    length = response.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > REPLY_MAX:
        raise ReplyOversizedError(limit=REPLY_MAX)
