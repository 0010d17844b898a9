"""``torghut reasoning submit``: let a compiled program wait for its run of the lane."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from typing_extensions import TypedDict, Unpack

from torghut.composition import deciding, lanes, standby
from torghut.composition.advice import packages, replaying
from torghut.entrypoints.cli.console import json_option, progress
from torghut.entrypoints.cli.lane.queueing import (
    Author,
    Submission,
    author_option,
    print_submitted,
    submitted,
    target_option,
)
from torghut.entrypoints.cli.lookup.reading import log_option
from torghut.entrypoints.cli.reasoning.programs.asking import (
    load_program,
    programs_option,
    read_lessons,
)
from torghut.kernel.errors import ExitCode
from torghut.schemas.rollout.lane import CandidateSpec, LogWindow
from torghut.schemas.rollout.phases import Target
from torghut.settings import artifact_dir
from torghut.workflows.reasoning.programs.evidence import (
    EvaluationDiffersError,
    answers_again,
    load_evaluation,
    records_of,
)


class _Asked(TypedDict):
    """What was typed."""

    package: str
    evaluation: str
    log_path: Path
    target: Target
    author: Author | None
    programs_path: Path | None
    as_json: bool


@click.command()
@click.argument("package")
@click.option(
    "--evaluation",
    required=True,
    metavar="DIGEST",
    help="What it was asked and answered, as torghut reasoning eval names it.",
)
@log_option
@target_option
@author_option
@programs_option
@json_option
def submit(**asked: Unpack[_Asked]) -> ExitCode:
    """Let a compiled program wait for its run of the lane, with what it was asked and answered.

    PACKAGE is NAME@DIGEST. The log is the one that it was evaluated on. The lane cuts the suite
    from it again and judges every answer by the replies on record: an evaluation that says
    something else is refused, here and there, and here also one that was not asked in the program's
    own words. Nobody is asked again. Live takes the word of who compiled it, by --author with their
    private key; that key cannot approve it.
    """
    package = load_program(asked["package"], asked["programs_path"])
    program = packages.program_in(package)
    store = standby.artifact_root(artifact_dir())
    evaluation = load_evaluation(store, asked["evaluation"])
    if evaluation.program != package.digest:
        raise EvaluationDiffersError(
            expected=f"an evaluation of {package.digest}", found=f"one of {evaluation.program}"
        )
    with progress() as told:
        declared = deciding.declarations()
        suite = asyncio.run(
            read_lessons(asked["log_path"], declared, told, until=evaluation.log_block)
        ).test
        told.stage("Rendering what was asked again")
        answers_again(evaluation, program.parameters, suite, store)
        replaying.check_own(package, records_of(evaluation, store))
    lanes.candidates().keep_package(package)
    found = asyncio.run(
        submitted(
            Submission(
                spec=CandidateSpec(
                    kind="program", router=package.name, package=package.digest, declarations=None
                ),
                window=LogWindow(
                    log=str(asked["log_path"].absolute()),
                    partition=evaluation.partition,
                    first_ns=suite.examples[0].at_ns,
                    last_ns=suite.examples[-1].at_ns,
                ),
                target=asked["target"],
                author=asked["author"],
                evaluation=asked["evaluation"],
            )
        )
    )
    print_submitted(found, asked["target"], as_json=asked["as_json"])
    return ExitCode.YES
