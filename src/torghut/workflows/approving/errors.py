"""Why a run that once passed earns nothing now, each with what to do."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class RunRefusedError(TorghutError):
    """A run cannot earn its candidate a promotion, or an approval, as things stand.

    Attributes:
        expected: What was.
        found: What there is instead.
    """

    code: ClassVar[str] = "promotion.refused"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class RunUnrecordedError(RunRefusedError):
    """Governance's log has no such run: work where the run was governed."""

    code: ClassVar[str] = "promotion.run-unrecorded"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY


class ManifestDiffersError(RunRefusedError):
    """The file is not what the run's events come to; publish the run again."""

    code: ClassVar[str] = "promotion.manifest-differs"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY


class RunFailedSinceError(RunRefusedError):
    """Later cycles judged the run again, and it does not pass any more; run the lane again."""

    code: ClassVar[str] = "promotion.run-failed-since"


class StopHoldsError(RunRefusedError):
    """The stop latch is closed; release it first, with `torghut latch release`."""

    code: ClassVar[str] = "promotion.stop-holds"


class RunTooOldError(RunRefusedError):
    """The run has been final for longer than is declared; run the lane again."""

    code: ClassVar[str] = "promotion.run-too-old"


class SignalsMissingError(RunRefusedError):
    """Signals are missing, and nothing goes to live meanwhile; wait until they are back."""

    code: ClassVar[str] = "promotion.signals-missing"


class LiveUnfoundedError(RunRefusedError):
    """Something that live takes besides an approval is missing by now; it is named."""

    code: ClassVar[str] = "promotion.live-unfounded"
