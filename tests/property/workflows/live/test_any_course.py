"""Whatever happens to a worker, its log, its switches and its clocks: what it promised holds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fakes.courses import Course, Heard
from tests.fakes.live import A, B, Ill
from tests.fakes.sources import ArraySource
from tests.fakes.virtual_time import run_virtually
from tests.support.decisions.kernels import compiled
from tests.support.decisions.loops import empty_log, run_on
from torghut.decisions.recording import Recorded, read_block
from torghut.eventlog.block import Block
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import root_of_run
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival
from torghut.schemas.control import ControlRecord, LagBegan, LagEnded, StopChanged, SwitchThrown
from torghut.schemas.rows import CONTEXT, DECISION
from torghut.workflows.live.told.outcomes import settled_then
from torghut.workflows.replay import replay_log

SWITCHES: Final = ("stop", "deterministic-only", "defensive-weights")

REPEATED: Final = ("market.duplicate", "market.out-of-order")
"""Why a context is refused that comes again when its outcome is no longer in memory."""

ILLS: Final = st.sampled_from([one.value for one in Ill])
WAITS: Final = st.sampled_from([10, 300, 3000])

ACTS = st.one_of(
    st.tuples(st.just("offer"), st.integers(0, 7)),
    st.tuples(st.just("many"), st.integers(2, 20)),
    st.tuples(st.just("again"), st.integers(0, 100)),
    st.tuples(st.just("submit"), st.integers(0, 29)),
    st.tuples(st.just("throw"), st.integers(0, 2)),
    st.tuples(st.just("release"), st.integers(0, 2)),
    st.tuples(st.just("halt"), st.sampled_from([2, 15, 600])),
    st.tuples(st.just("kill"), st.just(0)),
    st.tuples(st.just("go on"), st.sampled_from([10, 30, 300, 3000, 40_000])),
)


@st.composite
def episodes(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Return what happens while the log is ill: a while, something, a while, and it is well."""
    steps = [("ill", draw(ILLS)), ("go on", draw(WAITS))]
    for act in draw(st.lists(ACTS, min_size=1, max_size=3)):
        steps += [act, ("go on", draw(WAITS))]
    return [*steps, ("well", 0), ("go on", draw(WAITS))]


STEPS = st.lists(st.one_of(episodes(), st.lists(ACTS, max_size=6)), max_size=4).map(
    lambda parts: [step for part in parts for step in part]
)


async def step(course: Course, what: str, number: int) -> None:
    """Let one thing happen."""
    done = STEP_OF[what](course, number)
    if isinstance(done, Awaitable):
        await done
    await asyncio.sleep(0)


async def start_anew(course: Course, _number: int) -> None:
    """Kill the worker, and let another begin."""
    await course.kill()
    await course.begin()


def offer_many(course: Course, number: int) -> None:
    """Offer contexts of both symbols."""
    for count in range(number):
        course.offer((A, B)[count % 2])


STEP_OF: Final[Mapping[str, Callable[[Course, int], object]]] = {
    "offer": lambda course, number: course.offer((A, B)[number % 2], bad=number == 7),
    "many": offer_many,
    "again": lambda course, number: course.offer_again(number),
    "submit": lambda course, number: course.submit(number),
    "throw": lambda course, number: course.throw(SWITCHES[number]),
    "release": lambda course, number: course.release(SWITCHES[number]),
    "ill": lambda course, number: course.world.illness.become(Ill(number)),
    "well": lambda course, _: course.world.illness.become(Ill.WELL),
    "go on": lambda course, number: course.go_on(number / 1000),
    "halt": lambda course, number: course.halt(number),
    "kill": start_anew,
}


@dataclass(frozen=True, slots=True)
class Logged:
    """Everything that is in a log, in order."""

    blocks: list[Block]
    recorded: list[Recorded]

    def controls(self) -> list[tuple[int, ControlRecord]]:
        """Return what was recorded, by the number of contexts before it."""
        found, before = [], 0
        for one in self.recorded:
            found += [(before + arrival.row, arrival.record) for arrival in one.received]
            before += len(one.contexts)
        return found

    def block_of(self, control_id: str) -> list[int]:
        """Return the blocks that record a control record."""
        return [
            number
            for number, one in enumerate(self.recorded)
            for arrival in one.received
            if arrival.record.control_id == control_id
        ]


async def logged(log: InMemoryLog) -> Logged:
    """Return what a log holds."""
    blocks = [block async for block in log.blocks(0)]
    return Logged(blocks, [read_block(block) for block in blocks])


def check_outcomes(course: Course, log: Logged) -> None:
    """Every context that was taken in has one outcome, and the stream is the log."""
    names = [
        (block.number, place, name)
        for block in log.blocks
        for place, (_, _, name) in enumerate(settled_then(block).names)
    ]
    told = [(one.position.block, one.position.place, one.context_id) for one in course.heard]
    assert told == names
    first = [one for one in course.heard if one.body.get("code") not in REPEATED]
    assert Counter(one.context_id for one in first).most_common(1)[0][1] == 1
    settled = {one.context_id for one in first}
    assert set(course.sent) <= settled  # what came again after long was seen before
    assert not course.refused & settled
    refused = {one.context_id for one in first if "code" in one.body}
    assert refused == course.bad  # whatever was put back kept its order


def check_buffered(course: Course) -> None:
    """What had waited while the process was halted opens nothing."""
    for one in course.heard:
        if one.context_id in course.buffered and one.body.get("intent", "abstain") != "abstain":
            assert abs(number_of(one, "target_position")) <= abs(number_of(one, "position"))


def number_of(one: Heard, key: str) -> float:
    """Return a number that was told."""
    found = one.body[key]
    assert isinstance(found, float)
    return found


def check_switches(course: Course, log: Logged) -> None:
    """Every throw that was acknowledged is recorded once, before what was told to be acted on."""
    throws = {
        record.control_id.split(":")[2]: record.control_id
        for _, record in log.controls()
        if isinstance(record, SwitchThrown) and record.state == "thrown"
    }
    for throw_id, since_ns in course.acknowledged.items():
        (number,) = log.block_of(throws[throw_id])
        for one in course.heard:
            if one.acted_on and one.at_ns > since_ns:
                assert one.position.block >= number
    counts = Counter(record.control_id for _, record in log.controls())
    assert not counts or counts.most_common(1)[0][1] == 1
    for thrown in course.world.folder.files.values():
        assert thrown.throw_id in throws  # whatever is still there was seen


def check_stops(log: Logged) -> None:
    """While a stop is recorded no decision lets the exposure grow."""
    stopped: set[str] = set()
    for block, one in zip(log.blocks, log.recorded, strict=True):
        rows = iter(np.frombuffer(block.arms[SERVING].rows, DECISION))
        arrivals = list(one.received)
        for place, outcome in enumerate(one.outcomes.tolist()):
            while arrivals and arrivals[0].row <= place:
                note_stop(arrivals.pop(0).record, stopped)
            if outcome == 0:
                row = next(rows)
                if stopped:
                    assert abs(float(row["target"])) <= abs(float(row["position"])) + 1e-9
        for arrival in arrivals:
            note_stop(arrival.record, stopped)


def note_stop(record: ControlRecord, stopped: set[str]) -> None:
    """Know which stops are in force."""
    match record:
        case SwitchThrown(name="stop", state="thrown") | StopChanged(state="stopped"):
            stopped.add(record.kind)
        case SwitchThrown(name="stop") | StopChanged():
            stopped.discard(record.kind)
        case LagBegan():
            stopped.add("lag")
        case LagEnded():
            stopped.discard("lag")
        case _:
            pass


async def check_replay(inner: InMemoryLog, log: Logged) -> None:
    """The log decides the same again, and so does a plain run of the same input."""
    again = await replay_log(inner, compiled())
    assert again.identical
    symbols: dict[int, str] = {}
    sources: dict[int, str] = {}
    for one in log.recorded:
        symbols.update(one.header.symbols)
        sources.update(one.header.sources)
    rows = np.concatenate([np.zeros(0, CONTEXT), *(one.contexts for one in log.recorded)])
    source = ArraySource(
        rows=rows,
        symbols=[symbols[number] for number in range(len(symbols))],
        arrivals=[Arrival(row=row, record=record) for row, record in log.controls()],
        digests=[sources[number] for number in range(len(sources))],
    )
    plain = empty_log()
    await run_on(source, plain, size=64)
    assert await root_of_run(plain) == again.root == await root_of_run(inner)


def holds_all(steps: list[tuple[str, int]]) -> None:
    """Check everything that was promised after a course of events."""
    course = Course()

    async def main() -> None:
        await course.begin()
        for what, number in steps:
            await step(course, what, number)
        await course.end()
        log = await logged(course.world.inner)
        check_outcomes(course, log)
        check_buffered(course)
        check_switches(course, log)
        check_stops(log)
        await check_replay(course.world.inner, log)

    run_virtually(main())


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
@example([("offer", 0), ("ill", Ill.KEPT_THEN_BROKEN.value), ("offer", 1), ("go on", 2000)])
@example(
    [
        *(("ill", Ill.HANGING.value), ("go on", 3000), ("throw", 0), ("go on", 300)),
        *(("well", 0), ("go on", 3000)),
    ]
)
def test_what_was_promised_holds_whatever_the_course(steps: list[tuple[str, int]]) -> None:
    holds_all(steps)


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_what_was_promised_holds_in_many_courses(steps: list[tuple[str, int]]) -> None:
    holds_all(steps)
