"""What can stand against deciding a source into a log with what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torghut.decisions.fold.judging import ControlRefusal
from torghut.kernel.errors import ExitCode, TorghutError


class SourceDiffersError(TorghutError):
    """The log was decided from other data than the source that it is to go on with."""

    code: ClassVar[str] = "run.source-differs"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: Sequence[str], found: Sequence[str]) -> None:
        super().__init__(
            f"expected the source that the log was decided from, with digests "
            f"{', '.join(digest[:16] for digest in expected)}, found "
            f"{', '.join(digest[:16] for digest in found) or 'nothing read before'}; "
            "name another log, or begin afresh"
        )
        self.expected = tuple(expected)
        self.found = tuple(found)


class ShadowArmMissingError(TorghutError):
    """A log that began without the router's shadow arm cannot get it later."""

    code: ClassVar[str] = "run.shadow-arm-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "router mode shadow: expected a log that was begun with it, found one without a "
            "shadow arm; name another log, or begin afresh"
        )


class ControlMalformedError(TorghutError):
    """What was offered is no control record."""

    code: ClassVar[str] = "run.control-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(
            f"{place}: expected {expected}, found {found}; correct it and offer it again"
        )
        self.place = place
        self.expected = expected
        self.found = found


class ControlRefusedError(TorghutError):
    """A control record cannot hold: it names what is not known, or its id is another's."""

    code: ClassVar[str] = "run.control-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(
        self, *, place: str, refusal: ControlRefusal, expected: str, found: str, advice: str
    ) -> None:
        super().__init__(
            f"{place}: {refusal}: expected {expected}, found {found}; {advice}; nothing was decided"
        )
        self.place = place
        self.refusal = refusal
        self.expected = expected
        self.found = found
        self.advice = advice
