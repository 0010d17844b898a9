"""The composition root of programs: where their packages are, and what is served from one."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.adapters.dspy.apart import Apart, apart
from torghut.adapters.dspy.compiling import (
    BootstrapOptions,
    Endpoints,
    Fits,
    GepaOptions,
    Hindsight,
    bootstrapped,
    reflected,
)
from torghut.adapters.dspy.packing import libraries, module_of, program_file, renderings
from torghut.adapters.dspy.program import CommitteeModule, DspyProgram, configure
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.adapters.reasoning.calling import EndpointCaller
from torghut.adapters.system.clock import MonotonicClock
from torghut.artifacts.errors import PackageMissingError
from torghut.artifacts.package import Package, PackageReference
from torghut.artifacts.ports import PackageStore
from torghut.composition.advice.endpoint import endpoint_of
from torghut.composition.advice.settings import EndpointAccess
from torghut.kernel.clock import SteadyClock
from torghut.reasoning.program import (
    AdviceProgram,
    AdviceProgramInvalidError,
    build_program,
    check_rendering,
    read_program,
)
from torghut.reasoning.verdict import Committee, judge
from torghut.schemas.package import Environment, Provenance
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.program import RenderingFile
from torghut.schemas.reasoning.record import ModelParameters
from torghut.settings import artifact_dir
from torghut.workflows.reasoning.evaluating import Evaluation, evaluate
from torghut.workflows.reasoning.learning import Example, Lessons, NothingToLearnError, Suite
from torghut.workflows.reasoning.ports import Caller

__all__ = [
    "PROGRAMS",
    "BootstrapOptions",
    "Compiling",
    "GepaOptions",
    "Terms",
    "checked_module",
    "compiled",
    "evaluated",
    "package_of",
    "program_store",
    "served",
]

PROGRAMS: Final = "programs"
"""Folder of programs' packages, below that of artifacts."""

_SCHEMA: Final = "reasoning.advice-context.v1"


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
    program = read_program(package)
    if program.parameters.model != model:
        raise AdviceProgramInvalidError(
            package=str(package.reference),
            expected=f"one compiled for the model {model}",
            found=program.parameters.model,
        )
    module = await checked_module(program, steady)
    return DspyProgram(caller, program.parameters, steady, module, digest=program.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiling:
    """What is compiled.

    Attributes:
        name: Of the package.
        teacher: The model whose answers become examples, or that reflects.
        options: Of the optimiser.
    """

    name: str
    teacher: str
    options: BootstrapOptions | GepaOptions


def compiled(
    access: EndpointAccess, lessons: Lessons, asked: Compiling, *, confidence_min: float
) -> Package:
    """Return the package of a program that is compiled from the early part of a log.

    The same examples, answered by the same, make the same package.

    Raises:
        PackageContentError: The name is not allowed.
        NothingToLearnError: The teacher never said what hindsight wants.
        AdviceFaultError: The endpoint does not answer, time and again.
    """
    configure()
    student = ModelParameters(model=access.model)
    examples = lessons.train.examples
    questions, fits = [one.shown for one in examples], _fits(examples, confidence_min)
    with _asking(access) as (caller, elsewhere):
        endpoints = Endpoints(
            caller=caller, student=student, teacher=ModelParameters(model=asked.teacher)
        )
        if isinstance(asked.options, GepaOptions):
            name, told = "gepa", _hindsight(examples)
            module = reflected(questions, fits, told, endpoints, asked.options, elsewhere)
        else:
            name = "bootstrap-few-shot"
            module = bootstrapped(questions, fits, endpoints, asked.options, elsewhere)
        requests = elsewhere.run(renderings(module, student, elsewhere.steady))
    program = program_file(module, name)
    if not any(one.demos for one in program.steps) and name == "bootstrap-few-shot":
        raise NothingToLearnError(
            expected=f"an answer of {asked.teacher} that hindsight agrees with", found="none"
        )
    return build_program(
        asked.name,
        program,
        RenderingFile(parameters=student, requests=dict(requests)),
        _provenance(lessons.train),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How questions are asked, as they are served.

    Attributes:
        budget_ms: For each.
        confidence_min: Of advice that counts.
    """

    budget_ms: int
    confidence_min: float


def evaluated(
    access: EndpointAccess,
    package: Package | None,
    suite: Suite,
    terms: Terms,
    progress: Callable[[int], None],
) -> Evaluation:
    """Return what a program is worth on a suite; None stands for the uncompiled one.

    Raises:
        AdviceProgramInvalidError: The package holds none for this model, or another one here.
    """
    configure()
    with _asking(access) as (caller, elsewhere):
        program = elsewhere.run(served(package, caller, access.model, elsewhere.steady))
        return elsewhere.run(
            evaluate(
                program,
                suite,
                elsewhere.steady,
                budget_ms=terms.budget_ms,
                confidence_min=terms.confidence_min,
                progress=progress,
            )
        )


@contextmanager
def _asking(access: EndpointAccess) -> Iterator[tuple[EndpointCaller, Apart]]:
    """Give a client of the endpoint, and where its calls are made."""
    steady = MonotonicClock()
    with apart(steady) as elsewhere:
        caller = EndpointCaller(endpoint_of(access), steady)
        try:
            yield caller, elsewhere
        finally:
            elsewhere.run(caller.close())


def _fits(examples: Sequence[Example], confidence_min: float) -> Fits:
    """Return what says whether answers are those that hindsight wants."""
    good = {one.shown.model_dump_json(): one.good for one in examples}

    def fits(shown: AdviceContext, committee: Committee) -> bool:
        judged = judge(committee, shown, confidence_min=confidence_min)
        wanted = good[shown.model_dump_json()]
        raises = judged.resolution in {"approve", "adjust"}
        return raises == wanted and judged.resolution != "invalid"

    return fits


def _hindsight(examples: Sequence[Example]) -> Hindsight:
    """Return what says in words what should have been answered."""
    worth = {one.shown.model_dump_json(): one.worth_bps for one in examples}

    def hindsight(shown: AdviceContext) -> str:
        bps = worth[shown.model_dump_json()]
        wanted = "let stand" if bps > 0.0 else "vetoed"
        return f"Raising as proposed came to {bps:+.1f} bps after costs: it was to be {wanted}."

    return hindsight


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
