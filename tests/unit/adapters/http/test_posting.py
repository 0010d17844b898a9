"""A service is asked once over either kind of socket; whatever is no whole answer is said."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from tests.support.live.asking import TOKENS, bench, served
from torghut.adapters.http.errors import ServiceUnreachableError
from torghut.adapters.http.posting import fetch, post

RELEASE = "/v1/switches/stop/release"
SAID = {"Authorization": f"Bearer {TOKENS['operate']}"}
BODY = json.dumps({"reason": "over", "who": "ann@desk"}).encode()


def test_a_unix_socket_is_asked(tmp_path: Path) -> None:
    made = bench()

    async def main() -> tuple[int, bytes]:
        async with served(made, tmp_path) as path:
            return await asyncio.to_thread(
                post, f"http://localhost{RELEASE}", BODY, SAID, unix=str(path), budget_ms=5000
            )

    status, body = asyncio.run(main())
    assert (status, json.loads(body)["type"]) == (200, "live.answered.v1")
    assert made.desk.released == [("stop", "over", "ann@desk, operate-1 over the API")]


def test_a_page_is_fetched(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")
        writer.close()

    async def main() -> tuple[int, bytes]:
        path = str(tmp_path / "any.sock")
        async with await asyncio.start_unix_server(answer, path):
            return await asyncio.to_thread(
                fetch, "http://localhost/metrics", {"X-Said": "so"}, unix=path, budget_ms=5000
            )

    assert asyncio.run(main()) == (200, b"page")
    head = asked[0].lower()
    assert head.startswith(b"get /metrics http/1.1")
    assert b"x-said: so" in head
    assert b"content-type" not in head


def test_a_refusal_is_an_answer(tmp_path: Path) -> None:
    async def main() -> tuple[int, bytes]:
        async with served(bench(), tmp_path) as path:
            return await asyncio.to_thread(
                post, f"http://localhost{RELEASE}", BODY, {}, unix=str(path), budget_ms=5000
            )

    status, body = asyncio.run(main())
    assert (status, json.loads(body)["code"]) == (401, "live.token-missing")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nCont", b"no such protocol\r\n\r\n"])
def test_what_is_no_whole_answer_is_no_answer(tmp_path: Path, said: bytes) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    async def main() -> None:
        path = str(tmp_path / "any.sock")
        async with await asyncio.start_unix_server(answer, path):
            await asyncio.to_thread(post, "http://localhost/", b"{}", {}, unix=path, budget_ms=5000)

    with pytest.raises(ServiceUnreachableError):
        asyncio.run(main())


def test_who_does_not_answer_is_not_waited_for_beyond_the_budget(tmp_path: Path) -> None:
    path = str(tmp_path / "mute.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mute:
        mute.bind(path)
        mute.listen()
        with pytest.raises(ServiceUnreachableError, match="timed out"):
            post("http://localhost/", b"{}", {}, unix=path, budget_ms=50)


def test_where_nobody_listens_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnreachableError, match="No such file"):
        post("http://localhost/", b"{}", {}, unix=str(tmp_path / "no.sock"), budget_ms=50)
