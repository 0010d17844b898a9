"""What callers of the evaluations can get wrong."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import TorghutError


class AnswersMisalignedError(TorghutError):
    """A decider did not answer every context once, so its answers cannot be compared."""

    code: ClassVar[str] = "evals.answers-misaligned"

    def __init__(self, *, what: str, expected: int, found: int) -> None:
        super().__init__(f"{what}: expected {expected}, found {found}; answer every context once")
        self.what = what
        self.expected = expected
        self.found = found


class NothingToCheckError(TorghutError):
    """There are no contexts to look for look-ahead in."""

    code: ClassVar[str] = "evals.nothing-to-check"

    def __init__(self, *, contexts: int) -> None:
        super().__init__(
            f"expected at least two contexts, found {contexts}; check a longer piece of the source"
        )
        self.contexts = contexts


class PairingRefusedError(TorghutError):
    """Arms do not pair: a length, a number, an order or a name is wrong, so nothing is judged."""

    code: ClassVar[str] = "evals.pairing-refused"

    def __init__(self, *, what: str, expected: str, found: str) -> None:
        super().__init__(f"{what}: expected {expected}, found {found}; decide every arm again")
        self.what = what
        self.expected = expected
        self.found = found


class WindowNotSplitError(TorghutError):
    """A window cannot be split by time as declared; take a longer one, or other ratios."""

    code: ClassVar[str] = "evals.window-not-split"

    def __init__(self, *, what: str, expected: str, found: str) -> None:
        super().__init__(f"{what}: expected {expected}, found {found}; take a longer window")
        self.what = what
        self.expected = expected
        self.found = found


class TrialsRefusedError(TorghutError):
    """A count of trials is no count; read it from the ledger, this trial included."""

    code: ClassVar[str] = "evals.trials-refused"

    def __init__(self, *, found: int) -> None:
        super().__init__(
            f"trials: expected 1 or more, found {found}; count them in the ledger, this one too"
        )
        self.found = found
