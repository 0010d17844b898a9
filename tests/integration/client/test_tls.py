"""A connection over TLS is made to whom the authorities vouch for, and to nobody else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.fakes.live_service import FakeLiveService
from tests.support.live.live_clients import QUICK, first
from tests.support.machine.certificates import self_signed
from torghut.client import connect
from torghut.client.errors import UnreachableError

pytestmark = [pytest.mark.system, pytest.mark.enable_socket]


def with_service(
    certificate: Path, scenario: Callable[[FakeLiveService, str], Coroutine[Any, Any, str]]
) -> str:
    """Return what a scenario beside a service that speaks TLS returns."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def played() -> str:
        fake = FakeLiveService(Path("unused"))
        fake.tell(2)

        async def serving(connection: ServerConnection) -> None:
            await fake._serve(connection)  # noqa: SLF001 - the same, over another socket

        async with (
            asyncio.timeout(10),
            serve(serving, "127.0.0.1", 0, ssl=context, compression=None) as server,
        ):
            port = next(iter(server.sockets)).getsockname()[1]
            return await scenario(fake, f"wss://localhost:{port}")

    return asyncio.run(played())


async def heard(_: FakeLiveService, url: str) -> str:
    """Return the state of a client that follows and hears two outcomes."""
    async with connect(url, after="start", limits=QUICK) as client:
        await client.ready()
        found = await first(client.decisions(), 2)
        return f"{client.state.name} {[one.verdict for one in found]}"


async def unheard(_: FakeLiveService, url: str) -> str:
    """Return why a client does not hear it."""
    async with connect(url, after="start", limits=QUICK) as client:
        with pytest.raises(UnreachableError) as caught:
            await client.ready(500)
        return str(caught.value)


def test_service_that_the_authorities_vouch_for_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert with_service(certificate, heard) == "live ['act', 'act']"


def test_service_that_nobody_vouches_for_is_not_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(self_signed(tmp_path, "elsewhere")))

    assert "CERTIFICATE_VERIFY_FAILED" in with_service(self_signed(tmp_path, "localhost"), unheard)


def test_service_under_another_name_is_not_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, "elsewhere")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert "Hostname mismatch" in with_service(certificate, unheard)
