"""What the record of cycles refuses; a refused command changes nothing."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


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
            f"expected {expected}, found {found_ns} ns; look at the clock, or keep cycles of "
            "recorded data below an artifact root of their own"
        )
        self.expected = expected
        self.found_ns = found_ns
