"""Every refusal: its rule, who judges it by what, whether the context counts, what to do then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from torghut.schemas.codes import RefusalCode
from torghut.schemas.rows import REMEMBERED_SOURCES


class Judge(StrEnum):
    """Who finds that a rule is broken."""

    SOURCE = "source"
    KERNEL = "kernel"
    BOTH = "source, kernel"


class Placed(StrEnum):
    """Whether a refused context takes its place, so that what follows is judged after it."""

    YES = "yes"
    NO = "no"
    IF_CONTEXT = "if it is a context"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalRule:
    """What one refusal code stands for.

    Attributes:
        rule: What was broken, in one sentence.
        judge: Who finds it.
        placed: Whether it takes its place in the symbol's order.
        do: What to do about it.
        keys: The keys of the instrument's declaration that it is judged by.
        shown: The fields of a context that it rests on; none where it was found while decoding.
    """

    rule: str
    judge: Judge
    placed: Placed
    do: str
    keys: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


_BOOK: Final = ("bid", "ask", "last")
_SIZES: Final = ("bid_size", "ask_size", "last_size")
_LEAP: Final = ("plausible.receive_leap_hours", "plausible.jump_confirmations")

RULES: Final[Mapping[RefusalCode, RefusalRule]] = MappingProxyType(
    {
        RefusalCode.UNDECODABLE: RefusalRule(
            rule="its bytes could not be decoded as this kind of message",
            judge=Judge.SOURCE,
            placed=Placed.NO,
            do="read the excerpt that is kept of it; have the file written anew",
        ),
        RefusalCode.OVERSIZED_LINE: RefusalRule(
            rule="its line is longer than a message may be",
            judge=Judge.SOURCE,
            placed=Placed.NO,
            do="look for line ends that were lost, or cut the record into several",
        ),
        RefusalCode.MISSING_FIELD: RefusalRule(
            rule="a field that every such message carries is not there",
            judge=Judge.SOURCE,
            placed=Placed.IF_CONTEXT,
            do="have the feed fill it, or say by its stream that it is another kind of message",
        ),
        RefusalCode.WRONG_TYPE: RefusalRule(
            rule="a field is not of the type that it must have",
            judge=Judge.SOURCE,
            placed=Placed.IF_CONTEXT,
            do="compare how it is written with the sources page; declare the unit of its times",
        ),
        RefusalCode.NOT_FINITE: RefusalRule(
            rule="prices and sizes must be finite numbers",
            judge=Judge.KERNEL,
            placed=Placed.YES,
            do="ask the feed what it means by it; leave a size out that is not known",
            shown=(*_BOOK, *_SIZES),
        ),
        RefusalCode.NON_POSITIVE_PRICE: RefusalRule(
            rule="prices must be above 0",
            judge=Judge.KERNEL,
            placed=Placed.YES,
            do="nothing where the feed writes 0 for no price; else look at its units",
            shown=_BOOK,
        ),
        RefusalCode.NEGATIVE_SIZE: RefusalRule(
            rule="sizes must not be negative",
            judge=Judge.KERNEL,
            placed=Placed.YES,
            do="write the amount alone where the feed marks the side by a sign",
            shown=_SIZES,
        ),
        RefusalCode.CROSSED_BOOK: RefusalRule(
            rule="the bid must not be above the ask",
            judge=Judge.KERNEL,
            placed=Placed.YES,
            do="nothing where it is rare; else look whether the columns are swapped",
            shown=("bid", "ask"),
        ),
        RefusalCode.OUT_OF_ORDER: RefusalRule(
            rule="sequence and receive time must not go back within one stream",
            judge=Judge.KERNEL,
            placed=Placed.NO,
            do="sort the source by receive time; "
            f"of one stream, {REMEMBERED_SOURCES} sources at most may take turns",
            shown=("sequence", "receive_ns"),
        ),
        RefusalCode.DUPLICATE: RefusalRule(
            rule="a context with this id was seen before",
            judge=Judge.KERNEL,
            placed=Placed.NO,
            do="nothing: what was delivered again is decided once",
            shown=("sequence",),
        ),
        RefusalCode.NO_QUOTE: RefusalRule(
            rule="a trade or depth message needs a quote of its symbol before it",
            judge=Judge.KERNEL,
            placed=Placed.YES,
            do="nothing at the start; else give the quotes too, or bars",
            shown=("sequence",),
        ),
        RefusalCode.ABSURD_JUMP: RefusalRule(
            rule="a price must not jump further than declared unless confirmed",
            judge=Judge.KERNEL,
            placed=Placed.YES,
            do="nothing where the price comes back; else raise the ratio for such an instrument",
            keys=("plausible.jump_ratio", "plausible.jump_confirmations"),
            shown=_BOOK,
        ),
        RefusalCode.WRONG_UNIT: RefusalRule(
            rule="prices must be within the instrument's declared plausible range",
            judge=Judge.KERNEL,
            placed=Placed.YES,
            do="look whether the file is of another instrument or unit; else widen the range",
            keys=("plausible.price_min", "plausible.price_max"),
            shown=_BOOK,
        ),
        RefusalCode.TIME_OUT_OF_RANGE: RefusalRule(
            rule="times must lie between 1970 and 2200",
            judge=Judge.BOTH,
            placed=Placed.NO,
            do="declare the unit in which the source counts: `?time=`",
            shown=("event_ns", "receive_ns"),
        ),
        RefusalCode.INSTRUMENT_UNDECLARED: RefusalRule(
            rule="no instrument is declared for it",
            judge=Judge.SOURCE,
            placed=Placed.NO,
            do="declare the instrument, or take it out of the source",
            keys=("symbol",),
        ),
        RefusalCode.DUPLICATE_KEY: RefusalRule(
            rule="it says one thing twice",
            judge=Judge.SOURCE,
            placed=Placed.NO,
            do="have the recorder write each member once",
        ),
        RefusalCode.UNKNOWN_MESSAGE: RefusalRule(
            rule="it is no kind of message that is known here",
            judge=Judge.BOTH,
            placed=Placed.NO,
            do="nothing where the recording holds more than quotes, trades and depth",
        ),
        RefusalCode.TIME_LEAP: RefusalRule(
            rule="a receive time must not leap ahead unless contexts confirm it",
            judge=Judge.KERNEL,
            placed=Placed.NO,
            do="nothing where the clock comes back; raise the hours where the market rests longer",
            keys=_LEAP,
            shown=("receive_ns",),
        ),
        RefusalCode.WRONG_PARTITION: RefusalRule(
            rule="a symbol's contexts belong on the partition that its name gives",
            judge=Judge.SOURCE,
            placed=Placed.NO,
            do="have the sender partition by murmur2: librdkafka needs partitioner=murmur2_random",
        ),
        RefusalCode.TOO_MANY_SOURCES: RefusalRule(
            rule="a log has numbers for 65,536 source parts and no more",
            judge=Judge.SOURCE,
            placed=Placed.NO,
            do="have the sender name its feed once, not anew for each record",
        ),
    }
)
"""The rule that each refused context broke."""
