"""Whoever begins, looks, ends, dies or comes twice: cycles follow each other and end once."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.governance.governing import Memory
from torghut.governance.cycles.cycle import (
    CYCLES,
    INTERRUPTED,
    BeginCycle,
    BindGovernance,
    CycleCommand,
    CycleState,
    EndCycle,
    MeanNote,
    SeePortfolio,
    drawdown_of,
)
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.scheduling.cycles import (
    CYCLE_EVENT,
    CycleBegan,
    CycleEnded,
    CycleEvent,
    CycleOutcome,
    GovernanceBound,
    NoteMeant,
    PortfolioSeen,
)

NUMBER = st.integers(0, 2)
"""How far a cycle's number is beyond the last one."""
TIME = st.integers(0, 100)
SIGNERS = st.sampled_from([None, "3f" * 32])
OUTCOMES = st.sampled_from(["lane_completed", "lane_execution_failed", "blocked_no_signal"])


class CycleMachine(RuleBasedStateMachine):
    """Schedulers that begin, look, end, come late, come twice and die."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: Memory[CycleCommand, CycleEvent, CycleState] = Memory(CYCLES, CYCLE_EVENT)

    def _send(self, command: CycleCommand) -> None:
        """Send a command twice; the second time changes nothing."""
        self.memory.attempt(command)
        kept = len(self.memory.bodies)
        self.memory.attempt(command)
        assert len(self.memory.bodies) == kept

    @rule(beyond=NUMBER, epoch=st.integers(1, 3), at_ns=TIME)
    def begin(self, beyond: int, epoch: int, at_ns: int) -> None:
        """Somebody begins a cycle."""
        self._send(
            BeginCycle(
                cycle=self.memory.state.number + beyond,
                epoch=epoch,
                holder=f"holder-{epoch}",
                policies="ab" * 32,
                at_ns=at_ns,
            )
        )

    @rule(
        beyond=NUMBER,
        equity=st.integers(-50, 50),
        capital=st.sampled_from([0, 100]),
        reset_ns=TIME,
        at_ns=TIME,
    )
    def see(self, beyond: int, equity: int, capital: int, reset_ns: int, at_ns: int) -> None:
        """Somebody sees the portfolio."""
        self._send(
            SeePortfolio(
                cycle=self.memory.state.number + beyond,
                equity=float(equity),
                capital=float(capital),
                last_block=0,
                reset_ns=reset_ns,
                at_ns=at_ns,
            )
        )

    @rule(log=st.sampled_from([None, "1f" * 32, "2f" * 32]), signer=SIGNERS, at_ns=TIME)
    def bind(self, log: str | None, signer: str | None, at_ns: int) -> None:
        """Somebody says what is governed, and by which key."""
        self._send(BindGovernance(log=log, signer=signer, at_ns=at_ns))

    @rule(beyond=NUMBER, note=st.integers(1, 3), at_ns=TIME)
    def mean(self, beyond: int, note: int, at_ns: int) -> None:
        """Somebody is about to write a note."""
        cycle = self.memory.state.number + beyond
        meant = Evidence(path=f"notes/iteration-{note}.md", sha256="ab" * 32)
        self._send(MeanNote(cycle=cycle, note=meant, at_ns=at_ns))

    @rule(
        beyond=NUMBER,
        outcome=OUTCOMES,
        reason=st.sampled_from(["lane-ran-through", INTERRUPTED]),
        note=st.integers(1, 3),
        at_ns=TIME,
    )
    def end(self, beyond: int, outcome: CycleOutcome, reason: str, note: int, at_ns: int) -> None:
        """Somebody ends a cycle."""
        self._send(
            EndCycle(
                cycle=self.memory.state.number + beyond,
                outcome=outcome,
                reason=reason,
                note=Evidence(path=f"notes/iteration-{note}.md", sha256="ab" * 32),
                at_ns=at_ns,
            )
        )

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.memory.restart()

    @invariant()
    def cycles_follow_each_other_and_end_once(self) -> None:
        """Look at what is on record."""
        under_way = 0
        numbers: list[int] = []
        for event in self.memory.events():
            match event:
                case CycleBegan():
                    assert under_way == 0
                    under_way = event.cycle
                    numbers.append(event.cycle)
                case CycleEnded():
                    assert event.cycle == under_way
                    under_way = 0
                case PortfolioSeen() | NoteMeant():
                    assert event.cycle == under_way
                case GovernanceBound():
                    pass
        assert numbers == list(range(1, len(numbers) + 1))
        open_ = self.memory.state.open
        assert (0 if open_ is None else open_.cycle) == under_way

    @invariant()
    def one_log_is_governed_for_good(self) -> None:
        """Look at what was bound."""
        bound = [one for one in self.memory.events() if isinstance(one, GovernanceBound)]
        assert len({one.log for one in bound} - {None}) <= 1
        for before, after in pairwise(bound):
            assert after.log in {before.log, after.log if before.log is None else before.log}
            assert (before.log, before.signer) != (after.log, after.signer)

    @invariant()
    def what_is_meant_and_whole_follows_from_the_events(self) -> None:
        """Fold them by hand."""
        meant, whole_ns, began_ns = None, None, 0
        for event in self.memory.events():
            match event:
                case CycleBegan():
                    meant, began_ns = None, event.at_ns
                case NoteMeant():
                    meant = event.note
                case CycleEnded():
                    whole_ns = whole_ns if event.reason == INTERRUPTED else began_ns
                case _:
                    pass
        assert (self.memory.state.meant, self.memory.state.whole_ns) == (meant, whole_ns)

    @invariant()
    def peak_is_the_most_since_people_answered_for_a_fall(self) -> None:
        """Look at what the portfolio was worth."""
        seen = [one for one in self.memory.events() if isinstance(one, PortfolioSeen)]
        for before, after in pairwise(seen):
            assert after.peak in (after.equity, max(before.peak, after.equity))
        assert all(one.peak >= one.equity for one in seen)
        for before, after in pairwise(seen):
            assert before.cycle < after.cycle or before.at_ns < after.at_ns

    @invariant()
    def drawdown_is_of_this_cycle_or_not_known(self) -> None:
        """Ask for it."""
        drawdown, state = drawdown_of(self.memory.state), self.memory.state
        seen = state.portfolio
        known = seen is not None and seen.cycle == state.number
        assert (drawdown.value is not None) == known
        assert drawdown.value is None or 0 <= drawdown.value <= 1


TestCycles = CycleMachine.TestCase
