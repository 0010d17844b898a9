"""Why declarations are refused: every problem names file, key, expected, found and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from torghut.kernel.errors import ExitCode, TorghutError

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a declaration.

    Attributes:
        key: Where, such as ``gates[3].threshold.default``; a line for broken text.
        expected: What may stand there.
        found: What stands there.
        advice: What to do.
    """

    key: str
    expected: str
    found: str
    advice: str

    def __str__(self) -> str:
        return f"{self.key}: expected {self.expected}, found {self.found}; {self.advice}"


class DeclarationError(TorghutError):
    """A declaration cannot be used as it stands.

    Attributes:
        file: The file as its reader named it.
        problems: Everything found wrong with it, at least one.
    """

    code: ClassVar[str] = "declarations.refused"

    def __init__(self, *, file: str, problems: Sequence[Problem]) -> None:
        shown = "\n".join(f"{file}: {problem}" for problem in problems[:_SHOWN])
        hidden = len(problems) - _SHOWN
        super().__init__(shown if hidden <= 0 else f"{shown}\n{file}: and {hidden} more")
        self.file = file
        self.problems = tuple(problems)


class DeclarationSyntaxError(DeclarationError):
    """The text is not the plain YAML that declarations are written in."""

    code: ClassVar[str] = "declarations.syntax"


class DeclarationContentError(DeclarationError):
    """A key is unknown or missing, or a value is not what its key may hold."""

    code: ClassVar[str] = "declarations.content"


class DeclarationConflictError(DeclarationError):
    """Each file is right by itself, but together they contradict one another."""

    code: ClassVar[str] = "declarations.conflict"


class DeclarationMissingError(DeclarationError):
    """A declaration that is always needed is not there, or cannot be read."""

    code: ClassVar[str] = "declarations.missing"


class DeclarationBytesError(DeclarationError):
    """Recorded declarations are not the canonical bytes that were written."""

    code: ClassVar[str] = "declarations.altered"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, found: str) -> None:
        problem = Problem(
            key="the document",
            expected="the canonical bytes that were recorded",
            found=found,
            advice="restore them from where they were published",
        )
        super().__init__(file="the recorded declarations", problems=[problem])
