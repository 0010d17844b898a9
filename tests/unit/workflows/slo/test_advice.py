"""How often a question for advice ended without an answer: counted from a log, and judged."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from tests.fakes.eventlog import run
from tests.support.decisions.asking import mode_record
from tests.support.decisions.logs import contexts, gathered, in_memory
from tests.support.decisions.rows import SECOND_NS
from tests.support.governance.climbing import HOUR_NS, slo_policy
from tests.support.live.advising import APPROVED, Course, lived, lived_through
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.slo.judging import judge_window
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Path, Reason
from torghut.schemas.control import VERDICTS, ResolutionName, SwitchThrown
from torghut.schemas.staging.slo_window import SloRow
from torghut.workflows.live.advice.awaiting import Answer
from torghut.workflows.lookup.scanning import rows_of
from torghut.workflows.lookup.shadowed import Shadowed, shadowed_in
from torghut.workflows.slo.counting import WindowCounts
from torghut.workflows.slo.measuring import readings
from torghut.workflows.slo.walking import count_window

WINDOW = (0, HOUR_NS)


def judged(*, asked: int, unadvised: int) -> SloRow:
    """Return the level of a window in which no declaration says that advice is off."""
    counts = WindowCounts(accepted=100, decisions=100, asked=asked, unadvised=unadvised)
    window = judge_window("1h", HOUR_NS, readings(counts, WINDOW, None), slo_policy())
    return next(one for one in window.rows if one.id == "reasoning-fallback-ratio")


@pytest.mark.parametrize(
    ("unadvised", "value", "status"), [(0, 0.0, "pass"), (4, 0.1, "pass"), (5, 0.125, "fail")]
)
def test_share_of_those_that_asked_is_held_against_the_policy(
    unadvised: int, value: float, status: str
) -> None:
    found = judged(asked=40, unadvised=unadvised)

    assert (found.value, found.samples, found.status) == (value, 40, status)


def test_nobody_who_asked_is_missing_and_few_are_too_few() -> None:
    assert judged(asked=0, unadvised=0).status == "missing"
    assert judged(asked=19, unadvised=0).status == "insufficient"


def test_nobody_is_asked_while_advice_is_off_however_many_decisions_wanted_it() -> None:
    log = run(in_memory(contexts(2400)))

    counts = run(count_window(log))

    rows = np.concatenate([rows_of(one, SERVING) for one in run(gathered(log.blocks(0)))])
    slow = int(np.count_nonzero(rows["path"] == Path.SLOW))
    assert (counts.asked, counts.unadvised) == (0, 0)
    assert counts.reasons[Reason.REASONING_OFF.code] == slow > 0


def ending(how: ResolutionName, mode: str) -> WindowCounts:
    """Return the counts of a service in a mode, each of whose questions ends in one way."""
    factor = 0.5 if how == "adjust" else None
    return run(count_window(lived(mode, Answer(resolution=how, factor=factor))))


@pytest.mark.parametrize("mode", ["shadow", "active"])
@pytest.mark.parametrize("how", get_args(ResolutionName))
def test_question_that_ends_without_a_verdict_counts_against_the_level(
    how: ResolutionName, mode: str
) -> None:
    counts = ending(how, mode)

    assert counts.asked > (0 if how in {"approve", "adjust"} else 20)  # then it has what it wants
    assert counts.unadvised == (0 if how in VERDICTS else counts.asked)


@pytest.mark.parametrize(
    ("how", "status"), [("veto", "pass"), ("defer", "pass"), ("timed-out", "fail")]
)
def test_level_is_judged_where_advice_is_on_by_a_record_though_it_is_declared_off(
    how: ResolutionName, status: str
) -> None:
    counts = ending(how, "active")
    window = judge_window("1h", HOUR_NS, readings(counts, WINDOW, None), slo_policy())

    found = next(one for one in window.rows if one.id == "reasoning-fallback-ratio")
    assert (found.status, found.samples) == (status, counts.asked)


def test_what_no_answer_could_change_and_what_the_switch_forces_is_no_question() -> None:
    thrown = SwitchThrown(
        control_id="thrown", name="deterministic-only", state="thrown", reason="a test"
    )
    log = lived_through(Course(records={1: [mode_record("active"), thrown]}))

    counts = run(count_window(log))

    assert counts.reasons[Reason.DETERMINISTIC_ONLY.code] > 0
    assert counts.asked == 0


@pytest.mark.parametrize("after_s", [0, 20, 44, 60])
def test_questions_beside_decisions_are_counted_once_by_when_their_answers_came(
    after_s: int,
) -> None:
    log = lived("shadow", APPROVED)
    first_ns = min(one.at_ns for one in run(beside(log)))
    cut_ns = first_ns + after_s * SECOND_NS

    early, late = run(count_window(log, to_ns=cut_ns)), run(count_window(log, after_ns=cut_ns))

    assert early.asked == sum(one.at_ns <= cut_ns for one in run(beside(log)))
    assert early.asked + late.asked == len(run(beside(log))) > 20


async def beside(log: InMemoryLog) -> list[Shadowed]:
    """Return what a log records beside decisions."""
    return [one async for block in log.blocks(0) for one in shadowed_in(block)]
