"""What the safety deciders refuse; a refused command changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.control import REASON_MAX


class OutOfOrderError(TorghutError):
    """A numbered observation is not the next one, and not the last one again; number it anew."""

    code: ClassVar[str] = "safety.out-of-order"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, what: str, expected: int, found: int) -> None:
        super().__init__(
            f"{what}: expected number {expected}, found {found}; "
            "read the stream again and number it by what is there"
        )
        self.what = what
        self.expected = expected
        self.found = found


class ReasonMissingError(TorghutError):
    """Somebody asks for something that must be explained, and does not explain it."""

    code: ClassVar[str] = "safety.reason-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected a reason of 1 to {REASON_MAX} characters, found {found[:40]!r}")
        self.found = found


class NotStoppedError(TorghutError):
    """A release was asked for, and the loop is not stopped."""

    code: ClassVar[str] = "safety.not-stopped"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, incident_id: str) -> None:
        super().__init__(f"expected a stopped loop, found none to release from {incident_id}")
        self.incident_id = incident_id


class IncidentMismatchError(TorghutError):
    """A release names another incident than the one that stops the loop."""

    code: ClassVar[str] = "safety.incident-mismatch"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}; look at the one that is open")
        self.expected = expected
        self.found = found


class TriggersUnacknowledgedError(TorghutError):
    """A release does not name exactly the triggers of its incident: more came, or were not seen."""

    code: ClassVar[str] = "safety.triggers-unacknowledged"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: Sequence[str], found: Sequence[str]) -> None:
        super().__init__(
            f"expected the triggers {', '.join(expected)}, found {', '.join(found) or 'none'}; "
            "look at the incident again, then name all of them"
        )
        self.expected = tuple(expected)
        self.found = tuple(found)


class SecondPersonNeededError(TorghutError):
    """A live loop is released by two people, and the second one has the key of the first."""

    code: ClassVar[str] = "safety.second-person-needed"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, key: str) -> None:
        super().__init__(f"expected another key than {key}, which has asked already")
        self.key = key


class PolicyMismatchError(TorghutError):
    """A verdict was reached under another policy than the one that decides what follows."""

    code: ClassVar[str] = "safety.policy-mismatch"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected a verdict under policy {expected}, found {found}; judge again")
        self.expected = expected
        self.found = found


class ActionUnknownError(TorghutError):
    """An action is said to have ended that was never triggered here."""

    code: ClassVar[str] = "safety.action-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, action_id: str) -> None:
        super().__init__(f"expected an action on record, found {action_id}; name one of those")
        self.action_id = action_id


class CanaryMismatchError(TorghutError):
    """A canary is told of another run, candidate or patch than its own, which never change."""

    code: ClassVar[str] = "safety.canary-mismatch"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}; each run has a canary of its own")
        self.expected = expected
        self.found = found


class RollbackStepError(TorghutError):
    """A step of a rollback is told before the step that it follows."""

    code: ClassVar[str] = "safety.rollback-step"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class RollbackNotEffectiveError(TorghutError):
    """The first decisions after the switch are too few, or not all by what it goes back to."""

    code: ClassVar[str] = "safety.rollback-not-effective"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, expected: int, found: int, of: int) -> None:
        super().__init__(
            f"expected the first {expected} decisions by what the rollback goes back to, "
            f"found {found} of {of}; wait for more, or throw a switch"
        )
        self.expected = expected
        self.found = found
        self.of = of
