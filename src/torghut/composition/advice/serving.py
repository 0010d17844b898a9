"""The composition root of the program that answers: what compiles programs is not loaded here."""

from __future__ import annotations

from torghut.adapters.dspy.packing import module_of, renderings
from torghut.adapters.dspy.program import CommitteeModule, DspyProgram
from torghut.adapters.dspy.versions import libraries
from torghut.artifacts.package import Package
from torghut.composition.advice.packages import program_for
from torghut.kernel.clock import SteadyClock
from torghut.reasoning.program import AdviceProgram, check_rendering
from torghut.schemas.reasoning.record import ModelParameters
from torghut.workflows.reasoning.ports import Caller


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
