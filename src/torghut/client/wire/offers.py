"""What a trading loop sends: market contexts to be decided, and what its venue reported.

A report's id is made of what it says. So the same report again, after a lost connection or a
restart, counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from torghut.kernel.canonical import JsonObject
from torghut.kernel.digests import sha256_hex
from torghut.schemas.live.naming import offered_context_id

_ID_MAX: Final = 200

OrderStatus = Literal["accepted", "rejected", "cancelled", "expired"]


class Context(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="live.context-offered.v1"
):
    """One market context; absent stands for what the sender does not know, never for zero."""

    feed: str
    symbol: str
    sequence: int
    stream: Literal["quote", "trade", "depth", "bar"] = "quote"
    sequenced: bool = False
    event_ns: int | None = None
    receive_ns: int | None = None
    bid: float | None = None
    ask: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    last: float | None = None
    last_size: float | None = None

    @property
    def context_id(self) -> str:
        """What names it for ever, to sender and service alike.

        Raises:
            IdentifierMalformedError: A part cannot stand in an id.
        """
        return offered_context_id(self.feed, self.symbol, self.stream, self.sequence)


class _Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every report carries."""

    control_id: str
    symbol: str
    effective_at_ns: int | None = None


class Fill(_Report, frozen=True, kw_only=True, tag="fill"):
    """A fill as the venue reported it; below 0 it sold."""

    fill_id: str
    quantity: float
    price: float
    account: str = "default"
    decision_id: str | None = None
    fee: float | None = None
    at_ns: int | None = None
    replaces: str | None = None


class Order(_Report, frozen=True, kw_only=True, tag="order"):
    """What became of the order behind a decision."""

    decision_id: str
    status: OrderStatus
    reason: str = ""


class PositionHeld(_Report, frozen=True, kw_only=True, tag="position"):
    """A position as the venue states it."""

    quantity: float
    as_of_ns: int
    reconciled: bool = False
    reason: str = ""


Report: TypeAlias = Fill | Order | PositionHeld

_JSON: Final = msgspec.json.Encoder()
_TEXT_FROM: Final = 2**53


def fill(  # noqa: PLR0913 - a fill has so many parts
    *,
    fill_id: str,
    symbol: str,
    quantity: float,
    price: float,
    account: str = "default",
    decision_id: str | None = None,
    fee: float | None = None,
    at_ns: int | None = None,
    replaces: str | None = None,
) -> Fill:
    """Return a fill to be reported.

    Args:
        fill_id: The venue's own; counted once for an account.
        symbol: The declared instrument.
        quantity: Signed, in the instrument's unit.
        price: In the quote currency.
        account: Where it was executed.
        decision_id: The decision behind its order.
        fee: In the quote currency; negative where the venue paid one.
        at_ns: When it was executed, on the receive clock.
        replaces: Fill id of the same account that this one corrects.
    """
    return Fill(
        control_id=_fill_named(account, fill_id),
        symbol=symbol,
        fill_id=fill_id,
        quantity=quantity + 0.0,
        price=price,
        account=account,
        decision_id=decision_id,
        fee=fee,
        at_ns=at_ns,
        replaces=replaces,
    )


def order(*, decision_id: str, symbol: str, status: OrderStatus, reason: str = "") -> Order:
    """Return what became of an order, to be reported."""
    return Order(
        control_id=_named(f"order:{decision_id}:{status}"),
        symbol=symbol,
        decision_id=decision_id,
        status=status,
        reason=reason,
    )


def position(
    *, symbol: str, quantity: float, as_of_ns: int, reconciled: bool = False, reason: str = ""
) -> PositionHeld:
    """Return a position to be reported.

    Args:
        symbol: The declared instrument.
        quantity: Signed, in the instrument's unit.
        as_of_ns: When it was so, on the receive clock.
        reconciled: Whether fills that it disagrees with are written off, which wants a reason.
        reason: Why they are.
    """
    quantity += 0.0
    said = f"{quantity!r}{':reconciled' if reconciled else ''}"
    return PositionHeld(
        control_id=_named(f"position:{symbol}:{as_of_ns}:{said}"),
        symbol=symbol,
        quantity=quantity,
        as_of_ns=as_of_ns,
        reconciled=reconciled,
        reason=reason,
    )


def context_line(context: Context) -> str:
    """Return a context as it is sent."""
    if context.receive_ns is context.event_ns is None and context.sequence < _TEXT_FROM:
        return _JSON.encode(context).decode()
    return _text(context)


def control_line(record: Report | JsonObject) -> str:
    """Return a control record as it is sent; it is durable JSON already, or a report."""
    return '{"type":"live.control-offered.v1","record":' + _text(record) + "}"


def control_id_of(record: Report | JsonObject) -> str:
    """Return the id of a control record; empty where it has none."""
    if isinstance(record, Mapping):
        return str(record.get("control_id", ""))
    return record.control_id


def symbol_of(record: Report | JsonObject) -> str:
    """Return the symbol that a control record is about; ``*`` where it is about all."""
    return str(record.get("symbol", "*")) if isinstance(record, Mapping) else record.symbol


def _text(message: msgspec.Struct | JsonObject) -> str:
    """Return JSON in which what a double does not hold is text."""
    if isinstance(message, msgspec.Struct):
        fields: JsonObject = msgspec.to_builtins(message)
        spelled = {key: _spelled(key, value) for key, value in fields.items()}
        return _JSON.encode(spelled).decode()
    return _JSON.encode(message).decode()


def _spelled(key: str, value: object) -> object:
    """Return a field as JSON spells it: times and large numbers as text."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    return str(value) if key.endswith("_ns") or value >= _TEXT_FROM else value


def _fill_named(account: str, fill_id: str) -> str:
    """Return the id of a fill, another one for each account and fill id.

    The first colon ends the account. One that has a colon itself goes into a digest, together with
    its length: so every other fill keeps the id that logs know.
    """
    if ":" not in account:
        return _named(f"fill:{account}:{fill_id}")
    return f"fill:{sha256_hex(f'{len(account)}:{account}:{fill_id}'.encode())}"


def _named(text: str) -> str:
    """Return an id that says what it is of; only a digest where it would be too long."""
    kind = text.partition(":")[0]
    return text if len(text) <= _ID_MAX else f"{kind}:{sha256_hex(text.encode())}"
