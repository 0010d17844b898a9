"""Asking an API the way any program would: bytes into a socket, bytes out of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from typing_extensions import override

from tests.fakes.clock import HandClock, Stopwatch
from tests.fakes.desk import FakeDesk
from tests.fakes.observing import KeptJournal, RecordedTelemetry
from torghut.adapters.http.limits import HttpLimits, http_limits
from torghut.adapters.http.serving import serve_http
from torghut.entrypoints.api.application import Api, api
from torghut.kernel.errors import TorghutError
from torghut.workflows.live.access.gate import Gatekeeper
from torghut.workflows.live.access.rates import Rates
from torghut.workflows.live.access.tokens import Keyring, TokenSource, parse_tokens
from torghut.workflows.live.observing.requests import RequestObserver
from torghut.workflows.live.observing.tracing import SILENT_TRACER

TOKENS: Final[Mapping[str, str]] = {
    "read": "r" * 43,
    "report": "p" * 43,
    "operate": "o" * 43,
}
"""A token for each role."""

METRICS: Final = b"# HELP torghut_up Whether it is.\n# TYPE torghut_up gauge\ntorghut_up 1.0\n"
END_S: Final = 5.0


@dataclass(slots=True)
class HandKeyring(TokenSource):
    """Tokens that a test changes."""

    ring: Keyring = field(
        default_factory=lambda: parse_tokens(
            "".join(f"{role} {role}-1 {token}\n" for role, token in TOKENS.items()), "tokens"
        )
    )

    trouble: TorghutError | None = None

    @override
    def keyring(self) -> Keyring:
        if self.trouble is not None:
            raise self.trouble
        return self.ring


@dataclass(slots=True, kw_only=True)
class Bench:
    """An API around a fake desk.

    Attributes:
        desk: It.
        tokens: Those that are good.
        failures: What nobody foresaw.
        app: The API.
        journal: The service's own log.
    """

    desk: FakeDesk
    tokens: HandKeyring
    failures: list[Exception]
    app: Api
    journal: KeptJournal


def bench(desk: FakeDesk | None = None) -> Bench:
    """Return an API around a desk."""
    desk = desk or FakeDesk()
    tokens = HandKeyring()
    failures: list[Exception] = []
    gate = Gatekeeper(
        tokens=tokens,
        rates=Rates(per_s=desk.policy.door.requests_per_s, steady=Stopwatch()),
    )
    journal = KeptJournal()
    observer = RequestObserver(
        telemetry=RecordedTelemetry(),
        journal=journal,
        tracer=SILENT_TRACER,
        wall=HandClock(),
        steady=Stopwatch(),
    )
    app = api(desk, gate, metrics=lambda: METRICS, failed=failures.append, observer=observer)
    return Bench(desk=desk, tokens=tokens, failures=failures, app=app, journal=journal)


@asynccontextmanager
async def served(
    made: Bench, folder: Path, limits: HttpLimits | None = None
) -> AsyncIterator[Path]:
    """Serve an API on a Unix socket in ``folder``."""
    path = folder / "api.sock"
    bounds = limits or http_limits(made.desk.policy)
    async with serve_http(made.app, listen=f"unix:{path}", limits=bounds):
        yield path


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body, which is one JSON object."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    @property
    def lines(self) -> list[dict[str, object]]:
        """The body, which is JSON lines."""
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def code(self) -> object:
        """The code of a fault, whose type is checked too."""
        assert self.headers["content-type"] == "application/json", self
        assert self.json["type"] == "live.fault.v1", self
        return self.json["code"]


def request(
    method: str,
    target: str,
    *,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> bytes:
    """Return a request as bytes; the connection ends with its answer."""
    said = {"Host": "localhost", "Connection": "close"}
    if token is not None:
        said["Authorization"] = f"Bearer {token}"
    if body is not None:
        said |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    said |= headers or {}
    lines = [f"{method} {target} HTTP/1.1", *(f"{key}: {value}" for key, value in said.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


async def ask(path: Path, sent: bytes) -> Answer:
    """Send bytes and return the answer, once the connection has ended."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        writer.write(sent)
        async with asyncio.timeout(END_S):
            return parse_answer(await read_all(reader))
    finally:
        writer.close()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Return everything until the end; a connection that was reset has ended too."""
    found = bytearray()
    try:
        while chunk := await reader.read(65_536):
            found += chunk
    except ConnectionResetError:
        pass
    return bytes(found)


def parse_answer(raw: bytes) -> Answer:
    """Return the one response that ``raw`` holds."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        key, _, value = line.partition(": ")
        assert key not in headers, f"{key} twice"
        headers[key] = value
    if headers.get("transfer-encoding") == "chunked":
        body = unchunked(body)
    else:
        assert len(body) == int(headers.get("content-length", "0")), raw
    return Answer(status=int(first.split(" ")[1]), headers=headers, body=body)


def unchunked(body: bytes) -> bytes:
    """Return a body without the marks of its chunks; one that was cut off is as it came."""
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        found += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return found
