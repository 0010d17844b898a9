"""Whenever workers were read, died and came back: no window is judged quicker than it was."""

from __future__ import annotations

from typing import Final

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.live.latencies import counted, latencies
from torghut.governance.slo.coverage import covering, within
from torghut.governance.slo.errors import LatencyRefusedError
from torghut.governance.slo.latency import (
    LatencyReading,
    LatencyState,
    Process,
    ProcessRead,
    ReadLatency,
)
from torghut.schemas.declarations.staging.slo import WINDOW_MS
from torghut.workflows.live.observing.latency import LatencyTally

WORKERS: Final = ("one", "two")
SPANS_NS: Final = [one * 1_000_000 for one in WINDOW_MS.values()]
LATENCIES_S: Final = st.sampled_from([0.004, 0.004, 0.004, 0.2, 9.0, 60.0])


class _Life:
    """A process of a worker, and what it counted."""

    def __init__(self, worker: str, started_ns: int) -> None:
        self.process = Process(worker=worker, pid=1, started_ns=started_ns)
        self.tally = LatencyTally()


class LatencyMachine(RuleBasedStateMachine):
    """Outcomes, cycles that came or did not, and restarts of everybody."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = latencies()
        self.now_ns = START_NS
        self.outcomes: list[tuple[int, float]] = []
        self.lives = {name: _Life(name, START_NS) for name in WORKERS}
        self.sent: list[ReadLatency] = []

    @rule(
        worker=st.sampled_from(WORKERS), count=st.sampled_from([1, 7, 7, 400]), took_s=LATENCIES_S
    )
    def decide(self, worker: str, count: int, took_s: float) -> None:
        """A worker decides, and a while passes."""
        self.now_ns += 60 * SECOND_NS
        self.outcomes += [(self.now_ns, took_s)] * count
        self.lives[worker].tally.observe([took_s] * count)

    @rule(minutes=st.sampled_from([1, 20, 40, 60 * 23, 60 * 30]))
    def wait(self, minutes: int) -> None:
        """Nothing happens, or nobody sees it."""
        self.now_ns += minutes * 60 * SECOND_NS

    @rule()
    def cycle(self) -> None:
        """A cycle reads every worker's page; a minute later it reads the same, which is no news."""
        for life in self.lives.values():
            command = ReadLatency(
                process=life.process, counts=life.tally.within(), at_ns=self.now_ns
            )
            self.sent.append(command)
            self.stream.send(command)
            assert self.stream.send(command) == []

    @rule(worker=st.sampled_from(WORKERS))
    def worker_restarts(self, worker: str) -> None:
        """A worker dies; what it counted since it was read stays unseen."""
        self.now_ns += SECOND_NS
        self.lives[worker] = _Life(worker, self.now_ns)

    @rule()
    def scheduler_restarts(self) -> None:
        """The scheduler dies; its successor knows what the events say."""
        self.stream.restart()

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 50))
    def deliver_again(self, which: int) -> None:
        """An old reading comes again: it says less than is known, or nothing new."""
        command = self.sent[-1 - which % len(self.sent)]
        found = self.stream.attempt(command)
        known = [one.process for one in self.stream.state.processes]
        assert isinstance(found, LatencyRefusedError) or not found or command.process in known

    @invariant()
    def no_window_is_judged_quicker_than_it_was(self) -> None:
        """No more of a window's outcomes are shown within any time than there were."""
        for span_ns in SPANS_NS:
            after_ns = self.now_ns - span_ns
            found = covering(self.stream.state, after_ns)
            inside = [took_s for at_ns, took_s in self.outcomes if at_ns > after_ns]
            covered = sum(at_ns > found.after_ns for at_ns, _ in self.outcomes)
            shown = within(found, accepted=len(inside), covered=covered)
            assert all(a <= b for a, b in zip(shown, counted(*inside), strict=True))
            assert shown[-1] == len(inside)
            assert list(shown) == sorted(shown)

    @invariant()
    def what_was_forgotten_is_not_missed(self) -> None:
        """The fold shows every window as all that was ever read would."""
        whole = self._whole()
        for span_ns in SPANS_NS:
            after_ns = max(self.now_ns, whole.time_ns) - span_ns
            assert covering(self.stream.state, after_ns).counts == covering(whole, after_ns).counts

    def _whole(self) -> LatencyState:
        """Return what everything comes to that was ever read."""
        found: dict[Process, list[LatencyReading]] = {}
        for event in self.stream.events():
            process = Process(worker=event.worker, pid=event.pid, started_ns=event.started_ns)
            reading = LatencyReading(at_ns=event.at_ns, counts=event.counts)
            found.setdefault(process, []).append(reading)
        return LatencyState(
            processes=tuple(
                ProcessRead(process=one, readings=tuple(readings))
                for one, readings in found.items()
            ),
            time_ns=self.stream.state.time_ns,
        )


TestLatency = LatencyMachine.TestCase
TestLatency.settings = hypothesis.settings(max_examples=25, stateful_step_count=20)
