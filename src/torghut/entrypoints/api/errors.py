"""What the API refuses beside what the service behind it does."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.workflows.live.errors import NotTakenError


class PathUnknownError(TorghutError):
    """The API has nothing at that path."""

    code: ClassVar[str] = "api.path-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("expected a path of /openapi.json, found another one")


class MethodUnknownError(TorghutError):
    """The API does something else at that path."""

    code: ClassVar[str] = "api.method-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("expected a method of /openapi.json for this path, found another one")


class RequestUnfitError(TorghutError):
    """A parameter or a body is not what the API's document says."""

    code: ClassVar[str] = "api.request-unfit"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(f"{place}: expected {expected}, found {found}; correct it and ask again")
        self.place = place
        self.expected = expected
        self.found = found


class RequestGoneError(TorghutError):
    """Who asked went before the request was whole; there is nobody to be told."""

    code: ClassVar[str] = "api.request-gone"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("expected a whole request, found that who asked has gone")


class MediaTypeError(TorghutError):
    """A body is of another type than the API reads."""

    code: ClassVar[str] = "api.media-type"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, expected: str) -> None:
        super().__init__(f"expected Content-Type {expected}, found another one or none")
        self.expected = expected


class BodyTooLongError(NotTakenError):
    """A body or a message is longer than is taken."""

    code: ClassVar[str] = "api.body-too-long"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"expected at most {limit} bytes, found more; send it in parts")
        self.limit = limit


class RecordsTooManyError(NotTakenError):
    """One request brings more contexts or records than are taken at once."""

    code: ClassVar[str] = "api.records-too-many"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: int, limit: int) -> None:
        super().__init__(f"expected at most {limit} lines, found {found}; send them in parts")
        self.found = found
        self.limit = limit


class OutcomeUnknownError(TorghutError):
    """Nothing is known of a context."""

    code: ClassVar[str] = "api.outcome-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self) -> None:
        super().__init__("expected a context or decision that the log has, found none of that id")


class OriginRefusedError(TorghutError):
    """A browser asks, for the page of some site."""

    code: ClassVar[str] = "api.origin-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("expected no header Origin, found one; browsers are not served")


class SubscribersExhaustedError(NotTakenError):
    """As many subscribers listen as may."""

    code: ClassVar[str] = "api.subscribers-exhausted"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE
    retry_after_ms = 1000

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"expected at most {limit} subscribers, found one more; close some")
        self.limit = limit


class UnreadyError(NotTakenError):
    """The service cannot decide durably now."""

    code: ClassVar[str] = "api.unready"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE
    retry_after_ms = 1000

    def __init__(self, *, missing: tuple[str, ...]) -> None:
        super().__init__(f"expected a service that is ready, found: {'; '.join(missing)}")
        self.missing = missing


class MessageNotTextError(NotTakenError):
    """A WebSocket message is binary."""

    code: ClassVar[str] = "api.message-not-text"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("expected a text message of JSON lines, found a binary one")


class UnforeseenError(TorghutError):
    """The service failed in a way that nobody foresaw; what it was stands in its own log."""

    code: ClassVar[str] = "api.failed"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self) -> None:
        super().__init__("expected an answer, found a fault of the service; see its log")
