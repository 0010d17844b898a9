"""What asking for advice may cost, which every command of it needs declared."""

from __future__ import annotations

from typing import ClassVar

from torghut.decisions.declarations import Declarations
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.declarations.governance import AskingTerms


class AskingUndeclaredError(TorghutError):
    """Nothing is declared of what asking for advice may cost."""

    code: ClassVar[str] = "reasoning.undeclared"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "governance/policies/reasoning.yaml: expected `bounds` and `asking`, found none; "
            "declare them before advice is asked for"
        )


def asking_terms(declarations: Declarations) -> AskingTerms:
    """Return what is declared.

    Raises:
        AskingUndeclaredError: Nothing is.
    """
    terms = declarations.reasoning.asking
    if terms is None:
        raise AskingUndeclaredError
    return terms
