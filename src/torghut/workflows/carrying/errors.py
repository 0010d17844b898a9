"""Why a partition cannot be taken up."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class LogBehindTopicError(TorghutError):
    """What was published is not in the log: it was set back, or is another deployment's."""

    code: ClassVar[str] = "carrying.log-behind-topic"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, partition: int, published: int, found: str) -> None:
        super().__init__(
            f"partition {partition}: expected a log that has block {published} as the topic of "
            f"decisions holds it, found {found}; restore the log, or use the topics that belong "
            "to it"
        )
        self.partition = partition
        self.published = published
        self.found = found


class PartitionLateError(TorghutError):
    """Something of a partition took longer than its budget; it is let go of and taken up anew."""

    code: ClassVar[str] = "carrying.partition-late"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, partition: int, what: str, budget_ms: int) -> None:
        super().__init__(
            f"partition {partition}: expected {what} done within {budget_ms} ms, found it still "
            "under way; look whether the broker answers"
        )
        self.partition = partition
        self.budget_ms = budget_ms


class EventsBehindTopicError(TorghutError):
    """The topic ends with an event that the log does not have: it was set back, or is another."""

    code: ClassVar[str] = "carrying.events-behind-topic"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, published: int, found: str) -> None:
        super().__init__(
            f"expected a log that has event {published} as the topic ends with it, found {found}; "
            "restore the log, or relay into a topic that belongs to it"
        )
        self.published = published
        self.found = found


class BookmarkUnreadableError(TorghutError):
    """The topic of events ends with a record that no relay sent: nobody knows where to go on."""

    code: ClassVar[str] = "carrying.bookmark-unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, offset: int, found: str) -> None:
        super().__init__(
            f"expected the topic's last record, at offset {offset}, to say the place of its event, "
            f"found {found!r}; see who else writes there, and relay into a topic of its own"
        )
        self.offset = offset
        self.found = found
