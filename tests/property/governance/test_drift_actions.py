"""Whatever flaps, jumps, comes twice or dies: no action is triggered twice within its cooldown."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.governance.governing import SECOND_NS, START_NS, Memory, drift_policy, verdict
from torghut.governance.safety.drift_actions import (
    DRIFT_ACTIONS,
    DriftCommand,
    DriftState,
    EndAction,
    TakeVerdict,
)
from torghut.schemas.governing.drift import (
    DRIFT_EVENT,
    ActionEnded,
    ActionTriggered,
    ActionWithheld,
    CandidateRollbackDemanded,
    DriftEvent,
    DriftVerdict,
    VerdictTaken,
)

VERDICTS: Final = (
    verdict(),
    verdict("regime_transition_shock_ratio_exceeded"),
    verdict("performance_drawdown_exceeded"),
    verdict("data_schema_mismatch_detected", "performance_cost_bps_exceeded"),
    verdict(missing=["performance_drawdown_exceeded"]),
)
CANDIDATES: Final = (None, "aa" * 32, "bb" * 32)
COOLDOWNS_NS: Final = {
    "retrain": drift_policy().cooldowns.retrain_ms * 1_000_000,
    "reselection": drift_policy().cooldowns.reselection_ms * 1_000_000,
}


class DriftMachine(RuleBasedStateMachine):
    """Verdicts that flap, ends of actions, deliveries twice, deaths, and a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: Memory[DriftCommand, DriftEvent, DriftState] = Memory(
            DRIFT_ACTIONS, DRIFT_EVENT
        )
        self.now_ns = START_NS
        self.last: TakeVerdict | None = None

    @rule(told=st.sampled_from(VERDICTS), candidate=st.sampled_from(CANDIDATES))
    def take(self, told: DriftVerdict, candidate: str | None) -> None:
        """Five minutes later, another verdict."""
        self.now_ns += 300 * SECOND_NS
        last = self.memory.state.last
        self.last = TakeVerdict(
            evaluation=1 if last is None else last.evaluation + 1,
            at_ns=self.now_ns,
            verdict=told,
            candidate=candidate,
            policy=drift_policy(),
        )
        self.memory.send(self.last)

    @precondition(lambda self: self.last is not None)
    @rule()
    def deliver_again(self) -> None:
        """The last verdict comes again."""
        assert self.last is not None
        assert self.memory.send(self.last) == []

    @precondition(lambda self: self.memory.state.open or self.memory.state.rollbacks)
    @rule(completed=st.booleans())
    def end(self, *, completed: bool) -> None:
        """An action ends."""
        state = self.memory.state
        known = sorted(state.open | {demand for demand, _ in state.rollbacks})
        command = EndAction(
            action_id=known[0],
            outcome="completed" if completed else "failed",
            evidence=None,
            at_ns=self.now_ns,
        )
        assert len(self.memory.send(command)) == 1
        assert self.memory.send(command) == []

    @rule(by_s=st.sampled_from([3600, 7200, 30_000, -3600, -100_000, -(10**9)]))
    def jump(self, by_s: int) -> None:
        """The clock jumps."""
        self.now_ns = max(0, self.now_ns + by_s * SECOND_NS)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.memory.restart()

    @invariant()
    def no_action_comes_twice_within_its_cooldown(self) -> None:
        """The times of each action are at least its cooldown apart."""
        for action, cooldown_ns in COOLDOWNS_NS.items():
            times = [
                event.at_ns
                for event in self.memory.events()
                if isinstance(event, ActionTriggered) and event.action == action
            ]
            assert all(b - a >= cooldown_ns for a, b in pairwise(times))

    @invariant()
    def drift_always_leads_to_an_action_or_says_why_not(self) -> None:
        """Each drifted verdict is followed by one of the two, and no other verdict is."""
        for event, after in pairwise([*self.memory.events(), None]):
            if isinstance(event, VerdictTaken):
                acted = isinstance(after, ActionTriggered | ActionWithheld)
                assert acted == (event.verdict.status == "drifted")

    @invariant()
    def no_candidate_is_demanded_back_twice_at_once(self) -> None:
        """Between a demand and its end there is no other for that candidate."""
        open_: dict[str, str] = {}
        for event in self.memory.events():
            if isinstance(event, CandidateRollbackDemanded):
                assert event.candidate not in open_.values()
                open_[event.action_id] = event.candidate
            elif isinstance(event, ActionEnded):
                open_.pop(event.action_id, None)


TestDriftActions = DriftMachine.TestCase
