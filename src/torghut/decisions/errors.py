"""What the decision kernel's callers can get wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class KernelInputError(TorghutError):
    """An array handed to the kernel has not the layout, size or range that it relies on."""

    code: ClassVar[str] = "decisions.kernel-input"

    def __init__(self, *, array: str, expected: str, found: str) -> None:
        super().__init__(f"{array}: expected {expected}, found {found}")
        self.array = array
        self.expected = expected
        self.found = found


class PackageUnknownError(TorghutError):
    """A package is in force whose files were not given."""

    code: ClassVar[str] = "decisions.package-unknown"

    def __init__(self, *, router: str, digest: str) -> None:
        super().__init__(
            f"router {router!r}: expected package {digest} among the packages loaded, found none; "
            "put it back under router/baselines or run from the log that holds it"
        )
        self.router = router
        self.digest = digest


class SourcesExhaustedError(TorghutError):
    """A log has taken in as many source parts as its contexts can number."""

    code: ClassVar[str] = "decisions.sources-exhausted"

    def __init__(self, *, most: int) -> None:
        super().__init__(
            f"expected at most {most:,} source parts in the life of a log, found one more; "
            "go on in a new log, or join the parts into fewer files"
        )
        self.most = most


class ControlMisplacedError(TorghutError):
    """The log says that a control record applied which was not waiting there."""

    code: ClassVar[str] = "decisions.control-misplaced"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, control_id: str) -> None:
        super().__init__(f"control record {control_id!r} applies where it was never received")
        self.control_id = control_id


class ArmsDifferError(TorghutError):
    """One arm stopped before another context than the others: its state or kernel is damaged."""

    code: ClassVar[str] = "decisions.arms-differ"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, taken: Mapping[str, int]) -> None:
        found = ", ".join(f"{arm} {count}" for arm, count in taken.items())
        super().__init__(
            f"expected all arms to take the same contexts, found {found}; nothing of the batch "
            "was recorded: run again, and if it stays check the log with `torghut log verify`"
        )
        self.taken = dict(taken)


class SnapshotUnreadableError(TorghutError):
    """A snapshot is not one that this build could have written; the log holds all of it too."""

    code: ClassVar[str] = "decisions.snapshot-unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected the memory of a fold, found {found}; decide the log again")
        self.found = found
