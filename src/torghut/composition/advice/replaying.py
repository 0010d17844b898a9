"""The composition root of a replay of advice: the program, and records in place of an endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from torghut.adapters.dspy.packing import module_of
from torghut.adapters.dspy.program import CommitteeModule, DspyProgram, configure
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.system.clock import MonotonicClock
from torghut.composition.advice.packages import package_of, program_store
from torghut.decisions.recording import Recorded
from torghut.eventlog.ports import DecisionLog
from torghut.reasoning.program import read_program
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.settings import artifact_dir
from torghut.workflows.reasoning.ports import Caller, Program
from torghut.workflows.reasoning.replaying import ReplayedAdvice, replay_advice


def replayed(
    log: DecisionLog, *, partition: int, progress: Callable[[Recorded], None]
) -> AsyncIterator[ReplayedAdvice]:
    """Yield every answer on a log's record, replayed from the artifacts; nobody is asked."""
    configure()
    steady = MonotonicClock()
    programs = program_store()
    modules: dict[str, CommitteeModule] = {}

    def program_of(caller: Caller, record: AdviceRecord) -> Program:
        if record.program is None:
            return DspyProgram(caller, record.parameters, steady)
        if record.program not in modules:
            modules[record.program] = module_of(read_program(package_of(record.program, programs)))
        module = modules[record.program]
        return DspyProgram(caller, record.parameters, steady, module, digest=record.program)

    store = FolderArtifacts(artifact_dir())
    return replay_advice(log, store, program_of, partition=partition, progress=progress)
