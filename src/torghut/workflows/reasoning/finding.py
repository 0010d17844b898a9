"""What a program's answers to one question come to, and the record of how they came about."""

from __future__ import annotations

from dataclasses import dataclass

from torghut.reasoning.errors import AdviceFaultError
from torghut.reasoning.verdict import judge
from torghut.schemas.control import ResolutionName
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.workflows.reasoning.ports import Program, Transcript
from torghut.workflows.reasoning.recording import recorded_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramQuestion:
    """What a program is asked.

    Attributes:
        context_id: What names the context.
        shown: All that the program may see.
        confidence_min: Of advice that counts; less than that defers.
    """

    context_id: str
    shown: AdviceContext
    confidence_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of a question.

    Attributes:
        outcome: A verdict, or why there is none.
        factor: Of an adjustment.
        confidence: Of the committee.
        code: Of the fault; empty without one.
        tokens: Used; None where nobody knows.
        advice: Digest of the record that was kept of it; None without one.
    """

    outcome: ResolutionName
    factor: float | None = None
    confidence: float | None = None
    code: str = ""
    tokens: int | None = None
    advice: str | None = None


async def find(
    program: Program, question: ProgramQuestion, *, deadline_ns: int
) -> tuple[Finding, AdviceRecord]:
    """Ask a program, and return what it comes to with the record of it; no fault gets out of here.

    Args:
        program: That thinks.
        question: To be asked.
        deadline_ns: On the steady clock.
    """
    transcript = Transcript()
    try:
        thought = await program.think(
            question.shown, deadline_ns=deadline_ns, transcript=transcript
        )
    except AdviceFaultError as fault:
        finding = Finding(outcome=fault.resolution, code=fault.code)
    else:
        judged = judge(thought.committee, question.shown, confidence_min=question.confidence_min)
        finding = Finding(
            outcome=judged.resolution,
            factor=judged.factor,
            confidence=judged.confidence,
            code=judged.fault,
            tokens=thought.tokens,
        )
    record = AdviceRecord(
        context_id=question.context_id,
        program=program.digest,
        parameters=program.parameters,
        confidence_min=question.confidence_min,
        shown=question.shown,
        calls=recorded_calls(transcript.calls),
        resolution=finding.outcome,
        factor=finding.factor,
        confidence=finding.confidence,
        code=finding.code,
    )
    return finding, record
