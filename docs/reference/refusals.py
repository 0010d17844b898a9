"""The reference page of refusals: every code with its rule, and what the kernel remembers."""

from __future__ import annotations

from typing import Final

from torghut.decisions.explaining.refusals import RULES
from torghut.market.admission import REMEMBERED_SEQUENCES
from torghut.schemas.codes import RefusalCode
from torghut.schemas.declarations.instruments import Plausible
from torghut.schemas.rows import REMEMBERED_SOURCES

_SOURCES: Final = REMEMBERED_SOURCES
_NUMBERS: Final = REMEMBERED_SEQUENCES
_LEAP_HOURS: Final = Plausible.model_fields["receive_leap_hours"].default

HEAD: Final = """\
# Refusals

Written by `make docs` from the code. A context that is refused has its outcome like any other: it
stands in the log with its code, nothing is decided on it, and the run goes on. `torghut decision
why` with its context id says which values broke the rule.

"""

TAIL: Final = f"""
- **Judged by.** The *source* finds what is wrong while decoding. It [quarantines](sources.md) the
  record, or makes a refused context of it where symbol, sequence and times are known. The *kernel*
  judges by the row and by the symbol's own past alone, so it finds the same in every replay.
- **Takes its place.** A context that does has been seen: its sequence is the newest of its source,
  its receive time the newest of its stream, what follows is judged after it, and a control record
  may apply before it. One that does not leaves the symbol's order and clock as they were. Neither
  brings a quote or moves a feature.
- **Declared by.** Keys of the instrument, in `streams/instruments/`. Where there is none the rule
  is the same for all. No key of `timing` refuses anything: an event later than its receipt, by more
  than `timing.event_after_receive_tolerance_ms`, is decided with the reason
  `received-before-event`.

## Order, and sources that take turns

Order is judged within one symbol and one stream (quotes, trades, depth, bars): by sequence within
each source, by receive time over all of them. Equal receive times are in order.

Of each stream the kernel remembers the last {_SOURCES} sources, and of each its newest sequence
and which of the {_NUMBERS} numbers up to it were seen. One that was is a `market.duplicate`; any
other that is not above the newest is `market.out-of-order`. So {_SOURCES} files or feeds of one
stream may take turns, each with its own numbers.

One more source takes the place of the one that was longest without a context. What that one had
sent can then no longer be told from what is new, so the stream's receive time is kept when it is
forgotten: a source that is not remembered, new or come back, is in order only with later receive
times than that. Of a file that begins before what was decided, the contexts that go back are
refused, and it is decided from there on.

## Leaps in time

A receive time is a leap if it is more than `plausible.receive_leap_hours` ({_LEAP_HOURS} unless
declared) ahead of the newest of the symbol, whichever stream brought that. One wrong clock must not
put all that follows out of order, nor tomorrow's control records in force. So a leap is refused,
`market.time-leap`, and the symbol's clock stands still.

A market that really was silent for so long comes back the same way. Leaps that follow each other,
each later than the one before and by no more than the same hours, confirm it; after
`plausible.jump_confirmations` of them the next one is decided and carries the reason `time-leap`. A
context at the symbol's own time in between takes the confirmations back. The first context of a
symbol is never a leap.

A clock that is wrong for longer than that is believed. What then comes with right times is out of
order until they have caught up: begin a new log from the source with its times put right.

## Jumps in price

A price further from the last mid price than `plausible.jump_ratio` of it is `market.absurd-jump`.
Quotes and bars that agree with each other within the ratio confirm a new level: after
`plausible.jump_confirmations` of them in a row the next one is decided, with the reason
`level-shift`. Trades are judged by the last mid price and confirm nothing.
"""


def refusals_page() -> str:
    """Return the page."""
    heading = "| code | rule | judged by | takes its place | declared by | what to do |\n"
    rows = "".join(map(_row, (code for code in RefusalCode if code is not RefusalCode.NONE)))
    return f"{HEAD}{heading}|---|---|---|---|---|---|\n{rows}{TAIL}"


def _row(code: RefusalCode) -> str:
    """Return one code as a row of the table."""
    rule = RULES[code]
    keys = ", ".join(f"`{key}`" for key in rule.keys)
    cells = (f"`{code.code}`", rule.rule, rule.judge, rule.placed, keys, rule.do)
    return f"| {' | '.join(cells)} |\n".replace("|  |", "| |")
