"""``torghut router``: fit, show and verify regime packages."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import ClassVar, Final

import click

from torghut.entrypoints.cli.console import (
    json_option,
    plural,
    print_fields,
    print_json,
)
from torghut.entrypoints.cli.lookup.packages import load_package, packages_option
from torghut.entrypoints.cli.lookup.routers import print_router, router_json
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.router.package import read_regime_model

_FITTING: Final = "torghut.entrypoints.cli.lookup.fitting"


class FitExtraMissingError(TorghutError):
    """The libraries that fit regime models are not installed; serving does not need them."""

    code: ClassVar[str] = "cli.fit-extra-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, missing: str) -> None:
        super().__init__(f"expected the extra `evals`, found no {missing}; install torghut[evals]")
        self.missing = missing


def __getattr__(name: str) -> click.Command:
    """Return ``fit``, whose libraries only the extra ``evals`` brings, when it is asked for."""
    if name != "fit":
        raise AttributeError(name)
    try:
        found = importlib.import_module(_FITTING)
    except ModuleNotFoundError as error:
        raise FitExtraMissingError(missing=error.name or "library") from error
    command: click.Command = found.fit
    return command


@click.command()
@click.argument("package")
@packages_option
@json_option
def show(package: str, *, packages: Path | None, as_json: bool) -> ExitCode:
    """Show a regime package: what it was fitted on, how, and how well it went.

    PACKAGE is NAME@DIGEST, or NAME where there is only one.
    """
    found = load_package(package, packages)
    if as_json:
        print_json(router_json(found))
    else:
        print_router(found)
    return ExitCode.YES


@click.command()
@click.argument("package")
@packages_option
@json_option
def verify(package: str, *, packages: Path | None, as_json: bool) -> ExitCode:
    """Verify every file of a regime package against its digest, and that the router can use it.

    Ends with 4 if a file is altered, missing or not listed, and 3 if it holds no usable model.
    `torghut router fit --again` fits it again and compares.
    """
    found = load_package(package, packages)
    model = read_regime_model(found)
    size = sum(map(len, found.files.values()))
    if as_json:
        print_json(
            {
                "package": f"{found.name}@{found.digest}",
                "intact": True,
                "files": len(found.files),
                "bytes": size,
                "regimes": list(model.labels),
            }
        )
    else:
        print_fields(
            {
                "package": f"{found.name}@{found.digest}",
                "intact": f"{plural(len(found.files), 'file')}, {plural(size, 'byte')}, "
                "each as its manifest lists it",
                "regimes": ", ".join(model.labels),
            }
        )
    return ExitCode.YES
