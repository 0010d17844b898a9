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
