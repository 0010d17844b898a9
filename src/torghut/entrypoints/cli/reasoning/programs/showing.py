"""``torghut reasoning show`` and ``verify``: what a compiled program is, and if it is served."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from torghut.artifacts.package import Package
from torghut.composition import standby
from torghut.composition.advice import serving
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.reasoning.programs.asking import load_program, programs_option
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.reasoning.program import AdviceProgram, read_program


@click.command()
@click.argument("package")
@programs_option
@json_option
def show(package: str, *, programs_path: Path | None, as_json: bool) -> ExitCode:
    """Show a compiled program: what it was made from, and what each step is told and shown.

    PACKAGE is NAME@DIGEST, or whom the promotion ledger names, such as NAME@champion.
    """
    found = load_program(package, programs_path)
    program = read_program(found)
    if as_json:
        print_json(_as_json(found, program))
        return ExitCode.YES
    made = found.manifest.created_from
    print_fields(
        {
            "package": f"{found.reference}",
            "digest": found.digest,
            "model": program.parameters.model,
            "optimizer": program.optimizer,
            "examples": f"{made.metrics.get('examples', 0):g}, "
            f"{instant(made.window_start_ns)} to {instant(made.window_end_ns)}",
            "versions": ", ".join(f"{name} {text}" for name, text in made.versions.items()),
        }
    )
    for step, one in program.steps.items():
        click.echo(f"\n{step}, {len(one.demos)} examples\n    {one.instructions}")
    return ExitCode.YES


@click.command()
@click.argument("package")
@programs_option
@json_option
def verify(package: str, *, programs_path: Path | None, as_json: bool) -> ExitCode:
    """Verify every file of a compiled program, and that it renders here as where it was compiled.

    Ends with 4 if a file is altered, missing or not listed, and 3 if another version of a library
    or of Torghut makes another program of it: such a one is not served.
    """
    found = load_program(package, programs_path)
    program = read_program(found)
    asyncio.run(serving.checked_module(program, standby.steady_clock()))
    if as_json:
        print_json({"package": str(found.reference), "digest": found.digest, "verified": True})
    else:
        click.echo(f"{found.reference}: every file as listed, every request rendered the same")
    return ExitCode.YES


def _as_json(found: Package, program: AdviceProgram) -> JsonObject:
    """Return a program, for machines."""
    return {
        "package": str(found.reference),
        "digest": found.digest,
        "optimizer": program.optimizer,
        "model": program.parameters.model,
        "created_from": found.manifest.created_from.model_dump(mode="json"),
        "steps": {step: one.model_dump(mode="json") for step, one in program.steps.items()},
    }
