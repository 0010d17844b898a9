"""The whole response to a request that no application will hear of."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from torghut.kernel.errors import TorghutError
from torghut.workflows.live.told.faults import fault_of


def refusal(status: HTTPStatus, error: TorghutError) -> bytes:
    """Return a response that says why, and that the connection is closed."""
    body = fault_of(error).model_dump_json().encode()
    headers = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
    return closing_response(status, headers, body)


def closing_response(
    status: HTTPStatus, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> bytes:
    """Return a response after which the connection is closed."""
    ending = ((b"content-length", b"%d" % len(body)), (b"connection", b"close"))
    kept = [header for header in headers if header[0] != b"connection"]
    lines = [b"%s: %s\r\n" % header for header in (*kept, *ending)]
    first = b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode())
    return b"".join((first, *lines, b"\r\n", body))
