"""Whatever comes late, twice or not at all: what counts is never more than the cap."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.governance.governing import SECOND_NS, START_NS, Memory
from torghut.governance.allotting.allotment import (
    ALLOTMENTS,
    Allot,
    AllotmentCommand,
    AllotmentState,
    RefuseAllotment,
    Seen,
)
from torghut.governance.allotting.allotting import Shares
from torghut.schemas.scheduling.allotments import ALLOTMENT_EVENT, AllotmentEvent

CAP: Final = Decimal(1000)
MAX_SYMBOLS: Final = 4
BORN: Final = CAP / MAX_SYMBOLS
SYMBOLS: Final = [f"venue:S{number}" for number in range(MAX_SYMBOLS)]


class Loop(RuleBasedStateMachine):
    """A loop that takes records late, in any order between symbols, and trades within them."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: Memory[AllotmentCommand, AllotmentEvent, AllotmentState] = Memory(
            ALLOTMENTS, ALLOTMENT_EVENT
        )
        self.held: dict[str, Seen] = {}
        self.in_flight: list[tuple[str, str, Decimal]] = []
        self.known: set[str] = set()
        self.applied: set[str] = set()
        self.cycle = 0
        self.now_ns = START_NS
        self.weights: dict[str, Decimal] = {}

    @rule(symbol=st.sampled_from(SYMBOLS))
    def be_born(self, symbol: str) -> None:
        """A symbol is heard of for the first time."""
        self.held.setdefault(symbol, Seen(allotment=BORN, exposure=Decimal(0)))

    @rule(symbol=st.sampled_from(SYMBOLS), share=st.integers(0, 100))
    def trade(self, symbol: str, share: int) -> None:
        """A symbol's exposure moves: it never grows beyond its allotment."""
        if symbol in self.held:
            seen = self.held[symbol]
            wanted = seen.allotment * share / 100
            grown = max(seen.exposure, seen.allotment)
            self.held[symbol] = replace(seen, exposure=min(wanted, grown))

    @rule(weight=st.integers(0, 9), symbol=st.sampled_from(SYMBOLS))
    def declare(self, weight: int, symbol: str) -> None:
        """Shares are declared anew."""
        self.weights[symbol] = Decimal(weight)

    @rule()
    def run_cycle(self) -> None:
        """The allotter has its turn, and offers what is pending."""
        self.cycle += 1
        self.now_ns += SECOND_NS
        shares = Shares(cap=CAP, max_symbols=MAX_SYMBOLS, weights=dict(self.weights))
        self.memory.send(
            Allot(
                cycle=self.cycle,
                seen=dict(self.held),
                applied=frozenset(self.applied),
                shares=shares,
                after_block=self.cycle,
                at_ns=self.now_ns,
            )
        )
        self.offer()

    @rule()
    def offer(self) -> None:
        """Everything pending is offered, once more perhaps; the loop knows what it knows."""
        for one in self.memory.state.pending:
            if one.control_id not in self.known:
                self.known.add(one.control_id)
                self.in_flight.append((one.control_id, one.symbol, one.allotment))

    @rule(data=st.data())
    def apply(self, data: st.DataObject) -> None:
        """A record applies: the oldest of its symbol, whenever that symbol has a context."""
        if not self.in_flight:
            return
        symbol = data.draw(st.sampled_from(sorted({one[1] for one in self.in_flight})))
        first = next(one for one in self.in_flight if one[1] == symbol)
        self.in_flight.remove(first)
        self.applied.add(first[0])
        self.held[symbol] = replace(self.held[symbol], allotment=first[2])

    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        """The loop refuses a record for good."""
        if not self.in_flight:
            return
        refused = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(refused)
        self.memory.send(RefuseAllotment(control_id=refused[0], at_ns=self.now_ns))

    @rule()
    def restart(self) -> None:
        """The scheduler dies; its successor knows what the events say."""
        self.memory.restart()

    @invariant()
    def never_more_than_the_cap(self) -> None:
        """Allotment or exposure, whichever is more, of all symbols, and the unborn's shares."""
        counted = sum((max(one.allotment, one.exposure) for one in self.held.values()), Decimal(0))
        assert counted + BORN * (MAX_SYMBOLS - len(self.held)) <= CAP


TestAllotting = Loop.TestCase
TestAllotting.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
