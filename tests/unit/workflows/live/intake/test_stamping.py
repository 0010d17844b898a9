"""The ingress clock: no step of the wall clock moves a receive time; a halt makes things old."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import HandClock, Stopwatch
from torghut.kernel.clock import SteadyNs
from torghut.workflows.live.intake.stamping import IngressClock

MS = 1_000_000
S = 1000 * MS
START_NS = 1_700_000_000 * S


@dataclass(slots=True)
class Clocks:
    """Both clocks, moved by hand, and the ingress clock on them."""

    wall: HandClock = field(default_factory=lambda: HandClock(START_NS))
    steady: Stopwatch = field(default_factory=lambda: Stopwatch(77))
    ingress: IngressClock = field(init=False)

    def __post_init__(self) -> None:
        self.ingress = IngressClock(wall=self.wall, steady=self.steady, pause_ns=S)

    def go_on(self, ns: int, *, looks: bool = True) -> None:
        """Let time pass on both clocks, the process at work."""
        step = 100 * MS
        while looks and ns > step:
            self.go_on(step, looks=False)
            self.ingress.look(waiting=0)
            ns -= step
        self.wall.time_ns += ns
        self.steady.time_ns += ns


def test_the_receive_clock_begins_at_wall_time_and_runs_on() -> None:
    clocks = Clocks()
    clocks.go_on(5 * MS)
    assert clocks.ingress.stamp(waiting=0).receive_ns == START_NS + 5 * MS


@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(-(10**6), 10**6)), min_size=1, max_size=20)
)
def test_steps_of_the_wall_clock_change_no_receive_time(steps: list[tuple[int, int]]) -> None:
    clocks, passed = Clocks(), 0
    for ms, step_ms in steps:
        clocks.go_on(ms * MS, looks=False)
        passed += ms * MS
        clocks.wall.time_ns += step_ms * MS
        stamp = clocks.ingress.stamp(waiting=0)
        assert stamp.receive_ns == START_NS + passed
        assert stamp.came_ns == clocks.steady.time_ns
        assert stamp.wall_ns == clocks.wall.time_ns
    assert clocks.ingress.apart_ns() == sum(step for _, step in steps) * MS


def test_the_receive_clock_begins_behind_what_the_log_holds() -> None:
    clocks = Clocks()
    clocks.ingress.not_before(START_NS + 60 * S)
    assert clocks.ingress.stamp(waiting=0).receive_ns == START_NS + 60 * S + 1
    clocks.ingress.not_before(START_NS - 60 * S)
    clocks.go_on(1)
    assert clocks.ingress.stamp(waiting=0).receive_ns == START_NS + 60 * S + 2


def test_a_gap_as_long_as_may_be_is_no_halt() -> None:
    clocks = Clocks()
    clocks.go_on(S, looks=False)
    clocks.ingress.look(waiting=0)
    assert not clocks.ingress.in_backlog
    assert clocks.ingress.halts == 0


def test_what_is_read_after_a_halt_came_in_when_it_began() -> None:
    clocks = Clocks()
    clocks.go_on(400 * MS)
    began_ns, began_wall_ns = clocks.steady.time_ns, clocks.wall.time_ns
    clocks.ingress.look(waiting=0)
    clocks.go_on(30 * S, looks=False)
    stamp = clocks.ingress.stamp(waiting=0)  # whoever is first to look notices it
    assert stamp.came_ns == began_ns
    assert stamp.wall_ns == began_wall_ns
    assert stamp.receive_ns == START_NS + 30 * S + 400 * MS
    assert (clocks.ingress.halts, clocks.ingress.halted_ns) == (1, 30 * S)


def test_the_backlog_of_a_halt_lasts_until_nothing_waits_any_more() -> None:
    clocks = Clocks()
    clocks.go_on(5 * S, looks=False)
    clocks.ingress.look(waiting=3)
    for _ in range(40):
        clocks.go_on(100 * MS, looks=False)
        clocks.ingress.look(waiting=3)
        assert clocks.ingress.in_backlog
    clocks.go_on(100 * MS, looks=False)
    clocks.ingress.look(waiting=0)
    assert not clocks.ingress.in_backlog
    assert clocks.ingress.stamp(waiting=0).came_ns == clocks.steady.time_ns


def test_an_empty_queue_ends_no_backlog_while_buffers_may_hold_more() -> None:
    clocks = Clocks()
    clocks.go_on(5 * S, looks=False)
    clocks.ingress.look(waiting=0)
    clocks.go_on(500 * MS, looks=False)
    clocks.ingress.look(waiting=0)
    assert clocks.ingress.in_backlog


def test_a_second_halt_does_not_make_the_first_shorter() -> None:
    clocks = Clocks()
    began_ns = clocks.steady.time_ns
    clocks.go_on(5 * S, looks=False)
    clocks.ingress.look(waiting=0)
    clocks.go_on(5 * S, looks=False)
    assert clocks.ingress.stamp(waiting=0).came_ns == began_ns
    assert clocks.ingress.halts == 2


@pytest.mark.parametrize("late_ms", [0, 1, 5000])
def test_a_recorded_context_came_in_when_it_was_due(late_ms: int) -> None:
    clocks = Clocks()
    clocks.go_on(10 * S)
    due_ns = SteadyNs(clocks.steady.time_ns - late_ms * MS)
    stamp = clocks.ingress.due(due_ns, 42)
    assert (stamp.receive_ns, stamp.came_ns) == (42, due_ns)
    assert stamp.wall_ns == clocks.wall.time_ns - late_ms * MS


def test_it_is_known_when_something_was_last_stamped() -> None:
    clocks = Clocks()
    heard = [clocks.ingress.heard_ns]
    clocks.ingress.stamp(waiting=0)
    clocks.go_on(3 * S)
    heard.append(clocks.ingress.heard_ns)
    clocks.ingress.due(SteadyNs(5), 42)
    heard.append(clocks.ingress.heard_ns)
    assert heard == [None, 77, 77 + 3 * S]
