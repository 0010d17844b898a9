"""What a submission names: a candidate, a window, and where it all comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from typing_extensions import override

from torghut.artifacts.package import Package
from torghut.composition import deciding
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.lookup.packages import load_package
from torghut.entrypoints.cli.lookup.times import parse_time

_BETWEEN: Final = ".."


class WindowType(click.ParamType):
    """Two times with ``..`` between them; a day is meant whole."""

    name = "window"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        first, _, last = str(value).partition(_BETWEEN)
        found = parse_time(first), parse_time(last, ends=True)
        if found[0] is None or found[1] is None or found[0] > found[1]:
            self.fail(
                "expected two days or times with their zones, the earlier first, such as "
                f"2014-05-01..2014-05-08, found {str(value)!r}",
                param,
                ctx,
            )
        return found[0], found[1]


def read_candidate(text: str, packages: Path | None) -> Package | Declarations:
    """Return the candidate that ``text`` names: a folder of declarations, else a package.

    Raises:
        DeclarationError: The folder's declarations do not fit.
        PackageReferenceError: It names no package.
        PackageMissingError: There is none.
        PackageAlteredError: It is not as it was written.
    """
    if Path(text).is_dir():
        return deciding.declarations_in(Path(text))
    return load_package(text, packages)
