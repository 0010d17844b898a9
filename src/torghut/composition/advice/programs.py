"""The composition root of programs: compiled from a log, asked a suite, and served."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from torghut.adapters.dspy.apart import Apart, apart
from torghut.adapters.dspy.compiling import (
    BootstrapOptions,
    GepaOptions,
    bootstrapped,
    reflected,
)
from torghut.adapters.dspy.packing import module_of, program_file, renderings
from torghut.adapters.dspy.program import CommitteeModule, DspyProgram, configure
from torghut.adapters.dspy.reflecting import Endpoints
from torghut.adapters.dspy.searching import MiproOptions, searched
from torghut.adapters.dspy.versions import libraries
from torghut.adapters.reasoning.calling import EndpointCaller
from torghut.adapters.system.clock import MonotonicClock
from torghut.artifacts.package import Package
from torghut.artifacts.ports import ArtifactStore
from torghut.composition.advice.endpoint import endpoint_of
from torghut.composition.advice.packages import program_for
from torghut.composition.advice.settings import EndpointAccess
from torghut.kernel.clock import SteadyClock
from torghut.reasoning.program import AdviceProgram, build_program, check_rendering
from torghut.schemas.package import Environment, Provenance
from torghut.schemas.reasoning.program import Optimizer, RenderingFile
from torghut.schemas.reasoning.record import ModelParameters
from torghut.workflows.reasoning.ports import Caller
from torghut.workflows.reasoning.programs.evaluating import Evaluated, Examiner, ServingTerms
from torghut.workflows.reasoning.programs.learning import (
    Example,
    Lessons,
    NothingToLearnError,
    Suite,
)
from torghut.workflows.reasoning.programs.metering import MeteredCaller, Spending
from torghut.workflows.reasoning.programs.wanting import feedback_of, metric_of

__all__ = [
    "BootstrapOptions",
    "Compiling",
    "Exam",
    "GepaOptions",
    "MiproOptions",
    "ServingTerms",
    "Spending",
    "checked_module",
    "compiled",
    "evaluated",
    "served",
]

_SCHEMA: Final = "reasoning.advice-context.v1"


async def checked_module(program: AdviceProgram, steady: SteadyClock) -> CommitteeModule:
    """Return the module of a program, once it is seen to render here as it did.

    Raises:
        AdviceProgramInvalidError: It does not.
    """
    module = module_of(program)
    found = await renderings(module, program.parameters, steady)
    check_rendering(program, found, libraries())
    return module


async def served(
    package: Package | None, caller: Caller, model: str, steady: SteadyClock
) -> DspyProgram:
    """Return the program that answers: a package's, or the uncompiled one.

    Raises:
        AdviceProgramInvalidError: The package holds none for this model, or another one here.
    """
    if package is None:
        return DspyProgram(caller, ModelParameters(model=model), steady)
    program = program_for(package, model)
    module = await checked_module(program, steady)
    return DspyProgram(caller, program.parameters, steady, module, digest=program.digest)


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
    with _asking(access, asked.spending) as (caller, elsewhere):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """How a program is asked a suite.

    Attributes:
        terms: As it is served.
        spending: What it may cost.
        store: Keeps what was asked and answered.
    """

    terms: ServingTerms
    spending: Spending
    store: ArtifactStore


def evaluated(
    access: EndpointAccess,
    package: Package | None,
    lessons: Lessons,
    exam: Exam,
    progress: Callable[[int], None],
) -> Evaluated:
    """Return what a program says to the late part of a log; None stands for the uncompiled one.

    Raises:
        AdviceProgramInvalidError: The package holds none for this model, or another one here.
        BudgetSpentError: There is more to be asked than it may cost.
    """
    configure()
    with _asking(access, exam.spending) as (caller, elsewhere):

        def told(count: int) -> None:
            caller.check()
            progress(count)

        examiner = Examiner(
            program=elsewhere.run(served(package, caller, access.model, elsewhere.steady)),
            terms=exam.terms,
            steady=elsewhere.steady,
            store=exam.store,
        )
        return elsewhere.run(examiner.evaluate(lessons, told))


@contextmanager
def _asking(access: EndpointAccess, spending: Spending) -> Iterator[tuple[MeteredCaller, Apart]]:
    """Give a client of the endpoint that keeps to a budget, and where its calls are made."""
    steady = MonotonicClock()
    with apart(steady) as elsewhere:
        caller = EndpointCaller(endpoint_of(access), steady)
        try:
            yield MeteredCaller(caller, spending, steady), elsewhere
        finally:
            elsewhere.run(caller.close())


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
