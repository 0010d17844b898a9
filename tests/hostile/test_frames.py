"""Whatever frames come over a WebSocket: it ends by the book, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.desk import FakeDesk, policy_with
from tests.support.live.asking import END_S, TOKENS, Answer, Bench, ask, bench, request, served
from torghut.adapters.http.limits import HttpLimits, http_limits

KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK: Final = b"\x01\x02\x03\x04"


def frame(opcode: int, payload: bytes = b"", *, first: int = 0x80, masked: bool = True) -> bytes:
    """Return a frame as a client sends it; ``first`` is FIN and the reserved bits."""
    mark = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        head = bytes((first | opcode, mark | size))
    elif size < 65_536:
        head = bytes((first | opcode, mark | 126)) + struct.pack("!H", size)
    else:
        head = bytes((first | opcode, mark | 127)) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))


def handshake(**changed: str | None) -> bytes:
    """Return a handshake, with headers changed or left out."""
    headers: dict[str, str | None] = {
        "Host": "localhost",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
        "Authorization": f"Bearer {TOKENS['report']}",
    }
    headers |= {key.replace("_", "-"): value for key, value in changed.items()}
    said = [f"{key}: {value}" for key, value in headers.items() if value is not None]
    return "\r\n".join(["GET /v1/stream HTTP/1.1", *said, "", ""]).encode()


@asynccontextmanager
async def raw(path: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a stream by hand."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(handshake())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"date:" not in head.lower()
    assert b"server:" not in head.lower()
    try:
        yield reader, writer
    finally:
        writer.close()


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return opcode and payload of the next frame from the server."""
    first, size = await reader.readexactly(2)
    if size == 126:
        size = struct.unpack("!H", await reader.readexactly(2))[0]
    elif size == 127:
        size = struct.unpack("!Q", await reader.readexactly(8))[0]
    return first & 0x0F, await reader.readexactly(size)


async def closing_code(reader: asyncio.StreamReader) -> int | None:
    """Return the code that a connection is closed with; None if it just ends."""
    try:
        async with asyncio.timeout(END_S):
            while True:
                opcode, payload = await read_frame(reader)
                if opcode == CLOSE:
                    return int(struct.unpack("!H", payload[:2])[0]) if payload else 1005
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def ended(folder: Path, sent: bytes, made: Bench | None = None) -> int | None:
    """Return the code that a stream is closed with after some bytes; others go on meanwhile."""
    made = made or bench()

    async def work() -> int | None:
        async with served(made, folder) as path, raw(path) as (other, _):
            async with raw(path) as (reader, writer):
                writer.write(sent)
                found = await closing_code(reader)
            made.desk.change("stopped")
            async with asyncio.timeout(END_S):
                await other.readuntil(b'"stopped"')
            return found

    found = asyncio.run(work())
    assert made.failures == []
    assert made.desk.following == 0
    return found


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        (frame(TEXT, b"{}", masked=False), {1002}),
        (frame(TEXT, b"{}", first=0xC0), {1002}),
        (frame(TEXT, b"{}", first=0xF0), {1002}),
        (frame(0x3), {1002}),
        (frame(0xB), {1002}),
        (frame(CONT, b"x"), {1002}),
        (frame(TEXT, b"x", first=0) + frame(TEXT, b"y"), {1002}),
        (frame(PING, b"x", first=0), {1002}),
        (frame(PING, b"x" * 126), {1002}),
        (frame(CLOSE, b"x"), {1002}),
        (frame(CLOSE, struct.pack("!H", 999)), {1002}),
        (frame(CLOSE, struct.pack("!H", 1005)), {1002}),
        (frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), {1007}),
        (frame(TEXT, b"\xff\xfe"), {1007}),
        (frame(TEXT, b"\xc3", first=0) + frame(CONT, b"("), {1007}),
        (b"\x81\xff" + b"\xff" * 8, {1002, 1009}),
        (b"\x81\xff" + struct.pack("!Q", 2**40), {1009}),
        (frame(TEXT, b"x" * 4_097), {1009}),
        (frame(TEXT, b"x" * 3_000, first=0) + frame(CONT, b"x" * 3_000), {1009}),
        (frame(CLOSE, struct.pack("!H", 1000) + b"bye"), {1000}),
        (frame(CLOSE), {1005}),
        (frame(BINARY, b"{}"), {1003}),
    ],
)
def test_a_frame_that_breaks_the_rules_ends_the_stream(
    tmp_path: Path, sent: bytes, codes: set[int]
) -> None:
    made = bench(FakeDesk(bound=policy_with(door={"body_bytes": 4_096})))

    assert ended(tmp_path, sent, made) in codes


@pytest.mark.parametrize(
    "changed",
    [
        {"Sec_WebSocket_Version": "12"},
        {"Sec_WebSocket_Version": None},
        {"Sec_WebSocket_Key": None},
        {"Sec_WebSocket_Key": "short"},
        {"Sec_WebSocket_Key": "\xff"},
        {"Sec_WebSocket_Protocol": "@@@"},
        {"Connection": "Upgrade, @@@"},
        {"X": "a" * 9_000},
        {"Authorization": None},
        {"Authorization": "Bearer x"},
        {"Origin": "http://localhost"},
        {"Content_Length": "5"},
    ],
)
def test_a_handshake_that_breaks_the_rules_opens_nothing(
    tmp_path: Path, changed: dict[str, str | None]
) -> None:
    assert refused_handshake(tmp_path, handshake(**changed)).code is not None


def refused_handshake(folder: Path, sent: bytes) -> Answer:
    """Return how a handshake is refused."""
    made = bench()
    limits = replace(http_limits(made.desk.policy), request_ms=200, close_ms=100)

    async def work() -> Answer:
        async with served(made, folder, limits) as path:
            found = await ask(path, sent)
            assert (await ask(path, request("GET", "/healthz"))).status == 200
            return found

    found = asyncio.run(work())
    assert made.failures == []
    assert 400 <= found.status < 500
    return found


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
def test_only_a_get_opens_a_stream(tmp_path: Path, method: str) -> None:
    sent = handshake().replace(b"GET ", method.encode() + b" ", 1)

    assert refused_handshake(tmp_path, sent).code == "http.handshake-malformed"


def test_frames_that_come_before_the_stream_is_open_fail_nothing(tmp_path: Path) -> None:
    made = bench()

    async def work() -> None:
        async with served(made, tmp_path) as path:
            for early in (frame(TEXT, b"{}"), frame(0x3), b"\xff" * 100):
                reader, writer = await asyncio.open_unix_connection(str(path))
                writer.write(handshake() + early)
                await reader.readuntil(b"\r\n\r\n")
                writer.close()
            assert (await ask(path, request("GET", "/healthz"))).status == 200

    asyncio.run(work())
    assert made.failures == []


def test_a_stream_that_is_cut_off_is_forgotten(tmp_path: Path) -> None:
    made = bench()

    async def work() -> None:
        async with served(made, tmp_path) as path:
            async with raw(path) as (reader, writer):
                await reader.readexactly(1)
                writer.transport.abort()
            async with asyncio.timeout(END_S):
                await made.desk.left.wait()

    asyncio.run(work())
    assert made.app.subscribers() == 0


SEND_MS: Final = 500
"""How long somebody may take nothing; others would wait for as long, were they made to wait."""

QUICK: Final = policy_with(telling={"heartbeat_ms": 20, "send_ms": SEND_MS})


def big(made: Bench, count: int) -> None:
    """Tell a lot."""
    for _ in range(count):
        made.desk.publish(b'{"x":"' + b"x" * 10_000 + b'"}')


def test_one_who_does_not_read_is_let_go_and_others_are_told_meanwhile(tmp_path: Path) -> None:
    made = bench(FakeDesk(bound=QUICK))

    async def work() -> tuple[int | None, list[float]]:
        async with (
            served(made, tmp_path) as path,
            raw(path) as (other, _),
            raw(path) as (deaf, writer),
        ):
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            big(made, 400)
            gaps = await gaps_until_alone(made, other)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            return await closing_code(deaf), gaps

    code, gaps = asyncio.run(work())
    assert code == 1013
    assert max(gaps) < SEND_MS / 1000
    assert made.failures == []


async def gaps_until_alone(made: Bench, reader: asyncio.StreamReader) -> list[float]:
    """Read until nobody else listens; return how long each wait for something was, in seconds."""
    gaps, clock = [], asyncio.get_running_loop().time
    begun = clock()
    async with asyncio.timeout(END_S):
        while made.app.subscribers() > 1:
            await reader.read(2**20)
            gaps.append(clock() - begun)
            begun = clock()
    return gaps


def test_one_who_reads_slowly_but_reads_stays(tmp_path: Path) -> None:
    made = bench(FakeDesk(bound=policy_with(telling={"heartbeat_ms": 20, "send_ms": 250})))

    async def work() -> int:
        async with served(made, tmp_path) as path, raw(path) as (reader, _):
            big(made, 200)
            for _ in range(30):
                assert await reader.read(60_000)
                await asyncio.sleep(0.02)
            return made.app.subscribers()

    assert asyncio.run(work()) == 1


def test_pings_of_one_who_does_not_read_are_not_kept(tmp_path: Path) -> None:
    made = bench(FakeDesk(bound=policy_with(telling={"heartbeat_ms": 20})))

    async def work() -> bytes:
        async with served(made, tmp_path) as path, raw(path) as (reader, writer):
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            big(made, 100)
            await asyncio.sleep(0.05)
            writer.write(frame(PING, b"early") * 1_000)
            await asyncio.sleep(0.05)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            reading = asyncio.create_task(first_pong(reader))
            while not reading.done():
                writer.write(frame(PING, b"late"))
                await asyncio.sleep(0.01)
            return reading.result()

    assert asyncio.run(work()) == b"late"


async def first_pong(reader: asyncio.StreamReader) -> bytes:
    """Return what the first pong among all that comes says."""
    async with asyncio.timeout(END_S):
        while True:
            opcode, payload = await read_frame(reader)
            if opcode == PONG:
                return payload


def test_many_small_messages_are_all_answered(tmp_path: Path) -> None:
    made = bench()
    one = json.dumps({"feed": "desk-1", "symbol": "fxcm:EURUSD", "sequence": 7, "bid": 1.0})

    async def work() -> None:
        async with served(made, tmp_path) as path, raw(path) as (reader, writer):
            writer.write(frame(TEXT, one.encode()) * 500)
            async with asyncio.timeout(END_S):
                while len(made.desk.offers) < 500:
                    await reader.read(65_536)

    asyncio.run(work())
    assert made.failures == []


LIMITS: Final = HttpLimits(
    connections_max=10, request_ms=50, send_ms=50, message_bytes=4_096, idle_ms=1_000, close_ms=20
)
FRAMES: Final = st.one_of(
    st.builds(
        frame,
        st.integers(0, 15),
        st.binary(max_size=130),
        first=st.sampled_from([0x00, 0x80, 0x80, 0x80, 0xC0]),
        masked=st.sampled_from([True, True, True, False]),
    ),
    st.binary(max_size=20),
)


@settings(max_examples=60)
@given(st.lists(FRAMES, max_size=10))
def test_no_sequence_of_frames_fails_the_service(frames: Sequence[bytes]) -> None:
    made = bench()

    async def work(path: Path) -> None:
        async with served(made, path, LIMITS) as at, raw(at) as (_, writer):
            writer.write(b"".join(frames))
            await asyncio.sleep(0.002)
            assert (await ask(at, request("GET", "/healthz"))).status == 200

    with TemporaryDirectory() as folder:
        asyncio.run(work(Path(folder)))
    assert made.failures == []
    assert (made.app.subscribers(), made.desk.following) == (0, 0)
