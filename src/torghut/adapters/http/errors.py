"""What stands against listening, and what ends a connection before any application hears of it."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class ListenRefusedError(TorghutError):
    """The service is not to listen there: anybody on the network could reach it."""

    code: ClassVar[str] = "http.listen-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected a loopback address or a Unix socket, found {found!r}; "
            "permit another address explicitly, and put it behind something that encrypts"
        )
        self.found = found


class ListenMalformedError(TorghutError):
    """A text names no place to listen at."""

    code: ClassVar[str] = "http.listen-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected ADDRESS:PORT such as 127.0.0.1:8787, or unix:PATH, found {found!r}"
        )
        self.found = found


class ListenFailedError(TorghutError):
    """The system does not let the service listen there."""

    code: ClassVar[str] = "http.listen-failed"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, address: str, reason: str) -> None:
        super().__init__(
            f"{address}: expected a free address, found: {reason}; name another one, or end what "
            "listens there"
        )
        self.address = address
        self.reason = reason


class RequestMalformedError(TorghutError):
    """A peer sends what is no HTTP request, or one that readers could understand differently."""

    code: ClassVar[str] = "http.request-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("expected a request as HTTP/1.1 spells it, found something else")


class HandshakeMalformedError(TorghutError):
    """A peer asks for a WebSocket in a way that RFC 6455 does not know."""

    code: ClassVar[str] = "http.handshake-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("expected a handshake of WebSocket version 13, found something else")


class HeaderTooLongError(TorghutError):
    """A request's first line and headers are longer, or more, than are taken."""

    code: ClassVar[str] = "http.header-too-long"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"expected at most {limit} bytes before the body, found more")
        self.limit = limit


class RequestLateError(TorghutError):
    """A request was not whole in time."""

    code: ClassVar[str] = "http.request-late"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, budget_ms: int) -> None:
        super().__init__(f"expected a whole request within {budget_ms} ms, found a part of one")
        self.budget_ms = budget_ms


class ConnectionsExhaustedError(TorghutError):
    """As many connections are open as may be."""

    code: ClassVar[str] = "http.connections-exhausted"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"expected at most {limit} open connections, found one more; close some")
        self.limit = limit


class ServiceUnreachableError(TorghutError):
    """A live service that was asked something gave no answer."""

    code: ClassVar[str] = "http.service-unreachable"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, url: str, found: str) -> None:
        super().__init__(
            f"{url}: expected an answer of a service, found {found}; see whether it runs, and "
            "ask again"
        )
        self.url = url
        self.found = found
