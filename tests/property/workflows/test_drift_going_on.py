"""A window that goes on from look to look is, to the bit, the window read at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.decisions.growing import APART_NS, COUNT, GrowingLog, grown, watchful_policy
from tests.support.decisions.rows import START_NS
from torghut.eventlog.errors import LogReadError, Obstacle
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.workflows.drift import tallying
from torghut.workflows.drift.measuring import Measured, WindowAsked, measure
from torghut.workflows.scheduling.metering import LogMeter
from torghut.workflows.scheduling.steps.drifting import begin_of

SEEDS: Final = (1, 2)
SPAN_NS: Final = COUNT * APART_NS
BROKEN: Final = LogReadError(obstacle=Obstacle.BUSY, detail="away")


@dataclass(frozen=True, slots=True)
class Look:
    """What happens before a look, and what it meets.

    Attributes:
        blocks: By which the log has grown.
        late_ns: How long after the newest of them it is; below 0: before it.
        replaced: By which log it was replaced, and starts over; None: it was not.
        cut: How many reads of each budget succeed; None: all of them.
        fails: Whether the others fail, and do not only take too long.
    """

    blocks: int
    late_ns: int
    replaced: int | None = None
    cut: int | None = None
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """Looks at a log, each on a window of that length, so many decisions measured together."""

    seed: int
    together: int
    window_ns: int
    policy: DriftPolicy
    looks: Sequence[Look]


def courses(*, cut: bool) -> st.SearchStrategy[Course]:
    """Return courses; reads are cut in them or not."""
    look = st.builds(
        Look,
        blocks=st.integers(0, 25),
        late_ns=st.sampled_from([-3, -1, 0, 1, 40]).map(lambda steps: steps * APART_NS // 2),
        replaced=st.sampled_from([None] * 20 + list(SEEDS)),
        cut=st.none() | st.integers(0, 40) if cut else st.none(),
        fails=st.sampled_from([False, False, True]),
    )
    return st.builds(
        Course,
        seed=st.sampled_from(SEEDS),
        together=st.sampled_from([16, 4096]),
        window_ns=st.sampled_from([SPAN_NS // 8, SPAN_NS // 3, 2 * SPAN_NS]),
        policy=st.sampled_from([60_000, 3_600_000, 20_000_000]).map(watchful_policy),
        looks=st.lists(look, min_size=3, max_size=6),
    )


def checked(course: Course) -> None:
    """Look, and compare."""
    for seed in SEEDS:
        grown(seed)  # decided once, in an event loop of its own
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallying, "TOGETHER", course.together)
        asyncio.run(looked(course))


async def looked(course: Course) -> None:
    """Look, and compare each answer with the window read at once."""
    log, there, look = GrowingLog(course.seed), 0, course.looks[0]

    def opening() -> DecisionLog:
        log.faults.left = look.cut
        return log

    meter = LogMeter(opening=opening, policy=course.policy, budget_ms=60_000)
    for look in course.looks:
        if look.replaced is not None:
            log, there = GrowingLog(look.replaced), 0
        there = min(len(grown(course.seed)[0]), there + look.blocks)
        await log.grow(look.blocks)
        asked = _asked(course, look, there)
        log.faults.error = BROKEN if look.fails else TimeoutError
        found = await meter.measure(asked)
        log.faults.left = None
        await _compare(log, asked, found, course.policy, whole=look.cut is None)


def _asked(course: Course, look: Look, there: int) -> WindowAsked:
    """Return the window that a look is at."""
    now_ns = START_NS + there * SPAN_NS // len(grown(course.seed)[0]) + look.late_ns
    begin_ns = begin_of(now_ns, course.window_ns)
    return WindowAsked(subject="loop", from_ns=begin_ns, to_ns=now_ns)


async def _compare(
    log: DecisionLog, asked: WindowAsked, found: Measured, policy: DriftPolicy, *, whole: bool
) -> None:
    """Check an answer; a look that was cut may say nothing, or answer for the window before."""
    if whole:
        assert found.window.from_ns == asked.from_ns
    elif not found.window.readings:
        return
    own = WindowAsked(subject="loop", from_ns=found.window.from_ns, to_ns=asked.to_ns)
    expected = await measure(log, own, policy)
    if not whole:  # the features of the window before may have been learnt on less
        found, expected = (
            replace(one, observations=one.observations[1:]) for one in (found, expected)
        )
    assert repr(found) == repr(expected)


@pytest.mark.slow
@settings(max_examples=7)
@given(course=courses(cut=False))
def test_answers_are_to_the_bit_those_of_windows_read_at_once(course: Course) -> None:
    checked(course)


@settings(max_examples=7)
@given(course=courses(cut=True))
def test_reads_that_are_cut_anywhere_leave_no_block_half_taken(course: Course) -> None:
    checked(course)
