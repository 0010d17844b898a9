"""What one record turned out to be: a context, refused, or a control record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torghut.adapters.sources.decoding.numbers import real
from torghut.market.ports import Quarantined
from torghut.schemas.codes import RefusalCode, Stream
from torghut.schemas.control import ControlRecord

_EXCERPT_CHARACTERS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A record whose symbol, sequence and times are known: one context.

    Attributes:
        symbol: Index into the source's symbols.
        marks: ``ContextFlag`` bits.
        refusal: What is wrong with its values, if anything; they are then NaN.
        bid: Prices and sizes are NaN where the record carries none.
    """

    symbol: int
    stream: Stream
    marks: int
    sequence: int
    event_ns: int
    receive_ns: int
    refusal: RefusalCode = RefusalCode.NONE
    bid: float = math.nan
    ask: float = math.nan
    bid_size: float = math.nan
    ask_size: float = math.nan
    last: float = math.nan
    last_size: float = math.nan

    def row(self, part: int) -> tuple[float, ...]:
        """Return the fields in the order of ``rows.CONTEXT``."""
        return (
            self.symbol,
            part,
            self.stream,
            self.marks,
            self.refusal,
            self.sequence,
            self.event_ns,
            self.receive_ns,
            self.bid,
            self.ask,
            self.bid_size,
            self.ask_size,
            self.last,
            self.last_size,
        )


Verdict = Decoded | RefusalCode | ControlRecord
"""A context, the code of a record that is none, or a control record."""


class RefusedError(Exception):
    """Ends the judging of one record; never leaves the source.

    Attributes:
        refusal: Why the record is none.
    """

    def __init__(self, refusal: RefusalCode) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def numbers_in(fields: Sequence[str]) -> tuple[RefusalCode, Sequence[float]]:
    """Return what is wrong with the first field that is no number, and the numbers.

    If one is none, all are NaN: a record is believed as a whole or not at all.

    Example:
        >>> numbers_in(["1.5", ""])
        (<RefusalCode.MISSING_FIELD: 3>, [nan, nan])
    """
    values = [real(field) for field in fields]
    for field, value in zip(fields, values, strict=True):
        if value is None:
            refusal = RefusalCode.WRONG_TYPE if field else RefusalCode.MISSING_FIELD
            return refusal, [math.nan] * len(values)
    return RefusalCode.NONE, [value for value in values if value is not None]


def excerpt(head: bytes) -> str:
    r"""Return the beginning of a record, printable, at most 120 characters.

    Example:
        >>> print(excerpt(bytes([49, 0, 255]) + b"1,3"))
        1\x00\xff1,3
    """
    text = head[:_EXCERPT_CHARACTERS].decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown[:_EXCERPT_CHARACTERS]


def kept(part: int, record: int, refusal: RefusalCode, digest: str, head: bytes) -> Quarantined:
    """Return what is kept of a record that was refused while decoding."""
    return Quarantined(
        part=part, record=record, refusal=refusal, digest=digest, excerpt=excerpt(head)
    )
