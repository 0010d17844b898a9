"""Reading a request's body: bounded while it comes, of a type that is read, cut into lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import Request

from torghut.entrypoints.api.errors import (
    BodyTooLongError,
    MediaTypeError,
    RecordsTooManyError,
    RequestGoneError,
    RequestUnfitError,
)
from torghut.entrypoints.api.faults import JSON
from torghut.schemas.declarations.live import Door

NDJSON: Final = "application/x-ndjson"


async def read_lines(request: Request, door: Door) -> Sequence[bytes]:
    """Return the records of a body: one object as JSON, or a line each as NDJSON.

    Raises:
        MediaTypeError: It is of another type.
        BodyTooLongError: It is longer than is taken.
        RecordsTooManyError: It brings more than are taken at once.
        RequestUnfitError: It brings nothing.
    """
    media_type = _media_type(request, (JSON, NDJSON))
    body = await _read(request, door.body_bytes)
    return records(body, door.records_max) if media_type == NDJSON else [body]


async def read_object(request: Request, door: Door) -> bytes:
    """Return a body that is to be one JSON object.

    Raises:
        MediaTypeError: It is of another type.
        BodyTooLongError: It is longer than is taken.
    """
    _media_type(request, (JSON,))
    return await _read(request, door.body_bytes)


def records(body: bytes, limit: int) -> Sequence[bytes]:
    """Return the lines of a text of JSON lines.

    Raises:
        RecordsTooManyError: There are more than ``limit``.
        RequestUnfitError: There is none.
    """
    lines = [line.removesuffix(b"\r") for line in body.split(b"\n")]
    found = [line for line in lines if line]
    if not found:
        raise RequestUnfitError(place="body", expected="at least one line", found="none")
    if len(found) > limit:
        raise RecordsTooManyError(found=len(found), limit=limit)
    return found


def _media_type(request: Request, read: Sequence[str]) -> str:
    """Return the type of a body, if it is one that is read."""
    stated = request.headers.getlist("content-type")
    media_type = stated[0].partition(";")[0].strip().lower() if len(stated) == 1 else ""
    if media_type not in read:
        raise MediaTypeError(expected=" or ".join(read))
    return media_type


async def _read(request: Request, limit: int) -> bytes:
    """Return a body; whatever its length is said to be, what comes is counted."""
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated[:20]) > limit:
        raise BodyTooLongError(limit=limit)
    body = bytearray()
    more = True
    while more:
        event = await request.receive()
        if event["type"] == "http.disconnect":
            raise RequestGoneError
        body += event.get("body", b"")
        more = event.get("more_body", False)
        if len(body) > limit:
            raise BodyTooLongError(limit=limit)
    return bytes(body)
