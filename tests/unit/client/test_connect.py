"""Where a client connects to, what it shows, and where its stream begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.live_service import FakeLiveService
from tests.support.live.live_clients import QUICK, first, until, with_service
from torghut.client import Bookmark, Limits, Position, connect
from torghut.client.errors import (
    AddressMalformedError,
    BookmarkError,
    ClosedError,
    TokenUnreadableError,
)
from torghut.client.wire.address import Credentials, parse_address
from torghut.schemas.live.position import PositionMalformedError


@pytest.mark.parametrize(
    ("text", "uri", "socket"),
    [
        ("http://127.0.0.1:8787", "ws://127.0.0.1:8787/v1/stream", ""),
        ("https://host/base/", "wss://host/base/v1/stream", ""),
        ("ws://[::1]:1", "ws://[::1]:1/v1/stream", ""),
        ("wss://host", "wss://host/v1/stream", ""),
        ("wss://bücher.example", "wss://bücher.example/v1/stream", ""),
        ("unix:///run/torghut.sock", "ws://localhost/v1/stream", "/run/torghut.sock"),
    ],
)
def test_address_is_understood(text: str, uri: str, socket: str) -> None:
    address = parse_address(text)

    assert (address.shown, address.uri, address.socket) == (text, uri, socket)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host:8787",
        "ftp://host",
        "http://",
        "http://h:x",
        "http://h:0",
        "unix://",
        "unix:///",
        "unix://host/path",
        "http://u:p@host",
        "http://host?a=b",
        "http://[::1",
        f"http://{'a' * 70}",
        "http://a..b",
        "http://a\0b",
        "unix:///a\0b",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressMalformedError):
        parse_address(text)


def test_token_is_read_anew_for_every_connection(tmp_path: Path) -> None:
    file = tmp_path / "token"
    credentials = Credentials(file=file)
    file.write_text("one\n", encoding="ascii")
    before = credentials.headers()
    file.write_text("two", encoding="ascii")

    assert before == {"Authorization": "Bearer one"}
    assert credentials.headers() == {"Authorization": "Bearer two"}
    assert Credentials().headers() == {}
    assert Credentials(token="given").headers() == {"Authorization": "Bearer given"}  # noqa: S106


@pytest.mark.parametrize("content", [b"", b"  \n", b"two words", b"\xff", b"two\nlines"])
def test_file_without_a_token_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)

    with pytest.raises(TokenUnreadableError):
        Credentials(file=tmp_path / "token").headers()
    with pytest.raises(TokenUnreadableError):
        Credentials(file=tmp_path / "none").headers()


def test_missing_token_file_is_no_end_and_may_come_later(tmp_path: Path) -> None:
    async def scenario(service: FakeLiveService) -> str:
        service.token = "right"  # noqa: S105 - of a fake
        file = tmp_path / "token"
        async with connect(service.url, token_file=file, limits=QUICK) as client:
            await until(lambda: bool(client.notices))
            file.write_text("right", encoding="ascii")
            return (await client.ready()).name

    assert with_service(scenario) == "live"


def test_environment_says_what_the_caller_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(service: FakeLiveService) -> str:
        service.token = "right"  # noqa: S105 - of a fake
        (tmp_path / "token").write_text("right", encoding="ascii")
        monkeypatch.setenv("TORGHUT_URL", service.url)
        monkeypatch.setenv("TORGHUT_TOKEN_FILE", str(tmp_path / "token"))
        async with connect(limits=QUICK) as client:
            return (await client.ready()).name

    assert with_service(scenario) == "live"


def test_stream_goes_on_after_what_the_bookmark_keeps(tmp_path: Path) -> None:
    async def scenario(service: FakeLiveService) -> list[int]:
        service.tell(4)
        bookmark = Bookmark(tmp_path / "mark")
        found = []
        for _ in range(2):
            async with connect(
                service.url, after="start", bookmark=bookmark, limits=QUICK
            ) as client:
                for delivery in await first(client.decisions(), 2):
                    found.append(delivery.position.block)
                    bookmark.keep(delivery.position)
        return found

    assert with_service(scenario) == [0, 1, 2, 3]


def test_what_was_not_kept_comes_again(tmp_path: Path) -> None:
    async def scenario(service: FakeLiveService) -> list[int]:
        service.tell(2)
        bookmark = Bookmark(tmp_path / "mark")
        bookmark.keep(Position(0, 0, 0))
        found = []
        for _ in range(2):
            async with connect(service.url, bookmark=bookmark, limits=QUICK) as client:
                found += [d.position.block for d in await first(client.decisions(), 1)]
        return found

    assert with_service(scenario) == [1, 1]


def test_wrong_beginnings_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "mark").write_text("here", encoding="ascii")

    with pytest.raises(PositionMalformedError):
        connect(after="yesterday")
    with pytest.raises(BookmarkError):
        connect(bookmark=Bookmark(tmp_path / "mark"))


def test_client_that_was_not_entered_is_not_open() -> None:
    async def scenario(_: FakeLiveService) -> None:
        await connect().ready()

    with pytest.raises(ClosedError, match="not entered"):
        with_service(scenario)


@pytest.mark.parametrize("wrong", [{"connect_ms": 0}, {"stale_ms": 5000, "silence_ms": 4000}])
def test_limits_that_nobody_can_keep_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Limits(**wrong)
