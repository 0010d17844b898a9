"""A venue that is killed at any moment reports what one does that never was.

It has no clock and keeps no quotes: what was due by the last of them is there again with the next,
so after a kill a late report may come behind one that it would have come before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from hypothesis import example, given, settings
from hypothesis import strategies as st

from torghut.client.venue import Habits, SimulatedVenue
from torghut.client.wire.offers import Fill, PositionHeld, Report

SYMBOLS = ("fxcm:EURUSD", "fxcm:NZDUSD")
RATIOS = st.sampled_from([0.0, 0.3, 1.0])

Step: TypeAlias = tuple[str, int, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(["order", "order", "quote", "quote", "cancel", "report", "kill"]),
        st.integers(0, 1),
        st.integers(-4, 4).filter(bool),
    ),
    max_size=30,
)
habits = st.builds(
    Habits,
    latency_ns=st.sampled_from([0, 2]),
    reject_ratio=RATIOS,
    partial_ratio=RATIOS,
    duplicate_ratio=RATIOS,
    late_ratio=RATIOS,
    late_ns=st.just(3),
    missing_ratio=st.just(0.0),
    correct_ratio=RATIOS,
)


@dataclass
class Trader:
    """A venue, what it reported, and what follows from that; may be killed at any moment."""

    journal: Path
    behaves: Habits
    seed: int
    kills: bool
    told: list[str] = field(default_factory=list)
    fills: dict[str, Fill] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    stated: dict[str, PositionHeld] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.venue = self.opened()

    def opened(self) -> SimulatedVenue:
        """Return the venue as its journal has it."""
        return SimulatedVenue(journal=self.journal, seed=self.seed, habits=self.behaves)

    def step(self, time_ns: int, step: Step) -> None:
        """Do one thing."""
        what, place, size = step
        symbol = SYMBOLS[place]
        match what:
            case "order":
                self.venue.send(f"d{time_ns}", symbol, size * 100, time_ns)
            case "quote":
                self.venue.advance(time_ns, symbol, 1.0, 1.5)
            case "cancel":
                self.venue.cancel_entries(symbol)
            case "kill" if self.kills:
                self.venue.close()
                self.venue = self.opened()
            case "report":
                for due in self.venue.unreported:
                    self.hear(due.record)
                    self.venue.mark_reported(due)
            case _:
                pass

    def hear(self, record: Report) -> None:
        """Take a report in, whatever came before it."""
        self.told.append(record.control_id)
        if isinstance(record, Fill):
            self.fills[record.fill_id] = record
            self.replaced.add(record.replaces or "")
        elif isinstance(record, PositionHeld):
            held = self.stated.get(record.symbol, record)
            self.stated[record.symbol] = max(held, record, key=lambda one: one.as_of_ns)

    def position(self, symbol: str) -> float:
        """Return the position that follows from the fills."""
        counted = [one for name, one in self.fills.items() if name not in self.replaced]
        return sum(one.quantity for one in counted if one.symbol == symbol)


def play(trader: Trader, played: list[Step]) -> list[str]:
    """Return the reports passed on, once the venue has nothing left to do."""
    rest: list[Step] = [("quote", place, 1) for _ in range(20) for place in (0, 1)]
    for time_ns, step in enumerate([*played, *rest, ("report", 0, 1)]):
        trader.step(time_ns, step)
    for symbol in SYMBOLS:
        assert trader.venue.position(symbol) == trader.position(symbol)
        if symbol in trader.stated:
            assert trader.venue.position(symbol) == trader.stated[symbol].quantity
    trader.venue.close()
    return trader.told


DUE_BEFORE_A_KILL: list[Step] = [
    *(("quote", 0, 1), ("quote", 1, 1), ("order", 1, 1), ("quote", 0, 1)),
    *(("kill", 0, 1), ("order", 1, 1), ("report", 0, 1)),
]


@settings(max_examples=40)
@example(behaves=Habits(late_ratio=0.3, late_ns=3), seed=0, played=DUE_BEFORE_A_KILL)
@given(behaves=habits, seed=st.integers(0, 5), played=steps)
def test_position_is_the_sum_of_the_fills_and_no_kill_changes_anything(
    behaves: Habits, seed: int, played: list[Step]
) -> None:
    with TemporaryDirectory() as folder:
        killed = play(Trader(Path(folder) / "a", behaves, seed, kills=True), played)
        whole = play(Trader(Path(folder) / "b", behaves, seed, kills=False), played)

    assert sorted(killed) == sorted(whole)
