"""A simulated venue: takes orders once, fills them at later quotes, and reports until it is heard.

It has no clock. Time passes with the receive times of the quotes that it is shown, so the same
decisions and the same seed give the same fills, at any speed and after any restart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from torghut.client.errors import JournalError, OrderMalformedError
from torghut.client.venue.events import (
    Changed,
    DueReport,
    Filled,
    Held,
    Opened,
    Placed,
    Reported,
    VenueEvent,
    VenueState,
    WorkingOrder,
)
from torghut.client.venue.habits import Chance, Habits
from torghut.client.venue.journal import Journal

_PARTS_MAX: Final = 4
"""After so many partial fills the rest of an order is filled whole."""


class SimulatedVenue:
    """One account at a venue that does not exist; a file holds everything it knows."""

    def __init__(self, *, journal: Path | str, seed: int = 0, habits: Habits | None = None) -> None:
        """Open the venue, as it was when its process ended.

        Args:
            journal: File of its own.
            seed: What happens to which order; the same for the life of the journal.
            habits: How it behaves; None: it fills everything whole, at once.

        Raises:
            JournalError: The journal is damaged, in use, or of another seed.
        """
        self._habits = habits or Habits()
        self._chance = Chance(seed)
        self._state = VenueState()
        self._journal = Journal(Path(journal))
        with ExitStack() as opened:
            opened.callback(self.close)
            events = self._journal.read()
            if not events:
                self._happens([Opened(receive_ns=0, seed=seed)])
            elif not isinstance(events[0], Opened) or events[0].seed != seed:
                raise JournalError(path=self._journal.path, found="one of another seed")
            for event in events:
                self._state.evolve(event)
            opened.pop_all()

    def __enter__(self) -> Self:
        """Return itself; leaving closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let the journal go; everything is in it already."""
        self._journal.close()

    def position(self, symbol: str) -> float:
        """Return what is held, signed."""
        return self._state.positions.get(symbol, 0.0)

    def working(self, symbol: str) -> float:
        """Return what orders may still add to the position, signed."""
        return math.fsum(one.left for one in self.orders_working if one.symbol == symbol)

    def opens(self, symbol: str, target: float) -> bool:
        """Return whether a target opens, turns round or enlarges what is held."""
        held = self.position(symbol)
        return abs(target) > abs(held) or target * held < 0

    @property
    def orders_working(self) -> Sequence[WorkingOrder]:
        """Orders that are not at their end, the oldest first; copies."""
        return [replace(one) for one in self._state.working.values()]

    @property
    def unreported(self) -> Sequence[DueReport]:
        """Reports that are there and were not marked yet, in the order they became due."""
        due = [
            report
            for report in self._state.waiting.values()
            if report.due_ns <= self._state.clocks.get(report.symbol, 0)
        ]
        return sorted(due, key=lambda report: (report.due_ns, report.number))

    def mark_reported(self, *reports: DueReport) -> None:
        """Note that reports were passed on and answered; they do not come again."""
        numbers = [one.number for one in reports if one.number in self._state.waiting]
        if numbers:
            self._happens([Reported(receive_ns=0, numbers=tuple(numbers))])

    def send(self, order_id: str, symbol: str, quantity: float, receive_ns: int) -> bool:
        """Take an order in; return False where one of that id was taken before, whatever its fate.

        Args:
            order_id: Use the decision's id, so that a decision is never executed twice.
            symbol: What to trade.
            quantity: Signed; below 0 it sells.
            receive_ns: Of the decision.

        Raises:
            OrderMalformedError: The quantity is none.
        """
        if not math.isfinite(quantity) or quantity == 0:
            raise OrderMalformedError(expected="a quantity other than 0", found=str(quantity))
        if order_id in self._state.known:
            return False
        placed = Placed(
            receive_ns=receive_ns, order_id=order_id, symbol=symbol, quantity=float(quantity)
        )
        self._happens([placed])
        return True

    def cancel(self, *order_ids: str) -> int:
        """Cancel orders at once, as far as they still work; return how many did."""
        working = self._state.working
        return self._cancel(working[one] for one in dict.fromkeys(order_ids) if one in working)

    def cancel_entries(self, symbol: str | None = None) -> int:
        """Cancel what would open or enlarge a position; return how many orders."""
        return self._cancel(
            one
            for one in self._state.working.values()
            if symbol in {None, one.symbol} and self._enters(one)
        )

    def advance(self, receive_ns: int, symbol: str, bid: float, ask: float) -> Sequence[DueReport]:
        """Let a quote come; return the reports that are there now and were not marked yet.

        A quote older than the symbol's last changes nothing.

        Raises:
            OrderMalformedError: The quote is none.
        """
        if not 0 < bid <= ask < math.inf:
            raise OrderMalformedError(expected="0 < bid <= ask", found=f"{bid} and {ask}")
        if receive_ns >= self._state.clocks.get(symbol, 0):
            self._state.clocks[symbol] = receive_ns
            self._corrects(receive_ns, symbol)
            for one in self.orders_working:
                if one.symbol == symbol and receive_ns >= one.since_ns + self._habits.latency_ns:
                    self._works(one, receive_ns, ask if one.left > 0 else bid)
            self._states(receive_ns, symbol)
        return self.unreported

    def _works(self, one: WorkingOrder, now_ns: int, price: float) -> None:
        """Accept an order or reject it, and fill what was accepted."""
        if not one.accepted:
            rejects = self._chance.happens(self._habits.reject_ratio, "reject", one.order_id)
            due = self._due(now_ns, f"{one.order_id}/arrival")
            arrived = Changed(
                receive_ns=now_ns,
                order_id=one.order_id,
                status="rejected" if rejects else "accepted",
                reason="simulated" if rejects else "",
                due=due,
            )
            self._happens([arrived])
            if rejects:
                return
        fill_id = f"{one.order_id}/{one.fills}"
        partly = one.fills < _PARTS_MAX and self._chance.happens(
            self._habits.partial_ratio, "partial", fill_id
        )
        corrected = self._chance.happens(self._habits.correct_ratio, "correct", fill_id)
        missing = self._chance.happens(self._habits.missing_ratio, "missing", fill_id)
        quantity = one.left / 2 if partly else one.left
        filled = Filled(
            receive_ns=now_ns,
            order_id=one.order_id,
            fill_id=fill_id,
            quantity=quantity,
            price=price,
            due=() if missing else self._due(now_ns, fill_id),
            correct_to=quantity / 2 if corrected and not missing else None,
        )
        self._happens([filled])

    def _corrects(self, now_ns: int, symbol: str) -> None:
        """Correct the fills of a symbol that are to be."""
        for old in list(self._state.to_correct.values()):
            if self._state.known[old.order_id] == symbol and old.correct_to is not None:
                fill_id = f"{old.fill_id}/corrected"
                corrected = Filled(
                    receive_ns=now_ns,
                    order_id=old.order_id,
                    fill_id=fill_id,
                    quantity=old.correct_to,
                    price=old.price,
                    due=self._due(now_ns, fill_id),
                    replaces=old.fill_id,
                )
                self._happens([corrected])

    def _states(self, now_ns: int, symbol: str) -> None:
        """State the position at first, once it is another than was stated, and now and then."""
        quantity = self.position(symbol)
        stated, as_of_ns = self._state.stated.get(symbol, (math.nan, 0))
        if quantity != stated or now_ns - as_of_ns >= self._habits.state_every_ns:
            due = self._due(now_ns, f"{symbol}/{now_ns}")
            self._happens([Held(receive_ns=now_ns, symbol=symbol, quantity=quantity, due=due)])

    def _due(self, now_ns: int, subject: str) -> tuple[int, ...]:
        """Return when a report comes, once or twice."""
        habits = self._habits
        late = self._chance.happens(habits.late_ratio, "late", subject)
        first_ns = now_ns + (habits.late_ns if late else 0)
        twice = self._chance.happens(habits.duplicate_ratio, "duplicate", subject)
        return (first_ns, first_ns) if twice else (first_ns,)

    def _enters(self, one: WorkingOrder) -> bool:
        """Return whether an order would open or enlarge a position."""
        return self.opens(one.symbol, self.position(one.symbol) + one.left)

    def _cancel(self, orders: Iterable[WorkingOrder]) -> int:
        """Cancel orders and note the time of the newest quote."""
        cancelled = [
            Changed(
                receive_ns=(now_ns := self._state.clocks[one.symbol]),
                order_id=one.order_id,
                status="cancelled",
                reason="asked for",
                due=self._due(now_ns, f"{one.order_id}/cancelled"),
            )
            for one in orders
        ]
        if cancelled:
            self._happens(cancelled)
        return len(cancelled)

    def _happens(self, events: Sequence[VenueEvent]) -> None:
        """Let events hold: first in the journal, then here."""
        self._journal.append(events)
        for event in events:
            self._state.evolve(event)
