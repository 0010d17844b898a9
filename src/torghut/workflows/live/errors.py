"""Why the live service does not take something now, each with when to try again."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class NotTakenError(TorghutError):
    """Something that was offered to the live service was not taken; it has no outcome.

    Attributes:
        retry_after_ms: When to try again; None where the same would be refused again.
    """

    code: ClassVar[str] = "live.not-taken"
    retry_after_ms: int | None = None


class ContextMalformedError(NotTakenError):
    """What was offered is no market context."""

    code: ClassVar[str] = "live.context-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(f"{place}: expected {expected}, found {found}; correct it and send again")
        self.place = place
        self.expected = expected
        self.found = found


class QueueFullError(NotTakenError):
    """As many contexts or control records wait as may; sender, slow down."""

    code: ClassVar[str] = "live.queue-full"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, waiting: int, limit: int, retry_after_ms: int) -> None:
        super().__init__(
            f"expected at most {limit} waiting, found {waiting}; "
            f"send again after {retry_after_ms} ms"
        )
        self.waiting = waiting
        self.limit = limit
        self.retry_after_ms = retry_after_ms


class TooManyAtOnceError(NotTakenError):
    """More was offered at once than may be."""

    code: ClassVar[str] = "live.too-many-at-once"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: int, limit: int) -> None:
        super().__init__(f"expected at most {limit} at once, found {found}; send them in parts")
        self.found = found
        self.limit = limit


class FeedsExhaustedError(NotTakenError):
    """A sender names one feed more than may be named."""

    code: ClassVar[str] = "live.feeds-exhausted"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, feed: str, limit: int) -> None:
        super().__init__(
            f"feed {feed!r}: expected one of at most {limit} feeds, found one more; "
            "send under a feed that is known, or raise door.feeds_max"
        )
        self.feed = feed
        self.limit = limit


class SourceClosedError(NotTakenError):
    """Contexts come from elsewhere here: the service was started on another source."""

    code: ClassVar[str] = "live.source-closed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, source: str) -> None:
        super().__init__(
            f"expected contexts from {source} alone, found some offered to the API; "
            "start the service with --source api: to send them here"
        )
        self.source = source


class ClosingError(NotTakenError):
    """The service is ending and takes nothing new."""

    code: ClassVar[str] = "live.closing"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE
    retry_after_ms = 1000

    def __init__(self) -> None:
        super().__init__("expected a service that goes on, found one that ends; try again later")


class AnswerLateError(TorghutError):
    """No outcome within the budget; what comes of it is told on the stream once it is durable."""

    code: ClassVar[str] = "live.answer-late"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, what: str, budget_ms: int) -> None:
        super().__init__(
            f"{what}: expected an outcome within {budget_ms} ms, found none yet; "
            "listen on the stream, or ask again: nothing counts twice"
        )
        self.what = what
        self.budget_ms = budget_ms


class ErrandLateError(TorghutError):
    """Something on a disk takes too long, perhaps for ever; it is not begun again meanwhile."""

    code: ClassVar[str] = "live.errand-late"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, what: str, budget_ms: int) -> None:
        super().__init__(
            f"{what}: expected it done within {budget_ms} ms, found it under way still; "
            "see whether the disk answers"
        )
        self.what = what
        self.budget_ms = budget_ms


class SwitchReleaseRefusedError(TorghutError):
    """A switch cannot be released: it is not thrown, or another throw of it stands."""

    code: ClassVar[str] = "live.release-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, name: str, found: str) -> None:
        super().__init__(f"switch {name}: expected one that is thrown, found {found}")
        self.name = name
        self.found = found
