"""``torghut reasoning compile`` and ``eval``: a program from a log, and what one is worth on it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final, Literal, TypedDict

import click
from typing_extensions import Unpack

from torghut.composition import deciding, governing, standby
from torghut.composition.advice import programs
from torghut.composition.advice.settings import endpoint_access
from torghut.composition.logs import LogPlace
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    plural,
    print_fields,
    print_json,
    print_table,
    progress,
)
from torghut.entrypoints.cli.lookup.reading import followed, place_option
from torghut.entrypoints.cli.reasoning.programs import load_program, programs_option
from torghut.entrypoints.cli.reasoning.terms import AskingUndeclaredError, asking_terms
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.settings import artifact_dir
from torghut.workflows.reasoning.evaluating import Evaluation
from torghut.workflows.reasoning.learning import Lessons, lessons

_COLUMNS: Final = {"gate": "left", "": "left", "found": "right", "wanted": "left"}


class _Compiled(TypedDict):
    """What was typed."""

    log_path: LogPlace
    name: str
    teacher: str
    optimizer: Literal["bootstrap", "gepa"]
    demos: int
    questions: int
    programs_path: Path | None
    as_json: bool


@click.command()
@place_option
@click.option("--name", required=True, help="Of the package: lower-case words with hyphens.")
@click.option(
    "--teacher",
    required=True,
    help="Model of the same endpoint: its answers become examples, or it reflects.",
)
@click.option(
    "--optimizer",
    type=click.Choice(["bootstrap", "gepa"]),
    default="bootstrap",
    show_default=True,
    help="DSPy's BootstrapFewShot or GEPA.",
)
@click.option(
    "--demos",
    type=click.IntRange(1, 16),
    default=4,
    show_default=True,
    help="Most examples for each step, of bootstrap.",
)
@click.option(
    "--questions",
    type=click.IntRange(10, 100_000),
    default=200,
    show_default=True,
    help="Most questions that all candidates are asked together, of gepa.",
)
@programs_option
@json_option
def compile(**typed: Unpack[_Compiled]) -> ExitCode:  # noqa: A001 - the command's word
    """Compile a program for TORGHUT_REASONING_MODEL from the questions on a log's record.

    Its early part is learned from; the late one, apart by an embargo, is for torghut reasoning
    eval. With bootstrap a teacher answers, and answers that hindsight agrees with become examples;
    with gepa the teacher rewrites the steps' instructions from what was answered and what hindsight
    says of it. Compiling again makes the same package where the endpoint says the same.
    """
    access = endpoint_access()
    declared = deciding.declarations()
    terms = asking_terms(declared)
    options: programs.BootstrapOptions | programs.GepaOptions
    options = programs.BootstrapOptions(demos=typed["demos"])
    if typed["optimizer"] == "gepa":
        options = programs.GepaOptions(questions=typed["questions"])
    asked = programs.Compiling(name=typed["name"], teacher=typed["teacher"], options=options)
    with progress() as told:
        learned = asyncio.run(_lessons(typed["log_path"], declared, told))
        told.stage(f"Compiling from {len(learned.train.examples):,} questions")
        package = programs.compiled(access, learned, asked, confidence_min=terms.confidence_min)
        programs.program_store(typed["programs_path"]).save(package)
    examples = len(learned.train.examples)
    if typed["as_json"]:
        print_json(
            {
                "package": f"{package.name}@{package.digest}",
                "digest": package.digest,
                "examples": examples,
                "suite": learned.train.digest,
                "missing_records": learned.missing,
                "unlabelled": learned.open,
                "embargo_ns": str(learned.embargo_ns),
            }
        )
    else:
        click.echo(f"{package.reference}, from {plural(examples, 'question')}")
    return ExitCode.YES


class _Evaluated(TypedDict):
    """What was typed."""

    package: str | None
    log_path: LogPlace
    programs_path: Path | None
    as_json: bool


@click.command()
@click.argument("package", required=False)
@place_option
@programs_option
@json_option
def eval(**typed: Unpack[_Evaluated]) -> ExitCode:  # noqa: A001 - the command's word
    """Ask a program every question of a log's late part, and compare with hindsight.

    PACKAGE is NAME@DIGEST; without one the uncompiled program is asked. Ends with 0 if every gate
    holds, and 1 if one does not.
    """
    access = endpoint_access()
    declared = deciding.declarations()
    terms = _terms(declared)
    text = typed["package"]
    package = None if text is None else load_program(text, typed["programs_path"])
    with progress() as told:
        learned = asyncio.run(_lessons(typed["log_path"], declared, told))
        told.stage("Asking", total=len(learned.test.examples))
        found = programs.evaluated(
            access,
            package,
            learned.test,
            terms,
            lambda count: told.at(count, plural(count, "question")),
        )
    if typed["as_json"]:
        print_json(_as_json(found))
    else:
        _print(found)
    return ExitCode.YES if found.passed else ExitCode.NO


def _terms(declared: Declarations) -> programs.Terms:
    """Return how questions are asked, as they are served.

    Raises:
        AskingUndeclaredError: Nothing is declared of it.
    """
    bounds = declared.reasoning.bounds
    if bounds is None:
        raise AskingUndeclaredError
    return programs.Terms(
        budget_ms=bounds.budget_ms - bounds.reserve_ms,
        confidence_min=asking_terms(declared).confidence_min,
    )


async def _lessons(path: LogPlace, declared: Declarations, told: Progress) -> Lessons:
    """Return what a log offers to learn from."""
    async with followed(path, 0, "Reading what was asked", told) as (log, tell):
        store = standby.artifact_root(artifact_dir())
        split = governing.governing_policies().evaluation.split
        return await lessons(log, store, declared, split, progress=tell)


def _print(found: Evaluation) -> None:
    """Show an evaluation to people."""
    print_fields(
        {
            "suite": found.suite,
            "questions": f"{len(found.answers):,}",
            "as hindsight": f"{found.aligned:.1%}",
        }
    )
    click.echo()
    rows = [
        (
            one.name,
            "ok" if one.passed else "fail",
            "unknown" if one.found is None else f"{one.found:.4g}",
            one.wanted,
        )
        for one in found.gates
    ]
    print_table(_COLUMNS, rows)


def _as_json(found: Evaluation) -> JsonObject:
    """Return an evaluation, for machines."""
    return {
        "suite": found.suite,
        "questions": len(found.answers),
        "aligned": found.aligned,
        "passed": found.passed,
        "gates": {
            one.name: {"found": one.found, "wanted": one.wanted, "passed": one.passed}
            for one in found.gates
        },
    }
