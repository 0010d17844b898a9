"""Every refusal as a response: its status, its headers, and ``live.fault.v1``."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from types import MappingProxyType
from typing import Final

from torghut.entrypoints.api.errors import (
    BodyTooLongError,
    MediaTypeError,
    MethodUnknownError,
    OriginRefusedError,
    OutcomeUnknownError,
    PathUnknownError,
    RecordsTooManyError,
    UnforeseenError,
)
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.units import MS_PER_S
from torghut.workflows.live.access.errors import (
    RateExceededError,
    RoleMissingError,
    TokenMissingError,
    TokenUnknownError,
)
from torghut.workflows.live.errors import NotTakenError, QueueFullError, TooManyAtOnceError
from torghut.workflows.live.told.faults import fault_of

JSON: Final = "application/json"


_BY_CLASS: Final[Mapping[type[TorghutError], HTTPStatus]] = MappingProxyType(
    {
        TokenMissingError: HTTPStatus.UNAUTHORIZED,
        TokenUnknownError: HTTPStatus.UNAUTHORIZED,
        OriginRefusedError: HTTPStatus.FORBIDDEN,
        RoleMissingError: HTTPStatus.FORBIDDEN,
        OutcomeUnknownError: HTTPStatus.NOT_FOUND,
        PathUnknownError: HTTPStatus.NOT_FOUND,
        MethodUnknownError: HTTPStatus.METHOD_NOT_ALLOWED,
        BodyTooLongError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        RecordsTooManyError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        TooManyAtOnceError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        MediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        QueueFullError: HTTPStatus.TOO_MANY_REQUESTS,
        RateExceededError: HTTPStatus.TOO_MANY_REQUESTS,
        UnforeseenError: HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)

_BODY_UNREAD: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    }
)

_BY_EXIT: Final[Mapping[ExitCode, HTTPStatus]] = MappingProxyType(
    {
        ExitCode.NO: HTTPStatus.CONFLICT,
        ExitCode.USAGE: HTTPStatus.UNPROCESSABLE_ENTITY,
        ExitCode.CONTRACT: HTTPStatus.UNPROCESSABLE_ENTITY,
        ExitCode.DISAGREES: HTTPStatus.CONFLICT,
        ExitCode.NOT_FINAL: HTTPStatus.GATEWAY_TIMEOUT,
        ExitCode.UNREACHABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)


def status_of(error: TorghutError) -> HTTPStatus:
    """Return the status that says of ``error`` what its exit status says in a shell."""
    found = _BY_CLASS.get(type(error)) or _BY_EXIT.get(error.exit_code)
    return found or HTTPStatus.INTERNAL_SERVER_ERROR


def fault_headers(error: TorghutError) -> Mapping[str, str]:
    """Return what the headers of a response say of ``error``; nothing that came in is repeated."""
    headers, status = {"content-type": JSON}, status_of(error)
    if status is HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if status in _BODY_UNREAD:
        headers["connection"] = "close"  # else all the rest of the body would be read first
    if isinstance(error, NotTakenError) and error.retry_after_ms is not None:
        headers["retry-after"] = str(max(1, ceil(error.retry_after_ms / MS_PER_S)))
    return headers


def fault_body(error: TorghutError) -> bytes:
    """Return what a response says of ``error``."""
    return fault_of(error).model_dump_json().encode()
