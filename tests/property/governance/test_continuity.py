"""Whatever cycles come, the alert stands exactly while a plain reading of them says so."""

from __future__ import annotations

from typing import Final, get_args

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.governance.governing import SECOND_NS, START_NS, Memory, safety_policy
from torghut.governance.safety.continuity import CONTINUITY, ContinuityState, ObserveCycle
from torghut.schemas.governing.continuity import (
    CONTINUITY_EVENT,
    ContinuityEvent,
    CycleObserved,
    NoSignalReason,
)

REASONS: Final = st.sampled_from([None, None, "source-silent", *get_args(NoSignalReason)])


class ContinuityMachine(RuleBasedStateMachine):
    """Cycles with and without signals, deliveries twice, deaths, and a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: Memory[ObserveCycle, ContinuityEvent, ContinuityState] = Memory(
            CONTINUITY, CONTINUITY_EVENT
        )
        self.now_ns = START_NS
        self.last: ObserveCycle | None = None

    @rule(reason=REASONS, closed=st.booleans())
    def observe(self, reason: NoSignalReason | None, *, closed: bool) -> None:
        """One more cycle, a minute later."""
        self.now_ns += 60 * SECOND_NS
        last = self.memory.state.last
        self.last = ObserveCycle(
            cycle=1 if last is None else last.cycle + 1,
            at_ns=self.now_ns,
            session="closed" if closed else "open",
            signals=3 if reason is None else 0,
            reason=reason,
            policy=safety_policy().continuity,
        )
        self.memory.send(self.last)

    @precondition(lambda self: self.last is not None)
    @rule()
    def deliver_again(self) -> None:
        """The last cycle is told again."""
        assert self.last is not None
        assert self.memory.send(self.last) == []

    @rule(by_s=st.sampled_from([900, 10_000, -3600, -(10**9)]))
    def jump(self, by_s: int) -> None:
        """The clock jumps."""
        self.now_ns = max(0, self.now_ns + by_s * SECOND_NS)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.memory.restart()

    @invariant()
    def alert_stands_as_the_cycles_say(self) -> None:
        """Three of a reason since signals were last there raise it; two with signals clear it."""
        counts: dict[str, int] = {}
        standing, healthy = False, 0
        for event in self.memory.events():
            if not isinstance(event, CycleObserved):
                continue
            healthy = healthy + 1 if event.reason is None else 0
            if event.reason is None:
                counts = {}
            elif not event.excused:
                counts[event.reason] = counts.get(event.reason, 0) + 1
            raised = event.reason is not None and not event.excused and counts[event.reason] >= 3
            standing = healthy < 2 if standing else raised
        assert (self.memory.state.alert_id is not None) == standing


TestContinuity = ContinuityMachine.TestCase
