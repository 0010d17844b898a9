"""Whatever comes, and in whatever order, the latch opens only as declared or by people."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.governance.governing import ANN, BEN, START_NS, Memory, readings, safety_policy
from torghut.governance.safety.latch import LATCH, EvaluateSafety, LatchCommand, ReleaseLoop
from torghut.governance.safety.stopping import LatchState
from torghut.schemas.governing.fields import Person, reading_of
from torghut.schemas.governing.latch import (
    LATCH_EVENT,
    LatchEvent,
    LoopRecovered,
    LoopReleased,
    LoopStopped,
    ReleaseSigned,
    SafetyEvaluated,
    SafetyReadings,
)

HEALING: Final = frozenset({"signal-lag", "staleness-streak"})
NUMBERS: Final = st.sampled_from([0.0, 0.1, 0.3, 1.0, 180_001.0, 700_000.0, float("nan"), None])
GOOD: Final = st.just(readings()) | st.just(readings(mode="live"))
ANY: Final = st.builds(
    lambda mode, session, lag, age, lane, fallback, drawdown, universe, evidence: readings(
        mode=mode,
        session=session,
        lag_ms=reading_of(lag),
        signal_age_ms=reading_of(age),
        lane=lane,
        fallback_ratio=reading_of(fallback, samples=int(fallback is not None)),
        drawdown_ratio=reading_of(drawdown),
        universe=universe,
        evidence=evidence,
    ),
    st.sampled_from(["paper", "live"]),
    st.sampled_from(["open", "open", "closed", "unknown"]),
    NUMBERS,
    NUMBERS,
    st.sampled_from(["completed", "failed", "none"]),
    NUMBERS,
    st.sampled_from([0.0, 0.0, 0.01, 0.08]),
    st.sampled_from(["available", "available", "available", "unavailable"]),
    st.sampled_from(["intact", "intact", "intact", "corrupt"]),
)
LATE: Final = st.just(readings(lag_ms=reading_of(700_000.0)))


class LatchMachine(RuleBasedStateMachine):
    """Evaluations, releases by two people, deliveries twice, deaths, and a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: Memory[LatchCommand, LatchEvent, LatchState] = Memory(LATCH, LATCH_EVENT)
        self.now_ns = START_NS
        self.sent: list[LatchCommand] = []

    def _send(self, command: LatchCommand) -> None:
        self.sent.append(command)
        self.memory.attempt(command)

    @rule(told=GOOD | GOOD | LATE | ANY)
    def evaluate(self, told: SafetyReadings) -> None:
        """One more cycle."""
        last = self.memory.state.last
        self._send(
            EvaluateSafety(
                latch="main",
                evaluation=1 if last is None else last.evaluation + 1,
                at_ns=self.now_ns,
                readings=told,
                policy=safety_policy(),
            )
        )

    @precondition(lambda self: self.memory.state.incident is not None)
    @rule(who=st.sampled_from([ANN, BEN]), sees_all=st.booleans())
    def release(self, who: Person, *, sees_all: bool) -> None:
        """Somebody releases, having seen all triggers or not."""
        incident = self.memory.state.incident
        assert incident is not None
        self._send(
            ReleaseLoop(
                incident_id=incident.incident_id,
                triggers=incident.triggers if sees_all else frozenset({"drawdown"}),
                person=who,
                reason="mended",
                at_ns=self.now_ns,
                policy=safety_policy(),
            )
        )

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 5))
    def deliver_again(self, which: int) -> None:
        """A command comes again: nothing happens, unless what it asks for is due once more."""
        command = self.sent[-1 - which % len(self.sent)]
        before = self.memory.state
        self.memory.attempt(command)
        if isinstance(command, EvaluateSafety):
            assert self.memory.state == before

    @rule(by_s=st.sampled_from([60, 300, 100_000, -3600, -(10**9)]))
    def jump(self, by_s: int) -> None:
        """The clock goes on, or jumps."""
        self.now_ns = max(0, self.now_ns + by_s * 1_000_000_000)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.memory.restart()

    @invariant()
    def opens_only_as_declared(self) -> None:
        """A plain second reading of the whole history allows every opening."""
        History().read(self.memory)


class History:
    """The history, read in the plainest way."""

    def __init__(self) -> None:
        self.open_triggers: set[str] = set()
        self.live = False
        self.mode = ""
        self.clean = 0
        self.ids: list[str] = []

    def read(self, memory: Memory[LatchCommand, LatchEvent, LatchState]) -> None:
        """Check every event against the ones before it."""
        for event in memory.events():
            self._take(event)
        incident = memory.state.incident
        assert (incident.triggers if incident else set()) == self.open_triggers
        assert len(self.ids) == len(set(self.ids)), "every incident has an id of its own"

    def _take(self, event: LatchEvent) -> None:
        match event:
            case SafetyEvaluated():
                good = not event.breaches and event.readings.session == "open"
                self.clean = self.clean + 1 if good else 0
                self.mode = event.readings.mode
                self.live = bool(self.open_triggers) and (self.live or self.mode == "live")
            case LoopRecovered():
                assert self.open_triggers <= HEALING
                assert self.clean >= 3
                self.open_triggers = set()
            case LoopReleased():
                assert set(event.triggers) == self.open_triggers
                keys = {person.key for person in event.persons}
                assert len(keys) == len(event.persons) == (2 if self.live else 1)
                self.open_triggers = set()
            case LoopStopped():
                assert self.open_triggers == set()
                self.ids.append(event.incident_id)
                self.open_triggers = set(event.triggers)
                self.live = self.mode == "live"
            case ReleaseSigned():
                pytest.fail("nothing was signed here")
            case _:
                assert self.open_triggers <= set(event.triggers)
                self.open_triggers = set(event.triggers)


TestLatch = LatchMachine.TestCase
