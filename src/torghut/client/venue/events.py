"""What happened at a simulated venue, and the state that follows from it."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from torghut.client.wire.offers import Report, fill, order, position


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """What every event carries; times are receive times."""

    receive_ns: int


class Opened(_Event, frozen=True, kw_only=True, tag="opened"):
    """A venue began."""

    seed: int


class Placed(_Event, frozen=True, kw_only=True, tag="placed"):
    """An order was sent."""

    order_id: str
    symbol: str
    quantity: float


class Changed(_Event, frozen=True, kw_only=True, tag="changed"):
    """An order was accepted, or it came to an end without being filled."""

    order_id: str
    status: Literal["accepted", "rejected", "cancelled"]
    reason: str
    due: tuple[int, ...]


class Filled(_Event, frozen=True, kw_only=True, tag="filled"):
    """An order was filled in part or whole, or a fill was corrected."""

    order_id: str
    fill_id: str
    quantity: float
    price: float
    due: tuple[int, ...]
    replaces: str | None = None
    correct_to: float | None = None


class Held(_Event, frozen=True, kw_only=True, tag="held"):
    """The venue states a position."""

    symbol: str
    quantity: float
    due: tuple[int, ...]


class Reported(_Event, frozen=True, kw_only=True, tag="reported"):
    """Reports were passed on."""

    numbers: tuple[int, ...]


VenueEvent: TypeAlias = Opened | Placed | Changed | Filled | Held | Reported


@dataclass(slots=True)
class WorkingOrder:
    """An order that is not at its end.

    Attributes:
        order_id: Of its sender.
        symbol: What it trades.
        left: What is not filled yet; below 0 it sells.
        since_ns: When it was sent, or was filled last.
        accepted: Whether the venue has it.
        fills: So many so far.
    """

    order_id: str
    symbol: str
    left: float
    since_ns: int
    accepted: bool = False
    fills: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DueReport:
    """A report of the venue, to be passed on.

    Attributes:
        number: In the order in which they arose.
        symbol: What it is about.
        due_ns: From when on it is there; receive time.
        record: What it says.
    """

    number: int
    symbol: str
    due_ns: int
    record: Report


@dataclass(slots=True)
class VenueState:
    """All that a venue knows; follows from its events alone.

    Attributes:
        working: Orders not at their end, the oldest first.
        known: Symbol of every order ever sent.
        positions: By symbol.
        clocks: Newest receive time, by symbol.
        stated: Position that was stated last, and as of when, by symbol.
        to_correct: Fills that are to be corrected, and how.
        waiting: Reports not passed on yet.
        reports: So many arose so far.
    """

    working: MutableMapping[str, WorkingOrder] = field(default_factory=dict)
    known: MutableMapping[str, str] = field(default_factory=dict)
    positions: MutableMapping[str, float] = field(default_factory=dict)
    clocks: MutableMapping[str, int] = field(default_factory=dict)
    stated: MutableMapping[str, tuple[float, int]] = field(default_factory=dict)
    to_correct: MutableMapping[str, Filled] = field(default_factory=dict)
    waiting: MutableMapping[int, DueReport] = field(default_factory=dict)
    reports: int = 0
    _quantities: MutableMapping[str, float] = field(default_factory=dict)

    def evolve(self, event: VenueEvent) -> None:
        """Take an event in."""
        match event:
            case Opened():
                pass
            case Placed(order_id=order_id, symbol=symbol, quantity=left, receive_ns=sent_ns):
                self.known[order_id] = symbol
                self.working[order_id] = WorkingOrder(order_id, symbol, left, sent_ns)
                self._passes(symbol, sent_ns)
            case Changed():
                self._change(event)
            case Filled():
                self._fill(event)
            case Held(symbol=symbol, quantity=quantity, receive_ns=as_of_ns, due=due):
                held = position(symbol=symbol, quantity=quantity, as_of_ns=as_of_ns)
                self.stated[symbol] = quantity, as_of_ns
                self._arises(held, symbol, due)
                self._passes(symbol, as_of_ns)
            case Reported(numbers=numbers):
                for number in numbers:
                    self.waiting.pop(number, None)

    def _change(self, event: Changed) -> None:
        """Accept an order, or end it."""
        symbol = self.known[event.order_id]
        if event.status == "accepted":
            self.working[event.order_id].accepted = True
        else:
            del self.working[event.order_id]
        told = order(
            decision_id=event.order_id, symbol=symbol, status=event.status, reason=event.reason
        )
        self._arises(told, symbol, event.due)
        self._passes(symbol, event.receive_ns)

    def _fill(self, event: Filled) -> None:
        """Fill an order, or correct a fill."""
        symbol = self.known[event.order_id]
        change = event.quantity
        if event.replaces is None:
            self._takes(event)
        else:
            change -= self._quantities[event.replaces]
            del self.to_correct[event.replaces]
        if event.correct_to is not None:
            self.to_correct[event.fill_id] = event
        self._quantities[event.fill_id] = event.quantity
        self.positions[symbol] = self.positions.get(symbol, 0.0) + change
        told = fill(
            fill_id=event.fill_id,
            symbol=symbol,
            quantity=event.quantity,
            price=event.price,
            decision_id=event.order_id,
            at_ns=event.receive_ns,
            replaces=event.replaces,
        )
        self._arises(told, symbol, event.due)
        self._passes(symbol, event.receive_ns)

    def _takes(self, event: Filled) -> None:
        """Take a fill off what is left of its order."""
        working = self.working[event.order_id]
        working.left -= event.quantity
        working.since_ns = event.receive_ns
        working.fills += 1
        if working.left == 0:
            del self.working[event.order_id]

    def _arises(self, record: Report, symbol: str, due: tuple[int, ...]) -> None:
        """Note a report, as often as it comes."""
        for due_ns in due:
            self.waiting[self.reports] = DueReport(
                number=self.reports, symbol=symbol, due_ns=due_ns, record=record
            )
            self.reports += 1

    def _passes(self, symbol: str, receive_ns: int) -> None:
        """Move a symbol's clock on."""
        self.clocks[symbol] = max(receive_ns, self.clocks.get(symbol, 0))
