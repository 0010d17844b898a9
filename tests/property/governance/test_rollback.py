"""However steps come, no proof passes without its evidence and a rollback that is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Final, Literal, get_args

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.governance.governing import SECOND_NS, START_NS, Memory, safety_policy
from tests.support.lane.rollouts import examined, incident
from torghut.artifacts.errors import ReadFault
from torghut.governance.rollouts.evidence import EvidenceFault, Examined
from torghut.governance.safety.rollback import (
    OWED,
    ROLLBACK,
    ConfirmDrained,
    ConfirmEffective,
    JudgeProof,
    RollbackCommand,
    RollbackState,
    SupersedeRollback,
    SwitchBack,
    TriggerRollback,
)
from torghut.schemas.governing.rollback import (
    ROLLBACK_EVENT,
    EvidenceName,
    ProofJudged,
    RollbackDrained,
    RollbackEffective,
    RollbackEvent,
    RollbackSuperseded,
    RollbackSwitched,
    RollbackTriggered,
)

PACKAGES: Final = ("aa" * 32, "bb" * 32, None)
SOUND: Final = examined(incident())
OFFERED: Final = st.dictionaries(
    st.sampled_from(get_args(EvidenceName)),
    st.sampled_from([None, None, *ReadFault, *EvidenceFault]).map(
        lambda fault: replace(SOUND, fault=fault)
    ),
)


class RollbackMachine(RuleBasedStateMachine):
    """Steps in any order, deliveries twice, deaths, and a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: Memory[RollbackCommand, RollbackEvent, RollbackState] = Memory(
            ROLLBACK, ROLLBACK_EVENT
        )
        self.now_ns = START_NS
        self.sent: list[RollbackCommand] = []

    def _send(self, command: RollbackCommand) -> None:
        self.now_ns += SECOND_NS
        self.sent.append(command)
        self.memory.attempt(command)

    @rule(cause=st.sampled_from(["one", "two", "three"]), back_to=st.sampled_from(PACKAGES))
    def trigger(self, cause: str, back_to: str | None) -> None:
        """Something must go."""
        self._send(
            TriggerRollback(
                run_id="run-1",
                cause="drift",
                cause_id=cause,
                goes_back_to=back_to,
                detected_at_ns=max(0, self.now_ns - SECOND_NS),
                at_ns=self.now_ns,
            )
        )

    @rule()
    def switch(self) -> None:
        """The control record is durable."""
        self._send(SwitchBack(control_id="control", at_ns=self.now_ns))

    @rule(by=st.sampled_from(PACKAGES), count=st.sampled_from([9, 10, 10, 11]))
    def confirm(self, by: str | None, count: int) -> None:
        """Decisions came."""
        policy = safety_policy().rollback
        self._send(ConfirmEffective(by=[by] * count, at_ns=self.now_ns, policy=policy))

    @rule()
    def drain(self) -> None:
        """Nothing is left."""
        self._send(ConfirmDrained(at_ns=self.now_ns))

    @rule(reason=st.sampled_from(["stop-over", "not-serving"]))
    def supersede(self, reason: Literal["stop-over", "not-serving"]) -> None:
        """It is not to be done any more."""
        switched = self.memory.state.switched is not None
        self._send(SupersedeRollback(reason=reason, at_ns=self.now_ns))
        assert not (switched and self.memory.state.superseded is not None)

    @rule(offered=OFFERED)
    def judge(self, offered: Mapping[EvidenceName, Examined]) -> None:
        """The phase is judged."""
        last = self.memory.state.judged
        self._send(
            JudgeProof(
                run_id="run-1",
                judgement=1 if last is None else last.judgement + 1,
                offered=offered,
                at_ns=self.now_ns,
            )
        )
        judged = self.memory.state.judged
        assert judged is not None
        triggered = self.memory.state.triggered is not None
        sound = OWED in offered and {one.fault for one in offered.values()} == {None}
        proven = sound and self.memory.state.effective is not None
        assert (judged.status == "pass") == (proven or not triggered)
        assert triggered or not judged.evidence

    @rule(which=st.integers(0, 3))
    def deliver_again(self, which: int) -> None:
        """A command comes again, at once or late."""
        if self.sent:
            before = len(self.memory.bodies)
            self.memory.attempt(self.sent[-1 - which % len(self.sent)])
            self.memory.attempt(self.sent[-1])
            again = len(self.memory.bodies)
            self.memory.attempt(self.sent[-1])
            assert len(self.memory.bodies) == again
            assert again - before <= 2

    @rule(by_s=st.sampled_from([900, 10_000, -3600, -(10**9)]))
    def jump(self, by_s: int) -> None:
        """The clock jumps."""
        self.now_ns = max(0, self.now_ns + by_s * SECOND_NS)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.memory.restart()

    @invariant()
    def clock_runs_from_detection_to_drained(self) -> None:
        """Steps follow each other, in order and in time."""
        follows: dict[type[object], set[type[object]]] = {
            RollbackTriggered: {RollbackSwitched, RollbackSuperseded},
            RollbackSwitched: {RollbackEffective},
            RollbackEffective: {RollbackDrained},
            RollbackDrained: {RollbackTriggered},
            RollbackSuperseded: {RollbackTriggered},
        }
        events = [one for one in self.memory.events() if not isinstance(one, ProofJudged)]
        types: list[type[object]] = [RollbackDrained, *map(type, events)]
        assert all(after in follows[before] for before, after in pairwise(types))
        times = [event.at_ns for event in events]
        assert times == sorted(times)


TestRollback = RollbackMachine.TestCase
