"""The composition root of programs compiled from a log; it alone loads what searches for them."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torghut.adapters.dspy.apart import Apart
from torghut.adapters.dspy.compiling import (
    BootstrapOptions,
    GepaOptions,
    bootstrapped,
    reflected,
)
from torghut.adapters.dspy.packing import program_file, renderings
from torghut.adapters.dspy.program import CommitteeModule, configure
from torghut.adapters.dspy.reflecting import Endpoints
from torghut.adapters.dspy.searching import MiproOptions, searched
from torghut.adapters.dspy.versions import libraries
from torghut.artifacts.package import Package
from torghut.composition.advice.endpoint import metered
from torghut.composition.advice.settings import EndpointAccess
from torghut.reasoning.program import build_program
from torghut.schemas.package import Environment, Provenance
from torghut.schemas.reasoning.program import Optimizer, RenderingFile
from torghut.schemas.reasoning.record import ModelParameters
from torghut.workflows.reasoning.programs.learning import (
    Example,
    Lessons,
    NothingToLearnError,
    Suite,
)
from torghut.workflows.reasoning.programs.metering import Spending
from torghut.workflows.reasoning.programs.wanting import feedback_of, metric_of

__all__ = [
    "BootstrapOptions",
    "Compiling",
    "GepaOptions",
    "MiproOptions",
    "Options",
    "Spending",
    "compiled",
]

_SCHEMA: Final = "reasoning.advice-context.v1"


Options = BootstrapOptions | GepaOptions | MiproOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiling:
    """What is compiled.

    Attributes:
        name: Of the package.
        teacher: The model whose answers become examples, or that reflects.
        options: Of the optimiser.
        confidence_min: Of advice that counts.
        spending: What it may cost.
    """

    name: str
    teacher: str
    options: Options
    confidence_min: float
    spending: Spending


def compiled(access: EndpointAccess, lessons: Lessons, asked: Compiling) -> Package:
    """Return the package of a program that is compiled from the early part of a log.

    The same examples, answered by the same, make the same package.

    Raises:
        PackageContentError: The name is not allowed.
        NothingToLearnError: Nothing was found that would make the program another one.
        AdviceFaultError: The endpoint does not answer, time and again.
        BudgetSpentError: A whole search costs more than it may.
    """
    configure()
    student = ModelParameters(model=access.model)
    with metered(access, asked.spending) as (caller, elsewhere):
        endpoints = Endpoints(
            caller=caller, student=student, teacher=ModelParameters(model=asked.teacher)
        )
        name, module = _optimised(lessons.train.examples, asked, endpoints, elsewhere)
        caller.check()  # an optimiser takes a call that is refused for an answer that is wrong
        requests = elsewhere.run(renderings(module, student, elsewhere.steady))
    program = program_file(module, name)
    if program.steps == program_file(CommitteeModule(), name).steps:
        raise NothingToLearnError(
            expected=f"answers of {asked.teacher} that hindsight agrees with, and that help",
            found="none",
        )
    return build_program(
        asked.name,
        program,
        RenderingFile(parameters=student, requests=dict(requests)),
        _provenance(lessons.train),
    )


def _optimised(
    examples: Sequence[Example], asked: Compiling, endpoints: Endpoints, elsewhere: Apart
) -> tuple[Optimizer, CommitteeModule]:
    """Return what an optimiser makes of the uncompiled program, and how it is called."""
    questions = [one.shown for one in examples]
    metric, feedback = metric_of(examples, asked.confidence_min), feedback_of(examples)
    match asked.options:
        case GepaOptions() as options:
            return "gepa", reflected(questions, metric, feedback, endpoints, options, elsewhere)
        case MiproOptions() as options:
            return "mipro-v2", searched(questions, metric, feedback, endpoints, options, elsewhere)
        case BootstrapOptions() as options:
            module = bootstrapped(questions, metric, endpoints, options, elsewhere)
            return "bootstrap-few-shot", module


def _provenance(train: Suite) -> Provenance:
    """Return what a program was made from; the same examples make the same."""
    times = [one.at_ns for one in train.examples]
    return Provenance(
        data_digest=train.digest,
        window_start_ns=times[0],
        window_end_ns=max(times[-1], times[0] + 1),
        feature_schema=_SCHEMA,
        seed=0,
        versions=dict(libraries()),
        metrics={"examples": float(len(times))},
        environment=Environment(
            python=platform.python_version(),
            system=platform.system().lower(),
            machine=platform.machine(),
            threads=1,
        ),
    )
