"""What a log refuses, what it could not do, and what it found altered."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class Obstacle(StrEnum):
    """What kept a store from doing its work."""

    DISK_FULL = "disk-full"
    READ_ONLY = "read-only"
    INPUT_OUTPUT = "input-output"
    BUSY = "busy"
    CANNOT_OPEN = "cannot-open"
    NO_PERMISSION = "no-permission"
    NO_MEMORY = "no-memory"
    TOO_LARGE = "too-large"
    CLOSED = "closed"
    GONE = "gone"
    OTHER = "other"


class ConcurrencyConflictError(TorghutError):
    """Another writer appended first; reload, decide again, and retry."""

    code: ClassVar[str] = "eventlog.concurrency-conflict"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES
    remedy: ClassVar[str] = "reload, decide again and retry"

    def __init__(self, *, stream: str, expected: str, actual: str) -> None:
        super().__init__(f"{stream}: expected {expected}, found {actual}; {self.remedy}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class ClaimLostError(ConcurrencyConflictError):
    """A partition was claimed by another one since: whoever held it before writes no more to it."""

    code: ClassVar[str] = "eventlog.claim-lost"
    retryable: ClassVar[bool] = False
    remedy: ClassVar[str] = "drop what you hold of it, and claim it anew"


class LogIntegrityError(TorghutError):
    """What the log holds is not what was written: missing, altered or out of order."""

    code: ClassVar[str] = "eventlog.integrity"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(
            f"{place}: expected {expected}, found {found}; "
            "stop, keep the files as they are, and run `torghut log verify`"
        )
        self.place = place
        self.expected = expected
        self.found = found


class TruncatedLogError(TorghutError):
    """The log ends before a head that was once durable."""

    code: ClassVar[str] = "eventlog.truncated"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(
            f"{place}: its heads file says that {expected} was durable, the log ends at {found}; "
            "restore the log's files, or accept the loss explicitly"
        )
        self.place = place
        self.expected = expected
        self.found = found


class HeadsFileMissingError(TorghutError):
    """A log that has content has no heads file beside it, so a cut tail could not be seen."""

    code: ClassVar[str] = "eventlog.heads-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, path: str) -> None:
        super().__init__(
            f"expected the heads file {path} beside the log, found none; "
            "restore it, or accept the log as it is explicitly"
        )
        self.path = path


class LogMissingError(TorghutError):
    """There is no log where one was to be read."""

    code: ClassVar[str] = "eventlog.missing"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, path: str) -> None:
        super().__init__(f"expected a log at {path}, found none; check the path")
        self.path = path


class LogLayoutError(TorghutError):
    """The file is a database, but not a log of a layout that this version reads."""

    code: ClassVar[str] = "eventlog.layout-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, *, path: str, expected: str, found: str) -> None:
        super().__init__(f"{path}: expected {expected}, found {found}; check the path or upgrade")
        self.path = path
        self.expected = expected
        self.found = found


class LogNotDurableError(TorghutError):
    """The store would acknowledge what a power cut can take back."""

    code: ClassVar[str] = "eventlog.not-durable"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(
        self, *, setting: str, expected: str, found: str, remedy: str = "use a local file system"
    ) -> None:
        super().__init__(f"{setting}: expected {expected}, found {found}; {remedy}")
        self.setting = setting
        self.expected = expected
        self.found = found


class LogInUseError(TorghutError):
    """Another writer holds the log; there is one at a time, and it lets go when it ends."""

    code: ClassVar[str] = "eventlog.in-use"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, path: str, holder: str) -> None:
        super().__init__(f"{path} is being written by {holder}; end it, or read only")
        self.path = path
        self.holder = holder


class LogTurnError(TorghutError):
    """The turn to write a log that several share did not come in time; nothing was kept."""

    code: ClassVar[str] = "eventlog.turn-not-had"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, path: str, holder: str, budget_ms: int) -> None:
        super().__init__(
            f"{path}: expected the turn to write within {budget_ms} ms, found {holder} at it; "
            "look what it waits for, then try again"
        )
        self.path = path
        self.holder = holder
        self.budget_ms = budget_ms


class LogWriteError(TorghutError):
    """The store could not make something durable; nothing of it was kept."""

    code: ClassVar[str] = "eventlog.write-failed"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, obstacle: Obstacle, detail: str) -> None:
        super().__init__(f"expected a durable write, found {obstacle}: {detail}")
        self.obstacle = obstacle
        self.detail = detail


class LogBusyError(LogWriteError):
    """Something else kept the log locked beyond the budget for waiting; try again."""

    code: ClassVar[str] = "eventlog.busy"
    retryable: ClassVar[bool] = True

    def __init__(self, *, budget_ms: int, detail: str) -> None:
        super().__init__(obstacle=Obstacle.BUSY, detail=f"{detail}, after {budget_ms} ms")
        self.budget_ms = budget_ms


class CommitTimeoutError(TorghutError):
    """The store took longer than its budget; what was kept shows when the log is opened again."""

    code: ClassVar[str] = "eventlog.commit-timeout"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, what: str, budget_ms: int) -> None:
        super().__init__(
            f"{what}: expected it durable within {budget_ms} ms, found it still under way; "
            "look for what holds the disk up, then begin again: what was kept is not decided twice"
        )
        self.what = what
        self.budget_ms = budget_ms


class LogReadError(TorghutError):
    """The store could not be read; what it holds is not thereby altered."""

    code: ClassVar[str] = "eventlog.read-failed"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, obstacle: Obstacle, detail: str) -> None:
        super().__init__(f"expected to read the log, found {obstacle}: {detail}")
        self.obstacle = obstacle
        self.detail = detail


class ObjectMissingError(TorghutError):
    """The log keeps no object under that digest."""

    code: ClassVar[str] = "eventlog.object-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, digest: str) -> None:
        super().__init__(f"expected an object {digest} in the log, found none; put it there first")
        self.digest = digest


class ColumnsMalformedError(TorghutError):
    """Bytes are not the columns of contexts that they were taken for."""

    code: ClassVar[str] = "eventlog.columns-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"columns of a block: expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class EventUnreadableError(TorghutError):
    """A recorded event has no step to the version that this code reads, or is malformed."""

    code: ClassVar[str] = "eventlog.event-unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, *, type: str, reason: str) -> None:  # noqa: A002 -- the event's own word
        super().__init__(f"event {type}: expected one that can be read, found {reason}")
        self.type = type
        self.reason = reason


class ArchiveMissingError(TorghutError):
    """Blocks went from the store into a file that is not to be had here."""

    code: ClassVar[str] = "eventlog.archive-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, partition: int, first: int, last: int, path: str, found: str) -> None:
        super().__init__(
            f"partition {partition}, blocks {first} to {last}: expected their archive {path} "
            f"below the folder of artifacts, found: {found}; name the folder that has it"
        )
        self.partition = partition
        self.first = first
        self.last = last
        self.path = path
        self.found = found


class ArchiveAlteredError(LogIntegrityError):
    """A file of archived blocks is not the one that was written."""

    code: ClassVar[str] = "eventlog.archive-altered"

    def __init__(self, *, partition: int, last: int, path: str, expected: str, found: str) -> None:
        super().__init__(place=f"archive {path}", expected=expected, found=found)
        self.partition = partition
        self.last = last
        self.path = path
