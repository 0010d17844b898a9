"""Why somebody may not write governance, or may not any more."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class LeaseTakenError(TorghutError):
    """Somebody else holds the lease, or is changing it just now; wait until they let go."""

    code: ClassVar[str] = "governance.lease-taken"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, holder: str) -> None:
        super().__init__(f"expected a lease that is free, found it held by {holder}; wait for it")
        self.holder = holder


class LeaseLostError(TorghutError):
    """The lease was held under an epoch that has ended: stop, and write nothing more under it."""

    code: ClassVar[str] = "governance.lease-lost"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, epoch: int, found: str) -> None:
        super().__init__(f"expected epoch {epoch} to hold, found {found}; stop and take it anew")
        self.epoch = epoch
        self.found = found


class LeaseUnreadableError(TorghutError):
    """What says who holds the lease cannot be read or written, so nobody holds it."""

    code: ClassVar[str] = "governance.lease-unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, place: str, found: str) -> None:
        super().__init__(
            f"{place}: expected who holds the lease, found {found}; "
            "end all schedulers, move it away and begin again"
        )
        self.place = place
        self.found = found


class EpochSupersededError(TorghutError):
    """Somebody speaks under an epoch after which another has begun."""

    code: ClassVar[str] = "governance.epoch-superseded"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found: int) -> None:
        super().__init__(f"expected {expected}, found epoch {found}; stop")
        self.expected = expected
        self.found = found
