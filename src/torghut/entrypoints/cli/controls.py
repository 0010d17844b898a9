"""Reads a file of control records: each line parsed strictly, or refused with its number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final

from pydantic import ValidationError

from torghut.decisions.declarations import Declarations
from torghut.kernel.canonical import JsonRefusedError, parse_json_object
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.control import (
    CONTROL_RECORD,
    ControlRecord,
    DeclarationsChanged,
    PackageChanged,
)

LINE_BYTES_MAX: Final = 65_536


class ControlFileError(TorghutError):
    """A file of control records cannot be read, or one of its lines is no control record."""

    code: ClassVar[str] = "cli.control-file"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(f"{place}: expected {expected}, found {found}; nothing was decided")
        self.place = place
        self.expected = expected
        self.found = found


def read_controls(
    path: Path, declared: Declarations, is_package: Callable[[str], bool]
) -> Sequence[ControlRecord]:
    """Return the control records in ``path``, one JSON object a line; blank lines are passed over.

    Args:
        path: Of the file.
        declared: The symbols that a record may name, and the declarations it may put in force.
        is_package: Whether a digest is that of a package that a record may put in force.

    Raises:
        ControlFileError: It cannot be read, or a line is refused; nothing of it holds then.
    """
    records: list[ControlRecord] = []
    taken: dict[str, int] = {}
    for number, line in _lines(path):
        place = f"{path.name}, line {number}"
        record = _parse(line, place)
        if record.control_id in taken:
            raise ControlFileError(
                place=place,
                expected="a control_id of its own",
                found=f"{record.control_id!r}, as in line {taken[record.control_id]}",
            )
        _check_known(record, place, declared, is_package)
        taken[record.control_id] = number
        records.append(record)
    return records


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield every line that is not blank, with its number from 1."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(line) > LINE_BYTES_MAX:
                    raise ControlFileError(
                        place=f"{path.name}, line {number}",
                        expected=f"at most {LINE_BYTES_MAX} bytes",
                        found="more",
                    )
                if line.strip():
                    yield number, line.strip()
    except OSError as error:
        raise ControlFileError(
            place=str(path), expected="a file that can be read", found=error.strerror or "none"
        ) from error


def _parse(line: bytes, place: str) -> ControlRecord:
    """Return the control record that a line spells."""
    try:
        parse_json_object(line)
        return CONTROL_RECORD.validate_json(line)
    except JsonRefusedError as error:
        raise ControlFileError(
            place=place, expected="one JSON object", found=error.found
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the record"
        raise ControlFileError(
            place=place,
            expected=f"{where}: {first['msg']}",
            found=str(first["input"])[:80],
        ) from error


def _check_known(
    record: ControlRecord, place: str, declared: Declarations, is_package: Callable[[str], bool]
) -> None:
    """Refuse a record that names what is not here."""
    known = tuple(instrument.symbol for instrument in declared.instruments)
    if record.symbol not in ("*", *known):
        raise ControlFileError(
            place=place, expected=f"symbol * or one of {', '.join(known)}", found=record.symbol
        )
    if isinstance(record, DeclarationsChanged) and record.declarations != declared.digest:
        raise ControlFileError(
            place=place,
            expected=f"the declarations of this installation, {declared.digest}",
            found=record.declarations,
        )
    package = record.package if isinstance(record, PackageChanged) else None
    if package and not is_package(package):
        raise ControlFileError(
            place=place, expected="the digest of a package that is here", found=package
        )
