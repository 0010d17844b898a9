"""The service listens where nobody else can reach it, unless more is permitted."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.support.live.asking import bench, parse_answer, read_all, request, served
from torghut.adapters.http.errors import (
    ListenFailedError,
    ListenMalformedError,
    ListenRefusedError,
)
from torghut.adapters.http.limits import http_limits
from torghut.adapters.http.listening import listening
from torghut.adapters.http.serving import serve_http
from torghut.adapters.live.streams import SocketTakenError, SocketUnusableError

LOOPBACK = ["127.0.0.1:0", "127.1.2.3:0", "localhost:0"]
EVERYBODY = ["0.0.0.0:0", "192.0.2.1:0", "[::]:0", "8.8.8.8:80", "[::ffff:8.8.8.8]:80"]


@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize("where", LOOPBACK)
def test_a_loopback_address_needs_no_permission(where: str) -> None:
    with listening(where, anywhere=False) as bound:
        assert bound.address.startswith("http://127.")
        assert bound.socket.getsockname()[1] > 0


@pytest.mark.parametrize("where", EVERYBODY)
def test_an_address_that_others_reach_is_refused(where: str) -> None:
    with pytest.raises(ListenRefusedError), listening(where, anywhere=False):
        pass


@pytest.mark.usefixtures("socket_enabled")
def test_an_address_that_others_reach_may_be_permitted() -> None:
    with listening("0.0.0.0:0", anywhere=True) as bound:
        assert bound.address.startswith("http://0.0.0.0:")


@pytest.mark.parametrize(
    "where",
    [
        "",
        "8787",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:\u0661",
        "example.com:80",
        "[::1",
        "unix:",
        "unix:/",
    ],
)
def test_what_is_no_address_is_refused(where: str) -> None:
    with pytest.raises(ListenMalformedError), listening(where, anywhere=True):
        pass


@pytest.mark.usefixtures("socket_enabled")
def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenFailedError, match=where), listening(where, anywhere=False):
            pass


def test_a_unix_socket_is_for_its_user_alone_and_goes_with_the_service(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with listening(f"unix:{path}", anywhere=False):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    path.write_text("mine", encoding="ascii")

    with pytest.raises(SocketTakenError), listening(f"unix:{path}", anywhere=False):
        pass
    assert path.read_text(encoding="ascii") == "mine"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SocketUnusableError), listening(f"unix:{tmp_path}/no/x", anywhere=False):
        pass


@pytest.mark.usefixtures("socket_enabled")
def test_requests_are_answered_over_tcp() -> None:
    made = bench()

    async def work() -> int:
        limits = http_limits(made.desk.policy)
        async with serve_http(made.app, listen="127.0.0.1:0", limits=limits) as address:
            host, _, port = address.removeprefix("http://").partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request("GET", "/healthz"))
            found = parse_answer(await read_all(reader))
            writer.close()
            return found.status

    assert asyncio.run(work()) == 200


def test_a_service_that_ended_can_begin_again_at_the_same_place(tmp_path: Path) -> None:
    async def work() -> list[bool]:
        found = []
        for _ in range(2):
            async with served(bench(), tmp_path) as path:
                found.append(path.is_socket())
            found.append(path.exists())
        return found

    assert asyncio.run(work()) == [True, False, True, False]
