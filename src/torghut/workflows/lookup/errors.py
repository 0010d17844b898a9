"""What can be asked of a log that is not in it."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class DecisionUnknownError(TorghutError):
    """The log holds no decision like the one asked for; that is an answer, not a fault."""

    code: ClassVar[str] = "lookup.decision-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, wanted: str) -> None:
        super().__init__(
            f"expected {wanted}, found none in this log; `torghut decision list` says what there is"
        )
        self.wanted = wanted


class ContextRefusedError(TorghutError):
    """A decision was asked for whose context was refused, so there is none."""

    code: ClassVar[str] = "lookup.context-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, code: str) -> None:
        super().__init__(
            f"expected a decision, found a context that was refused with {code}; "
            "`torghut decision why` says what that means"
        )
        self.refusal = code
