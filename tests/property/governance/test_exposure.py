"""Whatever comes, in whatever order: exposure rises by one step, after windows, and never else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.governance.climbing import (
    FRESH_MS,
    HOUR_NS,
    caps,
    climbed,
    exposure_policy,
    hours,
    ladder,
    look,
    windows,
)
from torghut.governance.exposure.ladder import exposure_cap
from torghut.governance.exposure.looking import ReviewExposure
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.roadmap import StageCaps
from torghut.schemas.staging.exposure import ExposureEvent, ExposureReviewed, ExposureStepped

STEPS: Final = exposure_policy().steps
RULE: Final = exposure_policy().climbing
CAPS: Final = st.sampled_from(
    [caps(), caps(), caps(), caps("100"), caps("100000"), caps(target="paper")]
)
TOLD: Final = ("", "", "", "", "", "", "stopped", "rollback", "on_paper", "switched", "by_hand")
VOID: Final = {"stopped", "rollback", "stage-on-paper", "switch-thrown"}
_NS_PER_MS: Final = 1_000_000


class LadderMachine(RuleBasedStateMachine):
    """Looks of every kind, flapping windows, restarts, repeated messages and a jumping clock."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = ladder()
        self.now_ns = hours(0)
        self.allowed = caps()
        self.entered_ns = 0
        self.sent: list[ReviewExposure] = []
        self.fraction = STEPS[0]
        self.stepped_ns = 0
        self.reviewed: list[ExposureReviewed] = []

    def _send(self, command: ReviewExposure) -> None:
        self.sent.append(command)
        before = exposure_cap(self.stream.state, command.caps)
        self._attempt(command)
        after = exposure_cap(self.stream.state, command.caps)
        if command.stopped or command.rollback or command.on_paper:
            assert after == 0
        if command.by_hand or command.switched:
            assert after <= before
        if any(one.status == "fail" for one in command.windows.values()):
            assert after <= before

    def _attempt(self, command: ReviewExposure) -> None:
        became = self.stream.attempt(command)
        if not isinstance(became, TorghutError):
            self._record(became)

    @initialize(steps=st.integers(0, 3))
    def begin(self, steps: int) -> None:
        """The ladder may have been climbed some way."""
        self.stream, hour = climbed(steps) if steps else (ladder(), 0)
        self.now_ns = hours(hour)
        self._record(self.stream.events())

    @rule(
        after_s=st.sampled_from([1, 60, 3600, 3600, 3600, 7200, 86400]),
        good=st.sampled_from([True, True, True, True, False]),
        closed=st.sampled_from([False, False, False, True]),
        told=st.sampled_from(TOLD),
        drill=st.sampled_from([FRESH_MS, FRESH_MS, None, 10**8]),
    )
    def observe(
        self, after_s: int, drill: int | None, *, good: bool, closed: bool, told: str
    ) -> None:
        """A look, some time after the last."""
        self.now_ns += after_s * 1_000_000_000
        seen = windows(self.now_ns, good=good, closed=closed)
        self._send(
            look(
                self.stream,
                self.now_ns,
                windows=seen,
                caps=self.allowed,
                drill_age_ms=drill,
                entered_ns=self.entered_ns,
                stopped=told == "stopped",
                rollback=told == "rollback",
                on_paper=told == "on_paper",
                switched=told == "switched",
                by_hand=told == "by_hand",
            )
        )

    @rule(count=st.integers(1, 6))
    def calm(self, count: int) -> None:
        """Some good hours, looked at as they end."""
        for _ in range(count):
            self.now_ns += HOUR_NS
            self._send(
                look(self.stream, self.now_ns, caps=self.allowed, entered_ns=self.entered_ns)
            )

    @rule()
    def enter_stage(self) -> None:
        """A stage is entered that allows as much."""
        self.entered_ns = self.now_ns

    @rule(age_h=st.sampled_from([1, 5, -1]))
    def offer_an_old_window(self, age_h: int) -> None:
        """Windows that ended long ago, or will."""
        seen = windows(self.now_ns - age_h * HOUR_NS)
        self._send(look(self.stream, self.now_ns, windows=seen, caps=self.allowed))

    @rule(allowed=CAPS)
    def change_stage(self, allowed: StageCaps) -> None:
        """Another stage allows something else."""
        self.allowed = allowed

    @rule(which=st.integers(0, 5))
    def deliver_again(self, which: int) -> None:
        """A command comes again, or late."""
        if self.sent:
            kept, again = len(self.stream.bodies), self.sent[-1 - which % len(self.sent)]
            self._attempt(again)
            last = self.stream.state.reviewed
            assert len(self.stream.bodies) == kept or (last and last.review == again.review)

    @rule(by_h=st.sampled_from([5, -5, 24 * 365]))
    def jump(self, by_h: int) -> None:
        """The clock jumps."""
        self.now_ns = max(HOUR_NS * 48, self.now_ns + by_h * HOUR_NS)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.stream.restart()

    @invariant()
    def never_above_the_stage(self) -> None:
        """What is given is never more than the stage allows now."""
        for allowed in (self.allowed, caps(), caps("1"), caps(target="paper")):
            given = exposure_cap(self.stream.state, allowed)
            assert 0 <= given <= allowed.notional_cap
            assert allowed.target == "live" or given == 0

    def _record(self, events: Sequence[ExposureEvent]) -> None:
        """Read what happened plainly."""
        for event in events:
            if isinstance(event, ExposureReviewed):
                self.reviewed.append(event)
                self.stepped_ns = self.stepped_ns or event.at_ns
                continue
            assert event.came_from == self.fraction
            if event.fraction > self.fraction:
                _check_earned(event, self.reviewed, self.stepped_ns, self.entered_ns)
                assert STEPS.index(event.fraction) == STEPS.index(self.fraction) + 1
            self.fraction, self.stepped_ns = event.fraction, event.at_ns
            self.reviewed = self.reviewed[-1:]


def _check_earned(
    event: ExposureStepped, reviewed: list[ExposureReviewed], since_ns: int, entered_ns: int
) -> None:
    """Check that enough windows passed since the last step, none overlapping, and nothing else."""
    last = reviewed[-1]
    assert last.holding == ()
    assert last.drill_age_ms is not None
    assert last.drill_age_ms <= RULE.drill_max_age_ms
    assert event.at_ns - since_ns >= RULE.dwell_ms * _NS_PER_MS
    assert event.notional_cap <= last.caps.notional_cap
    apart, end_ns = 0, last.at_ns + 1
    for one in reversed(reviewed):
        if any(seen.status in {"fail", "missing"} for seen in one.windows):
            break
        if VOID & set(one.holding):
            break
        shortest = one.windows[0]
        if "by-hand" in one.holding or shortest.from_ns < entered_ns:
            continue
        if shortest.status == "pass" and shortest.to_ns <= end_ns:
            apart, end_ns = apart + 1, shortest.from_ns
    assert apart >= RULE.passing_windows


TestLadder = LadderMachine.TestCase
TestLadder.settings = hypothesis.settings(max_examples=25, stateful_step_count=25)
