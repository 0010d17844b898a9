"""Why there is no advice: what went wrong with a call, and whether an answer came at all."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from torghut.kernel.errors import ExitCode, TorghutError

FaultResolution = Literal["timed-out", "invalid", "failed"]

CANCELLED: Final = "reasoning.cancelled"
"""Code of a question, or a call, that whoever asked gave up."""

DEFECT: Final = "reasoning.defect"
"""Code of a question that ended by an error that nobody foresaw."""

_SHOWN: Final = 120


class AdviceFaultError(TorghutError):
    """A question that got no advice.

    Attributes:
        resolution: How it is recorded: no answer in time, one that is not to be trusted, or none.
    """

    code: ClassVar[str] = "reasoning.fault"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE
    resolution: ClassVar[FaultResolution] = "failed"


class DeadlineError(AdviceFaultError):
    """Its time was over before the answer was whole."""

    code: ClassVar[str] = "reasoning.deadline"
    resolution: ClassVar[FaultResolution] = "timed-out"

    def __init__(self, *, step: str) -> None:
        super().__init__(
            f"expected the answer to {step} before the deadline, found none; the fallback answers"
        )
        self.step = step


class EndpointUnreachableError(AdviceFaultError):
    """No connection to the endpoint, or it broke before the answer was whole."""

    code: ClassVar[str] = "reasoning.endpoint-unreachable"

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected a whole answer from the endpoint, found {found[:_SHOWN]}; "
            "torghut reasoning probe says how far it is reached"
        )
        self.found = found


class EndpointUnauthorisedError(AdviceFaultError):
    """The endpoint does not take the key."""

    code: ClassVar[str] = "reasoning.endpoint-unauthorised"

    def __init__(self, *, status: int) -> None:
        super().__init__(
            f"expected the endpoint to take the key, found status {status}; "
            "check the file that TORGHUT_REASONING_KEY_FILE names"
        )
        self.status = status


class EndpointThrottledError(AdviceFaultError):
    """The endpoint takes no more calls for now; how long it says is not relied on."""

    code: ClassVar[str] = "reasoning.endpoint-throttled"

    def __init__(self) -> None:
        super().__init__("expected an answer, found status 429: too many calls for the endpoint")


class EndpointRefusedError(AdviceFaultError):
    """The endpoint answers with another status; a redirect is never followed."""

    code: ClassVar[str] = "reasoning.endpoint-refused"

    def __init__(self, *, status: int) -> None:
        super().__init__(f"expected status 200 from the endpoint, found {status}")
        self.status = status


class ReplyOversizedError(AdviceFaultError):
    """More came than is ever read."""

    code: ClassVar[str] = "reasoning.reply-oversized"
    resolution: ClassVar[FaultResolution] = "invalid"

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"expected a reply of at most {limit} bytes, found more")
        self.limit = limit


class ReplyMalformedError(AdviceFaultError):
    """What came is not one whole chat completion, or could be read in two ways."""

    code: ClassVar[str] = "reasoning.reply-malformed"
    resolution: ClassVar[FaultResolution] = "invalid"

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(f"reply, {place}: expected {expected}, found {found[:_SHOWN]}")
        self.place = place
        self.expected = expected
        self.found = found


class AnswerCutOffError(AdviceFaultError):
    """The model stopped for another reason than that it was done."""

    code: ClassVar[str] = "reasoning.answer-cut-off"
    resolution: ClassVar[FaultResolution] = "invalid"

    def __init__(self, *, finish: str) -> None:
        super().__init__(f"expected finish_reason stop, found {finish[:_SHOWN]}")
        self.finish = finish


class AnswerDeclinedError(AdviceFaultError):
    """The model said something else than an answer: a refusal, or a call of a tool."""

    code: ClassVar[str] = "reasoning.answer-declined"
    resolution: ClassVar[FaultResolution] = "invalid"

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected an answer, found {found[:_SHOWN]}")
        self.found = found


class AnswerMalformedError(AdviceFaultError):
    """An answer does not fit its step's schema."""

    code: ClassVar[str] = "reasoning.answer-malformed"
    resolution: ClassVar[FaultResolution] = "invalid"

    def __init__(self, *, step: str, problem: str) -> None:
        super().__init__(f"answer to {step}: {problem[: 2 * _SHOWN]}")
        self.step = step
        self.problem = problem


class ModelDiffersError(AdviceFaultError):
    """Another model answered than the package pins."""

    code: ClassVar[str] = "reasoning.model-differs"
    resolution: ClassVar[FaultResolution] = "invalid"

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected an answer of model {expected}, found {found[:_SHOWN]}")
        self.expected = expected
        self.found = found


class BudgetSpentError(AdviceFaultError):
    """What compiling or evaluating a program may cost is spent before it was done."""

    code: ClassVar[str] = "reasoning.budget-spent"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, what: str, most: int) -> None:
        super().__init__(
            f"expected at most {most:,} {what}, found more to be done; take fewer questions, or "
            "raise what governance/policies/reasoning.yaml allows `programs`"
        )
        self.what = what
        self.most = most
