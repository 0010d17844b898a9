"""One call of a chat completions endpoint: one attempt, one deadline, and so many bytes at most.

The client follows no redirect, reads no proxy from the environment, unpacks nothing and tries
nothing again. Its own timeouts are per read, which a server that drips bytes never trips; the
deadline is over the whole call.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx
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

# Who asks bounds how many calls there are at once, and each connection is worth keeping: another
# one costs a handshake. A server may close what rests for 5 s, as uvicorn does; whoever writes to
# it in that moment has lost a call that nobody tries again.
_CONNECTIONS: Final = httpx.Limits(
    max_connections=None, max_keepalive_connections=None, keepalive_expiry=4.0
)

_OK: Final = 200
_THROTTLED: Final = 429
_UNAUTHORISED: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where calls go.

    Attributes:
        url: Of the API, up to and with its version.
        key: Bearer token; empty for none. It is in no error and no record.
        ca_file: Certificates that are trusted; None for the system's.
    """

    url: str
    key: str = ""
    ca_file: str | None = None

    def __repr__(self) -> str:
        """Return where it is, without the key."""
        return f"Endpoint(url={self.url!r})"


def trusted(endpoint: Endpoint) -> ssl.SSLContext:
    """Return whom to believe that they are the endpoint, whatever the environment says."""
    verify = httpx.create_ssl_context(trust_env=False)
    if endpoint.ca_file is not None:
        verify.load_verify_locations(endpoint.ca_file)
    return verify


class EndpointCaller(Caller):
    """A client of one endpoint; ``close`` it.

    Args:
        endpoint: Where calls go.
        steady: What deadlines are measured on.
    """

    def __init__(self, endpoint: Endpoint, steady: SteadyClock) -> None:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        if endpoint.key:
            headers["authorization"] = f"Bearer {endpoint.key}"
        self._key = endpoint.key
        self._url = f"{endpoint.url.rstrip('/')}/chat/completions"
        self._steady = steady
        self._client = httpx.AsyncClient(
            headers=headers,
            verify=trusted(endpoint),
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113 - the deadline is over the whole call
            limits=_CONNECTIONS,
            transport=None,
        )

    @override
    async def call(self, body: Mapping[str, object], *, step: str, deadline_ns: int) -> bytes:
        """Return the body of the reply, whole.

        Args:
            body: The request, as JSON values.
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
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise EndpointUnreachableError(found=type(error).__name__) from error

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def _exchange(self, body: Mapping[str, object]) -> bytes:
        """Send a request and read its reply."""
        async with self._client.stream("POST", self._url, json=body) as response:
            _check(response)
            found = bytearray()
            async for part in response.aiter_raw():
                found += part
                if len(found) > REPLY_MAX:
                    raise ReplyOversizedError(limit=REPLY_MAX)
            if self._key and repeats(bytes(found), self._key):  # replies are kept, keys nowhere
                raise ReplyMalformedError(place="body", expected="no secret", found="the key")
            return bytes(found)


def _check(response: httpx.Response) -> None:
    """Refuse a reply for its head alone."""
    status = response.status_code
    if status in _UNAUTHORISED:
        raise EndpointUnauthorisedError(status=status)
    if status == _THROTTLED:
        raise EndpointThrottledError
    if status != _OK:
        raise EndpointRefusedError(status=status)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ReplyMalformedError(
            place="content-type", expected="application/json", found=kind or "none"
        )
    if (packed := response.headers.get("content-encoding", "identity")) != "identity":
        raise ReplyMalformedError(
            place="content-encoding", expected="none, as was asked", found=packed
        )
    length = response.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > REPLY_MAX:
        raise ReplyOversizedError(limit=REPLY_MAX)
