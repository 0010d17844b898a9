"""The composition root of a replay of advice: the program, and records in place of an endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from torghut.adapters.dspy.packing import module_of
from torghut.adapters.dspy.program import CommitteeModule, DspyProgram, configure
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.system.clock import MonotonicClock
from torghut.artifacts.package import Package
from torghut.composition.advice.packages import package_of, program_store
from torghut.decisions.recording import Recorded
from torghut.eventlog.ports import DecisionLog
from torghut.reasoning.program import read_program
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.settings import artifact_dir
from torghut.workflows.reasoning.ports import Caller, Program
from torghut.workflows.reasoning.programs.evidence import EvaluationDiffersError
from torghut.workflows.reasoning.replaying import ReplayedAdvice, is_own, replay_advice


def replayed(
    log: DecisionLog, *, partition: int, progress: Callable[[Recorded], None]
) -> AsyncIterator[ReplayedAdvice]:
    """Yield every answer on a log's record, replayed from the artifacts; nobody is asked."""
    configure()
    programs = program_store()
    modules: dict[str, CommitteeModule] = {}

    def program_of(caller: Caller, record: AdviceRecord) -> Program:
        if record.program is None:
            return DspyProgram(caller, record.parameters, MonotonicClock())
        if record.program not in modules:
            modules[record.program] = module_of(read_program(package_of(record.program, programs)))
        return _answering(caller, record, modules[record.program])

    store = FolderArtifacts(artifact_dir())
    return replay_advice(log, store, program_of, partition=partition, progress=progress)


def check_own(package: Package, records: Iterable[AdviceRecord]) -> None:
    """Check that what was asked and answered was asked by a program, in its own words.

    Raises:
        EvaluationDiffersError: A request is not one that it renders, or it comes to something else.
    """
    configure()
    module = module_of(read_program(package))

    async def check() -> None:
        for record in records:
            if not await is_own(record, lambda caller, one: _answering(caller, one, module)):
                raise EvaluationDiffersError(
                    expected=f"{record.context_id} asked in the words of {package.reference}",
                    found="other requests, or another answer",
                )

    asyncio.run(check())


def _answering(caller: Caller, record: AdviceRecord, module: CommitteeModule) -> DspyProgram:
    """Return the program of a module, answered from a record."""
    steady = MonotonicClock()
    return DspyProgram(caller, record.parameters, steady, module, digest=record.program)
