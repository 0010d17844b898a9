"""What keeps a process from running beside the service."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class CompanionNotStartedError(TorghutError):
    """A process could not be started beside the service; it is tried again."""

    code: ClassVar[str] = "beside.not-started"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected a process that can be started, found: {found}; "
            "look for processes, memory or files that ran out"
        )
        self.found = found
