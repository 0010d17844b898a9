"""An evaluation is what its digest names, and comes to what the log and the replies come to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import cache

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import SteppingClock
from tests.fakes.programs import PINNED, FakeProgram, Says
from tests.support.reasoning.asked import LIMITS, TERMS, hindsight, learned, program_package
from torghut.schemas.reasoning.evaluation import ProgramEvaluation
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.workflows.reasoning.programs.evaluating import Evaluated, Examiner
from torghut.workflows.reasoning.programs.evidence import (
    EvaluationAlteredError,
    EvaluationDiffersError,
    EvaluationMissingError,
    answers_again,
    evaluation_path,
    keep_evaluation,
    load_evaluation,
)
from torghut.workflows.reasoning.programs.judging import program_figures, verdict_on
from torghut.workflows.reasoning.recording import (
    AdviceRecordAlteredError,
    AdviceRecordMissingError,
    keep_record,
    load_record,
    record_path,
)


def evaluated(store: InMemoryArtifacts, says: Says | None = None) -> Evaluated:
    """Return what a program says to the suite."""
    examiner = Examiner(
        program=FakeProgram(says=says or hindsight(learned().test), named=program_package().digest),
        terms=TERMS,
        steady=SteppingClock(),
        store=store,
    )
    return asyncio.run(examiner.evaluate(learned()))


@cache
def good() -> tuple[Evaluated, InMemoryArtifacts]:
    """Return an evaluation of a program that says what hindsight does, and its records."""
    store = InMemoryArtifacts()
    return evaluated(store), store


def copied() -> tuple[ProgramEvaluation, InMemoryArtifacts]:
    """Return the same, to be altered."""
    found, store = good()
    return found.kept, without(store)


def without(store: InMemoryArtifacts, *gone: str) -> InMemoryArtifacts:
    """Return a copy of a store, but for some files."""
    return InMemoryArtifacts({path: store.read(path) for path in store.paths() if path not in gone})


def again(evaluation: ProgramEvaluation, store: InMemoryArtifacts) -> object:
    """Return what an evaluation comes to, read again."""
    return answers_again(evaluation, PINNED, learned().test, store)


def test_log_offers_questions_that_paid_and_that_lost() -> None:
    test = learned().test.examples

    assert len(test) > LIMITS.questions_min
    assert min(sum(one.good for one in test), sum(not one.good for one in test)) > LIMITS.each_min


def test_what_is_read_again_is_what_was_said() -> None:
    found, store = good()

    digest = keep_evaluation(store, found.kept)
    kept = load_evaluation(store, digest)

    assert kept == found.kept
    read = answers_again(kept, PINNED, learned().test, store)
    assert [one.outcome for one in read] == [one.outcome for one in found.answers]
    assert verdict_on(program_figures(read, LIMITS)) == ("promote", "every-limit-held")


@pytest.mark.parametrize("said", ["invalid", "late"])
def test_answers_that_cannot_count_are_read_again_as_such(said: str) -> None:
    store = InMemoryArtifacts()
    found = evaluated(store, lambda _: said)

    read = answers_again(found.kept, PINNED, learned().test, store)

    assert {one.outcome for one in read} == {"timed-out" if said == "late" else "invalid"}


def test_evaluation_is_missing_or_altered_and_never_believed_by_its_path() -> None:
    evaluation, store = copied()
    digest = keep_evaluation(store, evaluation)

    with pytest.raises(EvaluationMissingError):
        load_evaluation(store, "ab" * 32)
    store.replace(evaluation_path(digest), store.read(evaluation_path(digest)) + b" ")
    with pytest.raises(EvaluationAlteredError):
        load_evaluation(store, digest)


def changed(**fields: object) -> Callable[[ProgramEvaluation], ProgramEvaluation]:
    """Return what changes fields of an evaluation."""

    def change(one: ProgramEvaluation) -> ProgramEvaluation:
        return ProgramEvaluation.model_validate({**one.model_dump(), **fields})

    return change


@pytest.mark.parametrize(
    "change",
    [
        changed(suite="ab" * 32),
        changed(program="ab" * 32),
        changed(confidence_min=0.1),
        lambda one: changed(answers=one.answers[1:])(one),
        lambda one: changed(answers=one.answers[::-1])(one),
        lambda one: changed(answers=(one.answers[0], *one.answers[:-1]))(one),
    ],
    ids=["suite", "program", "confidence", "fewer", "order", "twice"],
)
def test_evaluation_of_something_else_is_refused(
    change: Callable[[ProgramEvaluation], ProgramEvaluation],
) -> None:
    evaluation, store = copied()

    with pytest.raises(EvaluationDiffersError):
        again(change(evaluation), store)


def test_answer_to_another_question_does_not_stand_in() -> None:
    evaluation, store = copied()
    first, second = evaluation.answers[:2]
    swapped = first.model_dump() | {"record": second.record}

    with pytest.raises(EvaluationDiffersError, match="to be of"):
        again(changed(answers=(swapped, *evaluation.answers[1:]))(evaluation), store)


def test_verdict_that_does_not_follow_from_the_replies_is_refused() -> None:
    evaluation, store = copied()
    first = evaluation.answers[0]
    record = load_record(store, first.record)
    other = "veto" if record.resolution == "approve" else "approve"
    forged = AdviceRecord.model_validate({**record.model_dump(), "resolution": other})
    answer = first.model_dump() | {"record": keep_record(store, forged)}

    with pytest.raises(EvaluationDiffersError, match="as its replies do"):
        again(changed(answers=(answer, *evaluation.answers[1:]))(evaluation), store)


def test_records_that_are_gone_or_altered_are_refused() -> None:
    evaluation, store = copied()
    path = record_path(evaluation.answers[0].record)

    with pytest.raises(AdviceRecordMissingError):
        again(evaluation, without(store, path))
    store.replace(path, json.dumps(json.loads(store.read(path))).encode())
    with pytest.raises(AdviceRecordAlteredError):
        again(evaluation, store)
