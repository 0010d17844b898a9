"""Why somebody at the door is not let in."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.workflows.live.errors import NotTakenError


class TokenMissingError(TorghutError):
    """A request comes without a token."""

    code: ClassVar[str] = "live.token-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "expected one header Authorization: Bearer TOKEN, found none; "
            "take a token from the service's token file"
        )


class TokenUnknownError(TorghutError):
    """A request comes with something that is no token of this service, or is none any more."""

    code: ClassVar[str] = "live.token-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "expected a token of this service, found something else; "
            "take one from the service's token file"
        )


class RoleMissingError(NotTakenError):
    """A token is known and may not do this."""

    code: ClassVar[str] = "live.role-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, role: str, name: str) -> None:
        super().__init__(
            f"expected a token that may {role}, found {name}, which may not; use another one"
        )
        self.role = role
        self.name = name


class RateExceededError(NotTakenError):
    """More requests came under one token than are taken in a second."""

    code: ClassVar[str] = "live.rate-exceeded"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, name: str, limit: int, retry_after_ms: int) -> None:
        super().__init__(
            f"token {name}: expected at most {limit} requests in a second, found more; "
            f"go on after {retry_after_ms} ms"
        )
        self.name = name
        self.limit = limit
        self.retry_after_ms = retry_after_ms


class TokensAwayError(NotTakenError):
    """Nobody can tell now which tokens are good; why stands in the service's own log alone."""

    code: ClassVar[str] = "live.tokens-away"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE
    retry_after_ms = 1000

    def __init__(self) -> None:
        super().__init__(
            "expected a service that can tell which tokens are good, found one that cannot now; "
            "its own log says why"
        )


class TokensMalformedError(TorghutError):
    """A token file has a line that is no token."""

    code: ClassVar[str] = "live.tokens-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(f"{place}: expected {expected}, found {found}; correct the file")
        self.place = place
        self.expected = expected
        self.found = found
