"""Why a broker cannot carry something."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class BrokerUnreachableError(TorghutError):
    """The broker does not answer, or refuses what was asked; what it holds is not thereby lost."""

    code: ClassVar[str] = "carrying.broker-unreachable"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, what: str, found: str, budget_ms: int) -> None:
        super().__init__(
            f"{what}: expected an answer of the broker within {budget_ms} ms, found {found}; "
            "check --bootstrap and whether the broker runs"
        )
        self.what = what
        self.found = found
        self.budget_ms = budget_ms


class TopicMissingError(TorghutError):
    """A topic that is declared is not on the broker."""

    code: ClassVar[str] = "carrying.topic-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, *, topic: str) -> None:
        super().__init__(
            f"expected the topic {topic}, found none of that name; "
            "make what is declared with `torghut topics apply`"
        )
        self.topic = topic


class OffsetsGoneError(TorghutError):
    """The log goes on at an offset that the topic does not have: it was cut, or made anew."""

    code: ClassVar[str] = "carrying.offsets-gone"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, place: str, expected: int, found: str) -> None:
        super().__init__(
            f"{place}: expected a topic that goes on at offset {expected}, found {found}; "
            "use the topic that the log was decided from, or begin a new log"
        )
        self.place = place
        self.expected = expected


class VoiceSilencedError(TorghutError):
    """Another process publishes a partition's decisions by now: this one must not any more."""

    code: ClassVar[str] = "carrying.voice-silenced"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, place: str) -> None:
        super().__init__(
            f"{place}: expected to be the only one that publishes it, found another that took it "
            "over; let go of the partition and join again"
        )
        self.place = place
