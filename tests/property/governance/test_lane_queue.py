"""Whatever is submitted, started, ended, repeated or forgotten: one run at a time, none lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.lane.queueing import NOW_NS, ended, queue, start, submit
from torghut.governance.lanes.queue import LaneCommand
from torghut.schemas.governing.lanes import CandidateSubmitted, LaneRunEnded, LaneRunStarted

SECOND_NS: Final = 1_000_000_000


class QueueMachine(RuleBasedStateMachine):
    """Commands in any order, delivered twice or late, with deaths and a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = queue()
        self.now_ns = NOW_NS
        self.sent: list[LaneCommand] = []

    def _send(self, command: LaneCommand) -> None:
        self.sent.append(replace(command, at_ns=self.now_ns))
        self.stream.attempt(self.sent[-1])
        kept = len(self.stream.bodies)
        self.stream.attempt(self.sent[-1])
        assert len(self.stream.bodies) == kept, "delivered twice, counted once"

    @rule(router=st.sampled_from(["a", "b", "c"]))
    def submit(self, router: str) -> None:
        """Somebody submits a candidate."""
        self._send(submit(router))

    @rule(own=st.booleans(), number=st.integers(1, 6), run=st.sampled_from(["lane-1", "lane-2"]))
    def start(self, number: int, run: str, *, own: bool) -> None:
        """Somebody starts what waits, or something else."""
        waiting = self.stream.state.next
        number = waiting.submission if own and waiting is not None else number
        attempt = self.stream.state.attempts.get(run, 0) + (1 if own else 2)
        self._send(start(number, run_id=run, attempt=attempt))

    @rule(
        own=st.booleans(),
        run=st.sampled_from(["lane-1", "lane-2"]),
        outcome=st.sampled_from(["completed", "failed", "killed"]),
    )
    def end(self, run: str, outcome: str, *, own: bool) -> None:
        """Somebody says that a run ended."""
        running = self.stream.state.running
        if own and running is not None:
            self._send(ended(run_id=running.run_id, attempt=running.attempt, outcome=outcome))
        else:
            self._send(ended(run_id=run, outcome=outcome))

    @rule(which=st.integers(0, 5))
    def deliver_again(self, which: int) -> None:
        """A command comes late."""
        if self.sent:
            self.stream.attempt(self.sent[-1 - which % len(self.sent)])

    @rule(by_s=st.sampled_from([3600, -3600, -(10**9)]))
    def jump(self, by_s: int) -> None:
        """The clock jumps."""
        self.now_ns = max(0, self.now_ns + by_s * SECOND_NS)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.stream.restart()

    @invariant()
    def history_reads_plainly(self) -> None:
        """One run at a time, each of something that waited; streaks as the ends say."""
        waiting: list[int] = []
        running: LaneRunStarted | None = None
        streak = submitted = 0
        for event in self.stream.events():
            if isinstance(event, CandidateSubmitted):
                submitted += 1
                assert event.submission == submitted
                waiting.append(submitted)
            elif isinstance(event, LaneRunStarted):
                assert running is None
                waiting.remove(event.submission)
                running = event
            else:
                assert isinstance(event, LaneRunEnded)
                assert running is not None
                assert (event.run_id, event.attempt) == (running.run_id, running.attempt)
                streak = 0 if event.outcome == "completed" else streak + 1
                assert event.failure_streak == streak
                running = None
        state = self.stream.state
        assert (list(state.waiting), state.running) == (waiting, running)
        assert state.failure_streak == streak


TestQueue = QueueMachine.TestCase
