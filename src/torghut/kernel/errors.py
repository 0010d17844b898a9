"""The root of every error Torghut raises on purpose: a stable code, and whether to try again."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a command's exit status says, everywhere."""

    YES = 0
    NO = 1
    USAGE = 2
    CONTRACT = 3
    INTEGRITY = 4
    DISAGREES = 5
    NOT_FINAL = 6
    UNREACHABLE = 7


class TorghutError(Exception):
    """Something Torghut refuses or could not do.

    The message says what was expected, what was found and, where there is something to do, what
    to do. Subclasses keep what they found in typed attributes.
    """

    code: ClassVar[str]
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT
