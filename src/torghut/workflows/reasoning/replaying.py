"""Advice replayed from its records: the same program says the same, and nobody is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal

from torghut.artifacts.ports import ArtifactStore
from torghut.decisions.recording import Recorded, read_block
from torghut.eventlog.ports import DecisionLog
from torghut.reasoning.errors import AdviceFaultError
from torghut.reasoning.verdict import judge
from torghut.schemas.control import AdviceOutcome
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.workflows.reasoning.ports import NEVER_NS, Caller, Program, Transcript
from torghut.workflows.reasoning.recording import (
    AdviceRecordMissingError,
    NoReplyRecordedError,
    RecordedCaller,
    load_record,
)

Outcome = tuple[str, float | None, float | None, str]
"""Resolution, factor, confidence and the code of a fault."""

ProgramOf = Callable[[Caller, AdviceRecord], Program]
"""Gives the program of a record, answered by a caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedAdvice:
    """One answer on record, replayed.

    Attributes:
        context_id: What it was about.
        digest: Of its record.
        status: Whether the record, the log and the replay say the same; ``missing`` where no record
            is kept.
        told: What the log says.
        found: What the replay says; None where there is no record.
    """

    context_id: str
    digest: str
    status: Literal["identical", "differs", "missing"]
    told: Outcome
    found: Outcome | None


async def replay_advice(
    log: DecisionLog,
    store: ArtifactStore,
    program_of: ProgramOf,
    *,
    partition: int = 0,
    progress: Callable[[Recorded], None] = lambda _: None,
) -> AsyncIterator[ReplayedAdvice]:
    """Yield every answer of a partition that cites a record, replayed from that.

    Raises:
        AdviceRecordAlteredError: What is kept is not what the log cites.
        LogIntegrityError: The log does not hold together.
    """
    async for block in log.blocks(partition):
        recorded = read_block(block)
        for told in recorded.advice:
            if told.advice is not None:
                yield await replayed_answer(told, told.advice, store, program_of)
        progress(recorded)


async def replayed_answer(
    told: AdviceOutcome,
    digest: str,
    store: ArtifactStore,
    program_of: ProgramOf,
) -> ReplayedAdvice:
    """Replay one answer.

    Args:
        told: What the log says.
        digest: Of the record that it cites.
        store: Of records.
        program_of: Gives the program, answered by a caller.

    Raises:
        AdviceRecordAlteredError: What is kept is not what is cited.
    """
    said = told.resolution, told.factor, told.confidence, told.code
    found: Outcome | None = None
    try:
        record = load_record(store, digest)
    except AdviceRecordMissingError:
        status: Literal["identical", "differs", "missing"] = "missing"
    else:
        found = await _thought(record, program_of)
        same = found == _kept(record) == said and record.context_id == told.context_id
        status = "identical" if same else "differs"
    return ReplayedAdvice(
        context_id=told.context_id, digest=digest, status=status, told=said, found=found
    )


async def is_own(record: AdviceRecord, program_of: ProgramOf) -> bool:
    """Say whether a program renders the requests of a record, and comes to what it says."""
    return await _thought(record, program_of) == _kept(record)


def _kept(record: AdviceRecord) -> Outcome:
    """Return what a record says."""
    return record.resolution, record.factor, record.confidence, record.code


async def _thought(record: AdviceRecord, program_of: ProgramOf) -> Outcome:
    """Return what a program says that is answered from a record."""
    program = program_of(RecordedCaller(record.calls), record)
    try:
        thought = await program.think(record.shown, deadline_ns=NEVER_NS, transcript=Transcript())
    except NoReplyRecordedError as fault:
        return record.resolution, None, None, fault.found  # of what kind it was, no call says
    except AdviceFaultError as fault:
        return fault.resolution, None, None, fault.code
    judged = judge(thought.committee, record.shown, confidence_min=record.confidence_min)
    return judged.resolution, judged.factor, judged.confidence, judged.fault
