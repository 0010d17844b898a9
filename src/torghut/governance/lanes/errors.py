"""What the lane's queue refuses."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class LaneBusyError(TorghutError):
    """A run is at work: one at a time, so that each is judged on the same machine's terms."""

    code: ClassVar[str] = "lanes.busy"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, run_id: str, attempt: int) -> None:
        super().__init__(
            f"expected no run at work, found {run_id}, attempt {attempt}; "
            "wait for its end, or let the next cycle adopt it if its process is gone"
        )
        self.run_id = run_id
        self.attempt = attempt


class SubmissionUnknownError(TorghutError):
    """Nothing waits under that number; `torghut lane list` says what does."""

    code: ClassVar[str] = "lanes.submission-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, submission: int, waiting: tuple[int, ...]) -> None:
        known = ", ".join(map(str, waiting)) or "none"
        super().__init__(
            f"expected a waiting submission ({known}), found {submission}; submit the candidate"
        )
        self.submission = submission
        self.waiting = waiting


class LaneRunUnknownError(TorghutError):
    """The run that is said to have ended is not the one at work."""

    code: ClassVar[str] = "lanes.run-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected the end of {expected}, found that of {found}")
        self.expected = expected
        self.found = found


class AttemptOutOfOrderError(TorghutError):
    """A run's attempts are numbered one after the other."""

    code: ClassVar[str] = "lanes.attempt-out-of-order"

    def __init__(self, *, run_id: str, expected: int, found: int) -> None:
        super().__init__(f"run {run_id}: expected attempt {expected}, found {found}; start anew")
        self.run_id = run_id
        self.expected = expected
        self.found = found
