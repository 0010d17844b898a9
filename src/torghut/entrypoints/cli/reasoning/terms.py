"""What asking for advice may cost, and what programs must show: declared, or nothing is done."""

from __future__ import annotations

from typing import ClassVar

from torghut.decisions.declarations import Declarations
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.declarations.governance import AdviceBounds, AskingTerms
from torghut.schemas.declarations.rollout.programs import ProgramTerms


class AskingUndeclaredError(TorghutError):
    """Nothing is declared of what asking for advice may cost, or of what programs must show."""

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
    terms = declarations.reasoning.asking
    if terms is None:
        raise AskingUndeclaredError(part="asking")
    return terms


def bounds_of(declarations: Declarations) -> AdviceBounds:
    """Return what advice may change at most, and within which time.

    Raises:
        AskingUndeclaredError: Nothing is declared of it.
    """
    bounds = declarations.reasoning.bounds
    if bounds is None:
        raise AskingUndeclaredError(part="bounds")
    return bounds


def program_terms(declarations: Declarations) -> ProgramTerms:
    """Return what binds whoever compiles and judges programs.

    Raises:
        AskingUndeclaredError: Nothing is declared of it.
    """
    terms = declarations.reasoning.programs
    if terms is None:
        raise AskingUndeclaredError(part="programs")
    return terms
