"""Kept evaluations, under their digests: read again from the replies, never believed.

Whoever reads one derives the suite from the decision log and every verdict from what the endpoint
replied. What was measured, how long an answer took, stands on the word of who asked; so does that
it was the endpoint who replied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from pydantic import ValidationError

from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.reasoning.errors import AdviceFaultError
from torghut.reasoning.replies import read_answer, read_reply
from torghut.reasoning.verdict import Committee, judge
from torghut.schemas.control import ResolutionName
from torghut.schemas.reasoning.evaluation import ProgramEvaluation
from torghut.schemas.reasoning.record import AdviceRecord, ModelParameters
from torghut.schemas.reasoning.steps import (
    STEPS,
    AdviceAnswer,
    CounterAnswer,
    RiskAnswer,
    SignalAnswer,
)
from torghut.schemas.types import first_problem
from torghut.workflows.reasoning.programs.judging import ExampleAnswer
from torghut.workflows.reasoning.programs.learning import Example, Suite
from torghut.workflows.reasoning.recording import load_record, reply_body

_FOLDER: Final = "evaluations"


class EvaluationError(TorghutError):
    """An evaluation cannot be relied on."""

    code: ClassVar[str] = "reasoning.evaluation-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}; evaluate the program again")
        self.expected = expected
        self.found = found


class EvaluationMissingError(EvaluationError):
    """No evaluation of that digest is kept here."""

    code: ClassVar[str] = "reasoning.evaluation-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL


class EvaluationAlteredError(EvaluationError):
    """What is kept under a digest is not what has it, or is no evaluation."""

    code: ClassVar[str] = "reasoning.evaluation-altered"


class EvaluationDiffersError(EvaluationError):
    """An evaluation says something else than the log, or the records that it cites."""

    code: ClassVar[str] = "reasoning.evaluation-differs"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES


def evaluation_path(digest: str) -> str:
    """Return where the evaluation of a digest is, below the artifacts."""
    return f"{_FOLDER}/{digest}.json"


def keep_evaluation(store: ArtifactStore, evaluation: ProgramEvaluation) -> str:
    """Keep an evaluation durably; return its digest.

    Raises:
        ArtifactUnwritableError: It cannot be kept.
    """
    body = canonical_bytes(evaluation.model_dump(mode="json"))
    digest = sha256_hex(body)
    store.create(evaluation_path(digest), body)
    return digest


def load_evaluation(store: ArtifactStore, digest: str) -> ProgramEvaluation:
    """Return the evaluation of a digest, verified.

    Raises:
        EvaluationMissingError: It is not kept here.
        EvaluationAlteredError: Something else is.
    """
    try:
        body = store.read(evaluation_path(digest))
    except ArtifactUnreadableError as error:
        raise EvaluationMissingError(expected=f"evaluation {digest}", found=str(error)) from error
    if (found := sha256_hex(body)) != digest:
        raise EvaluationAlteredError(expected=f"evaluation {digest}", found=found)
    try:
        return ProgramEvaluation.model_validate_json(body)
    except ValidationError as error:
        problem = first_problem(error)
        raise EvaluationAlteredError(
            expected=problem.at("an evaluation"), found=problem.found
        ) from error


def records_of(evaluation: ProgramEvaluation, store: ArtifactStore) -> Iterator[AdviceRecord]:
    """Yield every record that an evaluation cites, verified.

    Raises:
        AdviceRecordMissingError: One is not kept here.
        AdviceRecordAlteredError: Something else is.
    """
    for one in evaluation.answers:
        for digest in filter(None, (one.record, one.again)):
            yield load_record(store, digest)


def answers_again(
    evaluation: ProgramEvaluation, parameters: ModelParameters, suite: Suite, store: ArtifactStore
) -> Sequence[ExampleAnswer]:
    """Return what a program answered, derived from the replies on record and nothing else.

    Args:
        evaluation: That cites them.
        parameters: Of the model that the program is for.
        suite: As the log has it now.
        store: Of records.

    Raises:
        EvaluationDiffersError: It is of another suite, or a record is not what it is cited for.
        AdviceRecordMissingError: A record is not kept here.
        AdviceRecordAlteredError: Something else is.
    """
    if evaluation.suite != suite.digest:
        raise EvaluationDiffersError(
            expected=f"an evaluation on the suite {suite.digest}, which the log has",
            found=evaluation.suite,
        )
    asked = [one.context_id for one in evaluation.answers]
    if asked != [one.context_id for one in suite.examples]:
        raise EvaluationDiffersError(
            expected="every question of the suite once, in its order", found="others"
        )
    found: list[ExampleAnswer] = []
    for one, example in zip(evaluation.answers, suite.examples, strict=True):
        wanted = _Wanted(evaluation=evaluation, parameters=parameters, example=example)
        record = _record(wanted, one.record, store)
        again = None if one.again is None else _record(wanted, one.again, store)
        found.append(
            ExampleAnswer(
                example=example,
                outcome=record.resolution,
                confidence=record.confidence,
                elapsed_ns=max(one.elapsed_ns, sum(call.elapsed_ns for call in record.calls)),
                again=None if again is None else again.resolution,
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a record must be of."""

    evaluation: ProgramEvaluation
    parameters: ModelParameters
    example: Example

    def fits(self, record: AdviceRecord) -> bool:
        """Say whether a record is of this question, this program and these terms."""
        return (
            record.context_id == self.example.context_id
            and record.shown == self.example.shown
            and record.program == self.evaluation.program
            and record.parameters == self.parameters
            and record.confidence_min == self.evaluation.confidence_min
        )


def _record(wanted: _Wanted, digest: str, store: ArtifactStore) -> AdviceRecord:
    """Return a record that is of what it is cited for, and comes to what its replies do."""
    record = load_record(store, digest)
    if not wanted.fits(record):
        raise EvaluationDiffersError(
            expected=f"record {digest} to be of {wanted.example.context_id}, asked of "
            f"{wanted.evaluation.program} as it is served",
            found=f"one of {record.context_id}, asked of {record.program}",
        )
    follows, stated = _follows(record), (record.resolution, record.confidence)
    if follows != stated:
        raise EvaluationDiffersError(
            expected=f"record {digest} to come to {follows[0]}, as its replies do",
            found=record.resolution,
        )
    return record


def _follows(record: AdviceRecord) -> tuple[ResolutionName, float | None]:
    """Return what a record's replies come to; where one is missing, as the record says."""
    replies = {call.step: call for call in record.calls if not call.code}
    if set(replies) != set(STEPS):
        silent = record.resolution in {"timed-out", "failed", "invalid"}
        return (record.resolution if silent else "invalid"), None
    model = record.parameters.model
    try:
        said = {
            step: read_reply(reply_body(call) or b"", model=model) for step, call in replies.items()
        }
        committee = Committee(
            signal=read_answer(said["signal"].content, "signal", SignalAnswer),
            counter=read_answer(said["counter"].content, "counter", CounterAnswer),
            risk=read_answer(said["risk"].content, "risk", RiskAnswer),
            advice=read_answer(said["advice"].content, "advice", AdviceAnswer),
        )
    except AdviceFaultError as fault:
        return fault.resolution, None
    judged = judge(committee, record.shown, confidence_min=record.confidence_min)
    return judged.resolution, judged.confidence
