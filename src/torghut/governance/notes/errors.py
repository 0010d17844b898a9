"""What is wrong with a note that is read."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class NoteUnreadableError(TorghutError):
    """A note does not have exactly one machine block, or it does not say what notes say."""

    code: ClassVar[str] = "notes.unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected a note with one machine block, found {found}; notes are never edited"
        )
        self.found = found
