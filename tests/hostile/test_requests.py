"""Whatever bytes come to the API: nobody gets in, nothing fails, and the next one is answered."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.desk import FakeDesk, policy_with
from tests.support.live.asking import (
    END_S,
    TOKENS,
    Answer,
    Bench,
    ask,
    bench,
    parse_answer,
    read_all,
    request,
    served,
)
from torghut.adapters.http.limits import HttpLimits, http_limits

CONTEXT: Final = json.dumps(
    {"feed": "desk-1", "symbol": "fxcm:EURUSD", "sequence": 1, "bid": 1.0}
).encode()
READ: Final = f"Authorization: Bearer {TOKENS['read']}\r\n"
SEND: Final = f"Authorization: Bearer {TOKENS['report']}\r\nContent-Type: application/json\r\n"
FAST: Final = HttpLimits(
    connections_max=100,
    request_ms=100,
    send_ms=100,
    message_bytes=65_536,
    idle_ms=100,
    close_ms=100,
)


def exchanged(
    folder: Path,
    pieces: Iterable[bytes],
    *,
    made: Bench | None = None,
    limits: HttpLimits = FAST,
    pause_s: float = 0.0,
) -> bytes:
    """Return everything that comes back for some bytes, and see that the next one is answered."""
    made = made or bench()

    async def work() -> bytes:
        async with served(made, folder, limits) as path:
            reader, writer = await asyncio.open_unix_connection(str(path))
            reading = asyncio.create_task(read_all(reader))
            try:
                for piece in pieces:
                    writer.write(piece)
                    await asyncio.sleep(pause_s)
                    if reading.done():
                        break
                async with asyncio.timeout(END_S):
                    found = await reading
            finally:
                writer.close()
            good = await ask(path, request("GET", "/v1/status", token=TOKENS["read"]))
            assert good.status == 200
            return found

    found = asyncio.run(work())
    assert made.failures == []
    return found


def answered(folder: Path, sent: bytes, made: Bench | None = None) -> Answer:
    """Return the one answer to some bytes."""
    return parse_answer(exchanged(folder, [sent], made=made))


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /v1/status HTTP/1.1\r\nHost: x\r\n",
        b"GET /v1/sta",
        b"\r\n\r\n\r\n",
        f"POST /v1/contexts HTTP/1.1\r\n{SEND}Content-Length: 9\r\n\r\n{{".encode(),
        f"POST /v1/contexts HTTP/1.1\r\n{SEND}Transfer-Encoding: chunked\r\n\r\n5\r\nab".encode(),
    ],
)
def test_a_request_that_is_not_whole_in_time_is_ended(tmp_path: Path, sent: bytes) -> None:
    made = bench()
    found = answered(tmp_path, sent, made)

    assert (found.status, found.code) == (408, "http.request-late")
    assert made.desk.offers == []


def test_a_connection_that_says_nothing_is_closed(tmp_path: Path) -> None:
    assert exchanged(tmp_path, []) == b""


@pytest.mark.parametrize("part", ["header", "body"])
def test_a_request_that_trickles_in_is_ended(tmp_path: Path, part: str) -> None:
    head = f"POST /v1/contexts HTTP/1.1\r\n{SEND}Content-Length: 500\r\n\r\n".encode()
    pieces = [b"GET / HTTP/1.1\r\nX: "] if part == "header" else [head]
    pieces += [b"x"] * 400
    sent = 0

    def trickle() -> Iterator[bytes]:
        nonlocal sent
        for piece in pieces:
            yield piece
            sent += 1

    found = parse_answer(exchanged(tmp_path, trickle(), pause_s=0.005))

    assert found.code == "http.request-late"
    assert sent < 100


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 9_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100 + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 500_000,
        b"GET / HTTP/1.1\r\n" + b"a" * 500_000,
        b"GET /?" + b"a" * 500_000,
        f"POST /v1/contexts HTTP/1.1\r\n{SEND}Transfer-Encoding: chunked\r\n\r\n0\r\n".encode()
        + b"X: y\r\n" * 2_000,
    ],
)
def test_what_precedes_the_body_is_bounded(tmp_path: Path, sent: bytes) -> None:
    found = answered(tmp_path, sent)

    assert (found.status, found.code) == (431, "http.header-too-long")


SMALL: Final = policy_with(door={"body_bytes": 1024})


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 1025\r\n\r\n" + b" " * 1025,
        b"Content-Length: 1025\r\n\r\n",
        b"Content-Length: 99999999999999\r\n\r\n" + b" " * 9_000,
        b"Transfer-Encoding: chunked\r\n\r\n" + b"100\r\n" + b" " * 256 + b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n" + b" " * 9_000,
    ],
)
def test_a_body_is_counted_while_it_comes(tmp_path: Path, rest: bytes) -> None:
    made = bench(FakeDesk(bound=SMALL))
    head, _, body = rest.partition(b"\r\n\r\n")
    if body.startswith(b"100\r\n"):
        body *= 6
    sent = f"POST /v1/contexts HTTP/1.1\r\n{SEND}".encode() + head + b"\r\n\r\n" + body
    found = answered(tmp_path, sent, made)

    assert (found.status, found.code) == (413, "api.body-too-long")
    assert found.headers["connection"] == "close"
    assert made.desk.offers == []


def test_a_body_shorter_than_said_is_never_taken(tmp_path: Path) -> None:
    made = bench()
    head = f"POST /v1/contexts HTTP/1.1\r\n{SEND}Content-Length: {len(CONTEXT) + 1}\r\n\r\n"
    found = answered(tmp_path, head.encode() + CONTEXT, made)

    assert found.code == "http.request-late"
    assert made.desk.offers == []


def test_a_body_longer_than_said_is_read_as_said(tmp_path: Path) -> None:
    made = bench()
    head = f"POST /v1/contexts HTTP/1.1\r\n{SEND}Content-Length: {len(CONTEXT)}\r\n\r\n"
    found = exchanged(tmp_path, [head.encode() + CONTEXT + b"\x00garbage\r\n\r\n"], made=made)

    assert found.count(b"HTTP/1.1 200 OK") <= 1
    assert b"HTTP/1.1 500" not in found
    assert len(made.desk.offers) <= 1


RESPONSE: Final = re.compile(rb"HTTP/1\.1 [0-9]{3} ")
SMUGGLED: Final = b"GET /v1/status HTTP/1.1\r\n" + READ.encode() + b"\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 0\r\nContent-Length: 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length: 5\r\n folded\r\n",
        b"X: a\nContent-Length: 5\r\n",
        b"X: a\x00b\r\n",
        b"X\x00: b\r\n",
        b": nameless\r\n",
    ],
)
def test_a_request_that_two_readers_could_read_differently_is_refused(
    tmp_path: Path, headers: bytes
) -> None:
    made = bench()
    sent = f"POST /v1/contexts HTTP/1.1\r\n{SEND}".encode() + headers + b"\r\n0\r\n\r\n" + SMUGGLED
    found = exchanged(tmp_path, [sent], made=made)

    assert len(RESPONSE.findall(found)) == 1
    assert found.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 422 ", b"HTTP/1.1 408 "))
    assert b"live.worker-status.v1" not in found
    assert made.desk.offers == []


TRAVERSALS: Final = (
    "/../../etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/v1/../../../etc/passwd",
    "/v1/switches/../../status/release",
    "/v1/switches/..%2f..%2fstatus/release",
    "/v1/status%00.json",
    "/v1/status/..",
    "/./v1/status",
    "/healthz/../v1/status",
    "/healthz%2f..%2fv1%2fstatus",
    "/healthz;/v1/status",
    "/openapi.json/../../pyproject.toml",
    "/file:///etc/passwd",
    "/\\..\\..\\etc\\passwd",
    "/%c0%ae%c0%ae/etc/passwd",
)


@pytest.mark.parametrize("target", TRAVERSALS)
@pytest.mark.parametrize("token", [None, TOKENS["operate"]])
def test_no_path_leads_anywhere_else(tmp_path: Path, target: str, token: str | None) -> None:
    found = answered(tmp_path, request("GET", target, token=token))

    assert found.status in ({401} if token is None else {400, 404, 422}), found
    assert b"root:" not in found.body


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://elsewhere/v1/status", 200),
        ("http://elsewhere/etc/passwd", 404),
        ("*", 404),
        ("", 400),
        ("v1/status", 400),
        ("//elsewhere/v1/status", 404),
        ("/v1/st\u00e4tus", 400),
    ],
)
def test_the_form_of_a_target_changes_nothing(tmp_path: Path, target: str, status: int) -> None:
    found = answered(tmp_path, request("GET", target, token=TOKENS["read"]))

    assert found.status == status


@pytest.mark.parametrize(
    "target",
    [
        "/v1/outcomes?context_id=%0d%0aSet-Cookie:%20a=b",
        "/v1/decisions?after=%0d%0aX-Evil:1",
        "/%0d%0aX-Evil:%201",
        "/v1/switches/%0d%0aX-Evil:1/release",
        "/v1/status?%0d%0aX-Evil:1=1",
    ],
)
def test_nothing_that_comes_is_repeated_in_a_header(tmp_path: Path, target: str) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Request-Id": "evil"}
    found = answered(tmp_path, request("GET", target, token=TOKENS["read"], headers=headers))

    assert found.status in {404, 405, 422}
    assert "evil" not in repr(found.headers).lower()
    assert {"set-cookie", "location"}.isdisjoint(found.headers)


def test_the_host_that_is_named_does_not_matter(tmp_path: Path) -> None:
    for host in ("evil.example", "", "a" * 500):
        sent = request("GET", "/v1/status", token=TOKENS["read"], headers={"Host": host})

        assert answered(tmp_path, sent).status == 200


def test_a_head_without_a_body_is_answered_without_one(tmp_path: Path) -> None:
    found = exchanged(tmp_path, [request("HEAD", "/v1/status", token=TOKENS["read"])])

    assert found.startswith(b"HTTP/1.1 405 ")
    assert found.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("upgrade", ["h2c", "TLS/1.0", "websocket, h2c", "WebSocket/99"])
def test_no_other_protocol_is_spoken(tmp_path: Path, upgrade: str) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": upgrade, "HTTP2-Settings": "AAMAAABkAAQAoAAA"}
    found = exchanged(tmp_path, [request("GET", "/v1/status", headers=headers)])

    assert b" 101 " not in found
    assert b"live.worker-status.v1" not in found


@pytest.mark.parametrize("method", ["CONNECT", "PRI", "GET\t", "get", "G" * 100])
def test_no_other_method_is_spoken(tmp_path: Path, method: str) -> None:
    found = exchanged(tmp_path, [f"{method} /v1/status HTTP/1.1\r\n{READ}\r\n".encode()])

    assert b"HTTP/1.1 2" not in found
    assert b"HTTP/1.1 5" not in found


@pytest.mark.parametrize("version", ["HTTP/0.9", "HTTP/2.0", "HTTP/1.9", "HTCPCP/1.0", ""])
def test_no_other_version_is_spoken(tmp_path: Path, version: str) -> None:
    found = exchanged(tmp_path, [f"GET /v1/status {version}\r\n{READ}\r\n".encode()])

    assert b" 500 " not in found
    assert b"live.worker-status.v1" not in found


def test_what_is_wrong_with_the_next_request_is_no_answer_to_this_one(tmp_path: Path) -> None:
    made = bench(FakeDesk(slow_s=0.05))
    first = request(
        "POST", "/v1/contexts", token=TOKENS["report"], body=CONTEXT, headers={"Connection": "x"}
    )
    found = exchanged(tmp_path, [first + b"\x00\x01garbage\r\n\r\n"], made=made)

    assert found.startswith(b"HTTP/1.1 200 ")
    assert len(RESPONSE.findall(found)) == 1


def test_many_requests_on_one_connection_are_answered_in_order(tmp_path: Path) -> None:
    kept = {"Connection": "keep-alive"}
    sent = [
        request("GET", target, token=TOKENS["read"], headers=kept)
        for target in ("/v1/status", "/nothing", "/metrics") * 20
    ]
    last = request("GET", "/healthz")
    found = exchanged(tmp_path, [b"".join(sent) + last], limits=replace(FAST, request_ms=2000))

    statuses = [int(part[:3]) for part in found.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 404, 200] * 20 + [200]


def test_one_connection_more_than_may_be_open_is_refused(tmp_path: Path) -> None:
    limits = replace(FAST, connections_max=2, request_ms=2000)

    async def work() -> Answer:
        async with served(bench(), tmp_path, limits) as path:
            held = [await asyncio.open_unix_connection(str(path)) for _ in range(2)]
            found = await ask(path, b"")
            for _, writer in held:
                writer.close()
            await asyncio.sleep(0.01)
            assert (await ask(path, request("GET", "/healthz"))).status == 200
            return found

    found = asyncio.run(work())
    assert (found.status, found.code) == (503, "http.connections-exhausted")


def test_a_reader_that_takes_nothing_is_let_go(tmp_path: Path) -> None:
    made = bench(FakeDesk(bound=policy_with(telling={"send_ms": 100})))
    for _ in range(2_000):
        made.desk.publish(b'{"x":"' + b"x" * 1_000 + b'"}')
    limits = http_limits(made.desk.policy)

    async def work() -> None:
        async with served(made, tmp_path, limits) as path:
            _, writer = await asyncio.open_unix_connection(str(path), limit=1024)
            sent = request("GET", "/v1/decisions?after=start&follow=1", token=TOKENS["read"])
            writer.write(sent)
            async with asyncio.timeout(END_S):
                await made.desk.left.wait()
            writer.close()

    asyncio.run(work())
    assert made.app.subscribers() == 0


PARTS: Final = (
    b"GET ",
    b"POST ",
    b"/v1/status",
    b"/v1/contexts",
    b"/v1/stream",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    READ.encode(),
    SEND.encode(),
    b"Content-Length: 5\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    b"Expect: 100-continue\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"\x81\x85",
    b"\x00",
    CONTEXT,
)


@settings(max_examples=60)
@given(st.lists(st.one_of(st.sampled_from(PARTS), st.binary(max_size=30)), max_size=14))
def test_no_sequence_of_bytes_fails_the_service(parts: Sequence[bytes]) -> None:
    with TemporaryDirectory() as folder:
        limits = replace(FAST, request_ms=20, idle_ms=1_000, close_ms=20)
        made = bench()

        async def work() -> bytes:
            async with served(made, Path(folder), limits) as path:
                reader, writer = await asyncio.open_unix_connection(str(path))
                writer.write(b"".join(parts))
                writer.write_eof()
                await asyncio.sleep(0.002)
                found = await ask(path, request("GET", "/healthz"))
                assert found.status == 200
                writer.close()
                return await read_all(reader)

        assert b"HTTP/1.1 500" not in asyncio.run(work())
        assert made.failures == []
