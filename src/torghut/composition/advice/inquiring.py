"""The composition root of advice: the endpoint that is asked, and one that stands in for it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from torghut.adapters.endpoint.faults import FAULTS
from torghut.adapters.endpoint.script import Script, parse_script
from torghut.adapters.endpoint.serving import Served, serve_endpoint
from torghut.adapters.system.companions import start_companion
from torghut.workflows.live.beside.ports import Starting

__all__ = [
    "FAULTS",
    "Script",
    "Served",
    "fake_endpoint",
    "reasoning_beside",
    "script_of",
    "socket_place",
]


@contextmanager
def socket_place() -> Iterator[Path]:
    """Give the path of a socket in a folder of this user alone; both are gone after the block.

    Its path is short, which those of artifacts need not be.
    """
    with TemporaryDirectory(prefix="torghut-") as folder:
        yield Path(folder) / "advice.sock"


def reasoning_beside(socket: Path, passages: Path | None, program: str | None) -> Starting:
    """Return what starts the process that asks for advice.

    Args:
        socket: Where it is to listen.
        passages: File of news and fundamentals that may be shown; None for none.
        program: Package of a compiled program; None for the uncompiled one.
    """
    words = ["reasoning", "serve", "--socket", str(socket), "--beside"]
    if passages is not None:
        words += ["--passages", str(passages)]
    if program is not None:
        words += ["--program", program]
    return partial(start_companion, words)


def script_of(text: str) -> Script:
    """Return what a stand-in does with each request.

    Args:
        text: Faults as people write them, or ``@`` and the path of a file of them.

    Raises:
        ScriptMalformedError: It names a fault that there is not.
        OSError: The file cannot be read.
    """
    if text.startswith("@"):
        text = Path(text[1:]).read_text(encoding="utf-8")
    return parse_script(text, FAULTS)


def fake_endpoint(
    script: Script, *, host: str, port: int, certificate: Path | None
) -> AbstractAsyncContextManager[Served]:
    """Serve a stand-in while the block lasts.

    Args:
        script: What it does with each request.
        host: Where it listens.
        port: 0 for any that is free.
        certificate: PEM with key and certificate, to speak TLS; None for plain HTTP.

    Raises:
        OSError: It cannot listen there, or the certificate cannot be read.
    """
    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    return serve_endpoint(script, host=host, port=port, tls=tls)
