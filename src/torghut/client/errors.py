"""What a trading loop may be told instead of an answer, each with a stable code."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.live.position import Position

_SHOWN: Final = 200


class AddressMalformedError(TorghutError):
    """A text is no address of a live service."""

    code: ClassVar[str] = "client.address-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            "expected an address such as http://127.0.0.1:8787, wss://host, unix:///path or "
            f"kafka://host:9092, found {found[:_SHOWN]!r}; correct it"
        )
        self.found = found


class KafkaMissingError(TorghutError):
    """Brokers are to be spoken to, and the package for it is not installed."""

    code: ClassVar[str] = "client.kafka-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, package: str) -> None:
        super().__init__(
            f"expected the extra `kafka`, found no {package}; pip install 'torghut[kafka]'"
        )
        self.package = package


class TokenUnreadableError(TorghutError):
    """The file with the token cannot be read, or holds none."""

    code: ClassVar[str] = "client.token-unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path}: expected a file with one token, found {reason}; correct it")
        self.path = path
        self.reason = reason


class UnreachableError(TorghutError):
    """The live service did not answer within the budget; the client goes on trying."""

    code: ClassVar[str] = "client.unreachable"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, address: str, budget_ms: int, reason: str) -> None:
        super().__init__(
            f"{address}: expected a heartbeat within {budget_ms} ms, found {reason}; "
            "see whether the service runs"
        )
        self.address = address
        self.budget_ms = budget_ms
        self.reason = reason


class DeniedError(TorghutError):
    """The live service refuses this client: a wrong token, a wrong role, a wrong question."""

    code: ClassVar[str] = "client.denied"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, address: str, status: int) -> None:
        super().__init__(
            f"{address}: expected to be let in, found HTTP status {status}; "
            "check the token and what it allows"
        )
        self.address = address
        self.status = status


class AnswerLateError(TorghutError):
    """No answer within the budget; what was sent may still count, and counts once."""

    code: ClassVar[str] = "client.answer-late"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, what: str, budget_ms: int, state: str) -> None:
        super().__init__(
            f"{what}: expected an answer within {budget_ms} ms, found none, the client {state}; "
            "send the same again: it counts once"
        )
        self.what = what
        self.budget_ms = budget_ms


class NotTakenError(TorghutError):
    """The live service did not take what was sent; nothing came of it.

    Attributes:
        service_code: Why, in the service's own words; see the page of errors.
    """

    code: ClassVar[str] = "client.not-taken"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, what: str, service_code: str, detail: str) -> None:
        super().__init__(f"{what}: expected it to be taken, found {service_code}: {detail}")
        self.what = what
        self.service_code = service_code
        self.detail = detail


class RecordUnnamedError(TorghutError):
    """A control record has no id, so nothing could tell what became of it; it was not sent."""

    code: ClassVar[str] = "client.record-unnamed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "expected a control record with a control_id, found one without; give it one"
        )


class InFlightFullError(TorghutError):
    """As many questions wait for an answer as may; wait for one of them."""

    code: ClassVar[str] = "client.in-flight-full"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, limit: int) -> None:
        super().__init__(
            f"expected at most {limit} questions in flight, found one more; await some first"
        )
        self.limit = limit


class FollowedAlreadyError(TorghutError):
    """Somebody iterates this client's stream already; two would each see half of it."""

    code: ClassVar[str] = "client.followed-already"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "expected one reader of the stream, found a second; end the first, or connect again"
        )


class BeyondEndError(TorghutError):
    """The service's log ends before the position from which the stream is to go on."""

    code: ClassVar[str] = "client.beyond-end"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, after: Position, end: str) -> None:
        super().__init__(
            f"expected a log that goes on after {after}, found one that ends at {end}; "
            "take the position from something that this log's service sent"
        )
        self.after = after
        self.end = end


class AnnouncedMissingError(TorghutError):
    """The service says that there is more, and it does not come."""

    code: ClassVar[str] = "client.announced-missing"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, announced: str, found: str) -> None:
        super().__init__(
            f"expected {announced}, found {found}; ask again, and see whether the log can be read"
        )
        self.announced = announced
        self.found = found


class ClosedError(TorghutError):
    """The client is not open: closed, not entered yet, or ended by a defect."""

    code: ClassVar[str] = "client.closed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str = "one that is closed") -> None:
        super().__init__(f"expected an open client, found {found}; connect again")
        self.found = found


class BookmarkError(TorghutError):
    """A bookmark cannot be read or kept."""

    code: ClassVar[str] = "client.bookmark"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, path: Path, found: str) -> None:
        super().__init__(
            f"{path}: expected a bookmark with one position a line, found {found}; "
            "correct it, or take it away and say where to begin"
        )
        self.path = path
        self.found = found


class JournalError(TorghutError):
    """A simulated venue's journal is damaged, of another venue, or in use."""

    code: ClassVar[str] = "client.journal"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, path: Path, found: str) -> None:
        super().__init__(
            f"{path}: expected the journal of this simulated venue, found {found}; use another file"
        )
        self.path = path
        self.found = found


class OrderMalformedError(TorghutError):
    """A simulated venue cannot take such an order or quote."""

    code: ClassVar[str] = "client.order-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}; correct it")
        self.expected = expected
        self.found = found
