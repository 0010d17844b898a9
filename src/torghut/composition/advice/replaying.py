"""The composition root of a replay of advice: the program, and records in place of an endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from torghut.adapters.dspy.program import DspyProgram, configure
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.system.clock import MonotonicClock
from torghut.decisions.recording import Recorded
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.reasoning.record import ModelParameters
from torghut.settings import artifact_dir
from torghut.workflows.reasoning.ports import Caller, Program
from torghut.workflows.reasoning.replaying import ReplayedAdvice, replay_advice


def replayed(
    log: DecisionLog, *, partition: int, progress: Callable[[Recorded], None]
) -> AsyncIterator[ReplayedAdvice]:
    """Yield every answer on a log's record, replayed from the artifacts; nobody is asked."""
    configure()
    steady = MonotonicClock()

    def program_of(caller: Caller, parameters: ModelParameters) -> Program:
        return DspyProgram(caller, parameters, steady)

    store = FolderArtifacts(artifact_dir())
    return replay_advice(log, store, program_of, partition=partition, progress=progress)
