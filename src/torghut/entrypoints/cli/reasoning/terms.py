"""What asking for advice may cost, and within which time: declared, or nobody is asked."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from torghut.decisions.declarations import Declarations
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.declarations.governance import AdviceBounds, AskingTerms

T = TypeVar("T")


class AskingUndeclaredError(TorghutError):
    """Nothing is declared of what asking for advice may cost, or of what it may change."""

    code: ClassVar[str] = "reasoning.undeclared"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, part: str) -> None:
        super().__init__(
            f"governance/policies/reasoning.yaml: expected `{part}`, found none; "
            "declare it before advice is asked for"
        )
        self.part = part


def asking_terms(declarations: Declarations) -> AskingTerms:
    """Return what asking may cost.

    Raises:
        AskingUndeclaredError: Nothing is declared of it.
    """
    return _declared(declarations.reasoning.asking, part="asking")


def bounds_of(declarations: Declarations) -> AdviceBounds:
    """Return what advice may change at most, and within which time.

    Raises:
        AskingUndeclaredError: Nothing is declared of it.
    """
    return _declared(declarations.reasoning.bounds, part="bounds")


def _declared(found: T | None, *, part: str) -> T:
    """Return a part of what is declared of reasoning.

    Raises:
        AskingUndeclaredError: It is not there.
    """
    if found is None:
        raise AskingUndeclaredError(part=part)
    return found
