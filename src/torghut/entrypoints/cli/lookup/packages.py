"""Which package a command is about: ``NAME@DIGEST``, or ``NAME`` where there is only one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from torghut.artifacts.package import Package, parse_reference
from torghut.composition import deciding
from torghut.workflows.running.serving import PackageAmbiguousError

packages_option: Final = click.option(
    "--packages",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that keeps packages; by default of those that came with this installation.",
)
"""The option ``--packages``; the command's parameter has the same name."""


def load_package(text: str, packages: Path | None) -> Package:
    """Return the package that ``text`` names, verified to the last byte.

    Raises:
        PackageAmbiguousError: Several have the name.
        PackageReferenceError: No package has it.
        PackageMissingError: There is none with that digest.
        PackageAlteredError: It is not as it was written.
    """
    store = deciding.package_store(packages)
    named = [one for one in store.references() if one.name == text]
    if len(named) > 1:
        raise PackageAmbiguousError(name=text, found=tuple(map(str, named)))
    return store.load(named[0] if named else parse_reference(text))
