"""What the record of cycles refuses; a refused command changes nothing."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.times import instant


class CycleOpenError(TorghutError):
    """A cycle was to begin while another had not ended; end that one first."""

    code: ClassVar[str] = "cycles.open"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, cycle: int) -> None:
        super().__init__(f"expected no cycle under way, found cycle {cycle}; end it first")
        self.cycle = cycle


class CycleNotOpenError(TorghutError):
    """Something was to be recorded of a cycle that is not the one under way."""

    code: ClassVar[str] = "cycles.not-open"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: int, found: int) -> None:
        standing = f"cycle {expected}" if expected else "none"
        super().__init__(f"expected the cycle under way, {standing}, found cycle {found}")
        self.expected = expected
        self.found = found


class CycleTimeError(TorghutError):
    """A cycle was to be at a time that nobody can govern at: far behind the last, or to come."""

    code: ClassVar[str] = "cycles.time"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found_ns: int) -> None:
        super().__init__(
            f"expected {expected}, found {instant(found_ns)}; look at the clock, or keep cycles of "
            "recorded data below an artifact root of their own"
        )
        self.expected = expected
        self.found_ns = found_ns


class AnotherLogError(TorghutError):
    """A cycle was to govern another decision log than the one that is governed here.

    What a latch, a drift verdict or a manifest says is about one loop. Cycles over another log
    would heal a stop and pass a candidate on what that loop never did.

    Attributes:
        expected: Digest of the first block of the log that is governed.
        found: Of the other one.
    """

    code: ClassVar[str] = "cycles.another-log"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(
            f"expected the decision log that is governed here, whose first block is {expected}, "
            f"found one that begins with {found}; name that log, or govern the other one below "
            "an artifact folder of its own (TORGHUT_ARTIFACT_DIR)"
        )
        self.expected = expected
        self.found = found


class BackfillBehindError(TorghutError):
    """Governance has seen later times than those that are to be gone through; it never goes back.

    Attributes:
        last_ns: The latest that it has seen.
    """

    code: ClassVar[str] = "cycles.backfill-behind"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, to_ns: int, last_ns: int) -> None:
        super().__init__(
            f"expected a governance log that has seen nothing after {instant(to_ns)}, found a "
            f"cycle at {instant(last_ns)}; name another folder of artifacts, or a later time"
        )
        self.to_ns = to_ns
        self.last_ns = last_ns
