"""The composition root of programs' packages: found and checked without what renders them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from torghut.adapters.dspy.versions import libraries
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.artifacts.errors import PackageMissingError
from torghut.artifacts.package import Package, PackageReference
from torghut.artifacts.ports import PackageStore
from torghut.reasoning.program import (
    AdviceProgram,
    AdviceProgramInvalidError,
    check_rendering,
    read_program,
)
from torghut.settings import artifact_dir

PROGRAMS: Final = "programs"
"""Folder of programs' packages, below that of artifacts."""


def program_store(root: Path | None = None) -> PackageStore:
    """Return where packages of programs are kept."""
    return FolderPackageStore(root or artifact_dir() / PROGRAMS)


def package_of(digest: str, store: PackageStore) -> Package:
    """Return the package of a digest.

    Raises:
        PackageMissingError: There is none.
    """
    for one in store.references():
        if digest.startswith(one.digest):
            return store.load(PackageReference(name=one.name, digest=digest))
    raise PackageMissingError(reference=f"advice-program@{digest[:12]}", place=PROGRAMS)


def program_in(package: Package) -> AdviceProgram:
    """Return the program in a package, if the libraries here are those that it was compiled with.

    Whether they render it to the same bytes is seen where it is served.

    Raises:
        AdviceProgramInvalidError: It holds none that could be served here.
    """
    program = read_program(package)
    check_rendering(program, {}, libraries())
    return program


def program_for(package: Package, model: str) -> AdviceProgram:
    """Return the program in a package, if it was compiled for a model, and could be served here.

    Raises:
        AdviceProgramInvalidError: It was not, or could not.
    """
    program = program_in(package)
    if program.parameters.model != model:
        raise AdviceProgramInvalidError(
            package=str(package.reference),
            expected=f"one compiled for the model {model}",
            found=program.parameters.model,
        )
    return program
