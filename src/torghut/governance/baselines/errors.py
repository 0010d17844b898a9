"""Why there is no baseline, or none to compare with."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class BaselineLogError(TorghutError):
    """A log is none that a baseline can be captured from."""

    code: ClassVar[str] = "baselines.log-unfit"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(
            f"expected a log with {expected}, found {found}; capture from a log that was decided"
        )
        self.expected = expected
        self.found = found


class BaselineNameError(TorghutError):
    """A text names no baseline."""

    code: ClassVar[str] = "baselines.name-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected NAME@DIGEST with twelve digits, as torghut baseline capture prints it, "
            f"found {found!r}"
        )
        self.found = found


class BaselineAlteredError(TorghutError):
    """A baseline's bytes are not those that it is named after."""

    code: ClassVar[str] = "baselines.altered"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, name: str, found: str) -> None:
        super().__init__(
            f"baseline {name}: expected bytes of that digest, found {found}; restore it, or "
            "capture it again from its log"
        )
        self.name = name
        self.found = found
