"""The endpoint as a server: one request after the other, answered as the script says.

A connection stays after an answer that came whole as a chat completion, and ends after any other.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import httptools

from torghut.adapters.endpoint.chat import ChatRequest, http_response, json_body, read_request
from torghut.adapters.endpoint.faults import FAULTS, Exchange
from torghut.adapters.endpoint.script import Step
from torghut.adapters.sockets.conversing import Met, conversing
from torghut.kernel.units import MS_PER_S

_READ: Final = 65_536
_BODY_MAX: Final = 4 * 1024 * 1024
_REQUEST_MS: Final = 10_000


@dataclass(slots=True, kw_only=True)
class Served:
    """What an endpoint did so far.

    Attributes:
        url: Where it listens, as clients name it.
        requests: Steps that requests got, oldest first.
        unauthorised: Requests without a bearer token.
        under_way: Requests that are being answered.
        most_at_once: Of those, ever.
    """

    url: str = ""
    requests: list[str] = field(default_factory=list)
    unauthorised: int = 0
    under_way: int = 0
    most_at_once: int = 0


@asynccontextmanager
async def serve_endpoint(
    script: Iterable[Step], *, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """Answer requests while the block lasts.

    Args:
        script: What is done with each request, in the order they are read; it does not end.
        host: To listen on.
        port: 0 for any that is free.
        tls: To speak TLS; None for plain HTTP.
    """
    served = Served()
    steps = iter(script)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The client may leave at any time, which is what some of them must do.
        with suppress(ConnectionError, TimeoutError, ssl.SSLError):
            while await _converse(reader, writer, steps, served):
                pass

    def listen(met: Met) -> Awaitable[asyncio.Server]:
        return asyncio.start_server(met, host, port, ssl=tls)

    async with conversing(answer, listen) as server:
        at = server.sockets[0].getsockname()
        served.url = f"{'https' if tls else 'http'}://{host}:{at[1]}/v1"
        yield served


async def _converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    steps: Iterator[Step],
    served: Served,
) -> bool:
    """Read one request and answer it; say whether the connection stays for another one."""
    async with asyncio.timeout(_REQUEST_MS / MS_PER_S):
        request = await _read(reader)
    if request is None:
        writer.write(http_response(400, json_body({"error": {"message": "no request"}})))
        return False
    step = next(steps)
    served.requests.append(step.fault)
    served.unauthorised += not request.authorised
    served.under_way += 1
    served.most_at_once = max(served.most_at_once, served.under_way)
    try:
        here = served.url.removesuffix("/v1")
        exchange = Exchange(request=request, writer=writer, ms=step.ms, here=here)
        await FAULTS[step.fault](exchange)
    finally:
        served.under_way -= 1
    return exchange.stays


async def _read(reader: asyncio.StreamReader) -> ChatRequest | None:
    """Return the request of a connection; None where there is none that can be read."""
    read = _Read()
    parser = httptools.HttpRequestParser(read)
    try:
        while not read.whole:
            data = await reader.read(_READ)
            if not data or len(read.body) > _BODY_MAX:
                return None
            parser.feed_data(data)
    except httptools.HttpParserError:
        return None
    return read_request(read.url.decode("latin-1"), read.headers, bytes(read.body))


@dataclass(slots=True)
class _Read:
    """A request on its way in, as the parser tells of it."""

    url: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True
