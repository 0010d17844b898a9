"""``torghut reasoning eval``: what a program is worth, on what a log has on record."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

import click
from typing_extensions import Unpack

from torghut.composition import deciding, governing, standby
from torghut.composition.advice import evaluating
from torghut.composition.advice.settings import endpoint_access
from torghut.composition.logs import LogPlace
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.console import (
    json_option,
    plural,
    print_fields,
    print_json,
    print_table,
    progress,
)
from torghut.entrypoints.cli.lookup.reading import place_option
from torghut.entrypoints.cli.reasoning.programs.asking import (
    load_program,
    programs_option,
    read_lessons,
)
from torghut.entrypoints.cli.reasoning.terms import asking_terms, bounds_of
from torghut.evals.figures import GateFigure
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.schemas.declarations.rollout.programs import ProgramPolicy
from torghut.settings import artifact_dir
from torghut.workflows.reasoning.programs.evaluating import Evaluated
from torghut.workflows.reasoning.programs.evidence import keep_evaluation
from torghut.workflows.reasoning.programs.judging import aligned, program_figures, verdict_on

_COLUMNS: Final = {"gate": "left", "": "left", "found": "right", "wanted": "left", "of": "right"}


class _Asked(TypedDict):
    """What was typed."""

    package: str | None
    log_path: LogPlace
    programs_path: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What came of it.

    Attributes:
        evaluated: What was said.
        digest: Of the evaluation that was kept.
        figures: What each gate comes to.
    """

    evaluated: Evaluated
    digest: str
    figures: Sequence[GateFigure]


@click.command()
@click.argument("package", required=False)
@place_option
@programs_option
@json_option
def eval(**typed: Unpack[_Asked]) -> ExitCode:  # noqa: A001 - the command's word
    """Ask a program every question of a log's late part, and compare with hindsight.

    PACKAGE is NAME@DIGEST or an alias such as NAME@champion; without one the uncompiled program is
    asked. What was asked and answered is kept among the artifacts, named by the digest that is
    printed: torghut reasoning submit takes it to the lane. Limits and what it may cost are declared
    in governance/policies/programs.yaml. Ends with 0 if every limit holds, and 1 if one does not or
    too little was seen.
    """
    access = endpoint_access()
    declared = deciding.declarations()
    policy = governing.governing_policies().programs
    exam, text = _exam(declared, policy), typed["package"]
    package = None if text is None else load_program(text, typed["programs_path"])
    with progress() as told:
        learned = asyncio.run(read_lessons(typed["log_path"], declared, told))
        told.stage("Asking", total=len(learned.test.examples))
        said = evaluating.evaluated(
            access,
            package,
            learned,
            exam,
            lambda count: told.at(count, plural(count, "question")),
        )
    found = _Found(
        evaluated=said,
        digest=keep_evaluation(exam.store, said.kept),
        figures=program_figures(said.answers, policy.limits),
    )
    if typed["as_json"]:
        print_json(_as_json(found))
    else:
        _print(found)
    return ExitCode.YES if verdict_on(found.figures)[0] == "promote" else ExitCode.NO


def _exam(declared: Declarations, policy: ProgramPolicy) -> evaluating.Exam:
    """Return how questions are asked: as they are served.

    Raises:
        AskingUndeclaredError: Nothing is declared of it.
    """
    bounds, terms = bounds_of(declared), asking_terms(declared)
    return evaluating.Exam(
        terms=evaluating.ServingTerms(
            budget_ms=bounds.budget_ms - bounds.reserve_ms, confidence_min=terms.confidence_min
        ),
        spending=evaluating.Spending(
            budget=policy.evaluating, unsaid_tokens=terms.tokens_per_question
        ),
        store=standby.artifact_root(artifact_dir()),
    )


def _print(found: _Found) -> None:
    """Show an evaluation to people."""
    answers = found.evaluated.answers
    verdict, reason = verdict_on(found.figures)
    print_fields(
        {
            "evaluation": found.digest,
            "suite": found.evaluated.kept.suite,
            "questions": f"{len(answers):,}",
            "as hindsight": f"{aligned(answers):.1%}",
            "verdict": f"{verdict}, {reason}",
        }
    )
    click.echo()
    rows = [
        (
            one.id,
            "ok" if one.status == "pass" else one.status,
            "unknown" if one.value is None else f"{one.value:.4g}",
            _wanted(one),
            f"{one.n:,}" if one.n is not None else "",
        )
        for one in found.figures
    ]
    print_table(_COLUMNS, rows)


def _wanted(one: GateFigure) -> str:
    """Return what a gate asks for, for people."""
    return f"{one.comparator} {one.threshold:g} {one.unit}"


def _as_json(found: _Found) -> JsonObject:
    """Return an evaluation, for machines."""
    verdict, reason = verdict_on(found.figures)
    return {
        "evaluation": found.digest,
        "program": found.evaluated.kept.program,
        "suite": found.evaluated.kept.suite,
        "questions": len(found.evaluated.answers),
        "aligned": aligned(found.evaluated.answers),
        "verdict": verdict,
        "reason": reason,
        "gates": {
            one.id: {
                "found": one.value,
                "wanted": _wanted(one),
                "n": one.n,
                "status": one.status,
            }
            for one in found.figures
        },
    }
