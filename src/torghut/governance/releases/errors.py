"""Why a signed release opens nothing; the latch's own refusals are those of safety."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class ReleaseRoleError(TorghutError):
    """The key that signs a release acts for a machine; a latch is opened by people."""

    code: ClassVar[str] = "releases.role"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected the key of a person, found one of the role {found}")
        self.found = found


class ReleaseLatchError(TorghutError):
    """What was signed is a release of another latch than the one that it is handed in to."""

    code: ClassVar[str] = "releases.latch"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected a release of the latch {expected}, found one of {found}")
        self.expected = expected
        self.found = found


class ReleaseLateError(TorghutError):
    """A release was signed too long before it is handed in, or after: what was seen is over."""

    code: ClassVar[str] = "releases.late"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, allowed_ms: int, found_ms: int) -> None:
        super().__init__(
            f"expected a release signed within {allowed_ms} ms of now, found one signed "
            f"{found_ms} ms before; look at the incident again, and sign again"
        )
        self.allowed_ms = allowed_ms
        self.found_ms = found_ms


class ReleaseUnprovenError(TorghutError):
    """What opened the latch is signed by no declared keys in time, nor shown: it stays stopped."""

    code: ClassVar[str] = "releases.unproven"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(
            f"expected {expected}, found {found}; whoever wrote it is not known by a declared key"
        )
        self.expected = expected
        self.found = found
