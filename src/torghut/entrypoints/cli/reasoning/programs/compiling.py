"""``torghut reasoning compile``: a program from what a log has on record."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal, TypedDict

import click
from typing_extensions import Unpack

from torghut.composition import deciding, governing
from torghut.composition.advice import compiling, packages
from torghut.composition.advice.settings import endpoint_access
from torghut.composition.logs import LogPlace
from torghut.entrypoints.cli.console import json_option, plural, print_json, progress
from torghut.entrypoints.cli.lookup.reading import place_option
from torghut.entrypoints.cli.reasoning.programs.asking import programs_option, read_lessons
from torghut.entrypoints.cli.reasoning.terms import asking_terms
from torghut.kernel.errors import ExitCode


class _Compiled(TypedDict):
    """What was typed."""

    log_path: LogPlace
    name: str
    teacher: str
    optimizer: Literal["bootstrap", "gepa", "miprov2"]
    demos: int
    questions: int
    trials: int
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
    type=click.Choice(["bootstrap", "gepa", "miprov2"]),
    default="bootstrap",
    show_default=True,
    help="DSPy's BootstrapFewShot, GEPA or MIPROv2.",
)
@click.option(
    "--demos",
    type=click.IntRange(1, 16),
    default=4,
    show_default=True,
    help="Most examples for each step, of bootstrap and miprov2.",
)
@click.option(
    "--questions",
    type=click.IntRange(10, 100_000),
    default=200,
    show_default=True,
    help="Most questions that all candidates are asked together, of gepa and miprov2.",
)
@click.option(
    "--trials",
    type=click.IntRange(2, 200),
    default=12,
    show_default=True,
    help="Candidates that miprov2 tries; its questions are shared among them.",
)
@programs_option
@json_option
def compile(**typed: Unpack[_Compiled]) -> ExitCode:  # noqa: A001 - the command's word
    """Compile a program for TORGHUT_REASONING_MODEL from the questions on a log's record.

    Its early part is learned from; the late one, apart by an embargo, is for torghut reasoning
    eval. With bootstrap a teacher answers, and answers that hindsight agrees with become examples;
    with gepa the teacher rewrites the steps' instructions from what was answered and what hindsight
    says of it; miprov2 does both, and searches which of them do best together. What it may cost is
    declared in governance/policies/programs.yaml. Compiling again makes the same package where the
    endpoint says the same.
    """
    access = endpoint_access()
    declared = deciding.declarations()
    terms, bounds = asking_terms(declared), governing.governing_policies().programs
    asked = compiling.Compiling(
        name=typed["name"],
        teacher=typed["teacher"],
        options=_options(typed),
        confidence_min=terms.confidence_min,
        spending=compiling.Spending(
            budget=bounds.compiling, unsaid_tokens=terms.tokens_per_question
        ),
    )
    with progress() as told:
        learned = asyncio.run(read_lessons(typed["log_path"], declared, told))
        told.stage(f"Compiling from {len(learned.train.examples):,} questions")
        package = compiling.compiled(access, learned, asked)
        packages.program_store(typed["programs_path"]).save(package)
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


def _options(typed: _Compiled) -> compiling.Options:
    """Return how the optimiser is to work."""
    match typed["optimizer"]:
        case "bootstrap":
            return compiling.BootstrapOptions(demos=typed["demos"])
        case "gepa":
            return compiling.GepaOptions(questions=typed["questions"])
        case "miprov2":
            if typed["trials"] >= typed["questions"]:
                message = f"--trials: expected less than {typed['questions']} questions"
                raise click.UsageError(message)
            return compiling.MiproOptions(
                demos=typed["demos"], questions=typed["questions"], trials=typed["trials"]
            )
