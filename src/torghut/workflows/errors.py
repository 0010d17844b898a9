"""What can stand against continuing or repeating a log."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class DivergedError(TorghutError):
    """Deciding a recorded block again gave something else."""

    code: ClassVar[str] = "workflows.diverged"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, block: int, what: str) -> None:
        super().__init__(
            f"block {block}: {what} decided again differ from the log; the kernel was changed "
            "without raising its version, or the block was altered: run `torghut log verify`"
        )
        self.block = block
        self.what = what


class KernelVersionError(TorghutError):
    """A block was decided by a version of the kernel that this build does not have."""

    code: ClassVar[str] = "workflows.kernel-version"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, block: int, expected: int, found: int) -> None:
        super().__init__(
            f"block {block}: decided by kernel version {found}, this build has version "
            f"{expected}; not re-executable here, use the release that carries version {found}"
        )
        self.block = block
        self.expected = expected
        self.found = found


class EmptyLogError(TorghutError):
    """A log was to be repeated that holds nothing."""

    code: ClassVar[str] = "workflows.empty-log"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, partition: int) -> None:
        super().__init__(
            f"partition {partition}: expected at least one block, found none; "
            "decide something into it with `torghut run`"
        )
        self.partition = partition
