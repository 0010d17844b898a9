"""Whatever is shown, cited or repeated: one stage at a time, and only after a passing review."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.governance.staging import (
    advance,
    all_shown,
    arrived,
    back,
    built_roadmap,
    review,
    shipped_roadmap,
    stages,
)
from torghut.governance.stages.progress import NOTHING, StageCommand, capped
from torghut.schemas.governing.fields import Found
from torghut.schemas.governing.stages import StageEntered, StageReviewed

ROADMAPS: Final = st.sampled_from([built_roadmap(), built_roadmap(), shipped_roadmap()])


class StageMachine(RuleBasedStateMachine):
    """Reviews, steps on and back, deliveries twice, deaths, and a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = stages()
        self.now_ns = START_NS
        self.sent: list[StageCommand] = []

    def _send(self, command: StageCommand) -> None:
        self.sent.append(replace(command, at_ns=self.now_ns))
        self.stream.attempt(self.sent[-1])
        kept = len(self.stream.bodies)
        self.stream.attempt(self.sent[-1])
        assert len(self.stream.bodies) == kept

    @initialize(stage=st.integers(-1, 5))
    def begin(self, stage: int) -> None:
        """The rollout may have come some way."""
        if stage >= 0:
            self.stream = arrived(stage)

    @rule(
        stage=st.integers(0, 5),
        passed=st.sampled_from([True, True, True, False]),
        found=st.sampled_from(["verified", "verified", "verified", "missing"]),
        own=st.booleans(),
        roadmap=ROADMAPS,
    )
    def review(self, stage: int, found: Found, roadmap: object, *, passed: bool, own: bool) -> None:
        """Somebody shows something, of this stage or another one."""
        entered = self.stream.state.entered
        stage = entered.stage if own and entered is not None else stage
        chosen = built_roadmap() if roadmap == built_roadmap() else shipped_roadmap()
        shown = all_shown(stage, passed=passed, found=found)
        self._send(review(self.stream, shown, roadmap=chosen))

    @rule(to=st.integers(-1, 6), by=st.sampled_from([1, 1, 1, 0, 2]), roadmap=ROADMAPS)
    def advance(self, to: int, by: int, roadmap: object) -> None:
        """Somebody goes on, by one or elsewhere."""
        entered = self.stream.state.entered
        to = entered.stage + by if entered is not None and by else to
        chosen = built_roadmap() if roadmap == built_roadmap() else shipped_roadmap()
        self._send(advance(self.stream, to, roadmap=chosen))

    @rule(to=st.integers(-1, 6))
    def back(self, to: int) -> None:
        """Somebody goes back."""
        self._send(back(self.stream, to))

    @rule(which=st.integers(0, 5))
    def deliver_again(self, which: int) -> None:
        """A command comes late; it changes nothing, or is the next one that is due."""
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
    def one_stage_at_a_time_and_only_after_a_pass(self) -> None:
        """Read the history plainly."""
        stage: int | None = None
        reviewed: StageReviewed | None = None
        for event in self.stream.events():
            if isinstance(event, StageReviewed):
                assert event.stage == stage
                assert (event.status == "pass") == all(c.status == "pass" for c in event.criteria)
                reviewed = event
                continue
            assert isinstance(event, StageEntered)
            assert event.came_from == stage
            if stage is None:
                assert event.stage == 0
            elif event.stage > stage:
                assert event.stage == stage + 1
                assert reviewed is not None
                assert (reviewed.status, reviewed.review) == ("pass", event.review)
                assert reviewed.roadmap == event.roadmap
            stage, reviewed = event.stage, None
        allowed = capped(built_roadmap().stages[5].caps, self.stream.state)
        expected = NOTHING if stage is None else built_roadmap().stages[stage].caps
        assert allowed == expected


TestStages = StageMachine.TestCase
