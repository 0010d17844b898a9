"""Reads a file of control records, one a line, each with its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.workflows.running.controls import RECORD_BYTES_MAX, Offered, parse_control


class ControlFileError(TorghutError):
    """A file of control records cannot be read."""

    code: ClassVar[str] = "cli.control-file"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, path: Path, found: str) -> None:
        super().__init__(
            f"{path}: expected a file that can be read, found {found}; "
            "correct --control; nothing was decided"
        )
        self.path = path
        self.found = found


def read_controls(path: Path) -> Sequence[Offered]:
    """Return the control records in ``path``, one JSON object a line; blank lines are passed over.

    Raises:
        ControlFileError: It cannot be read.
        ControlMalformedError: A line is no control record; nothing of the file holds then.
    """
    return [parse_control(line, f"{path.name}, line {number}") for number, line in _lines(path)]


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield every line that is not blank, with its number from 1; of one too long its beginning."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(RECORD_BYTES_MAX + 1):
                number += 1
                if len(line) > RECORD_BYTES_MAX:
                    yield number, line  # refused for its length; there is no next line then
                elif line.strip():
                    yield number, line.strip()
    except OSError as error:
        raise ControlFileError(path=path, found=error.strerror or "none") from error
