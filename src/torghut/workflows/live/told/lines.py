"""One line that listeners are sent, and where it stands."""

from __future__ import annotations

import msgspec

from torghut.kernel.clock import SteadyNs


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that became durable with a block.

    Tens of thousands of them are kept, and none refers to another: the garbage collector has no
    business with them.

    Attributes:
        name: What it is about: a context id, a control id.
        place: Of the context that it is about, or comes before, in the block.
        text: JSON, without a line feed.
        trace: The W3C trace that its context is part of; empty where nobody knows.
        came_ns: When its context came in, on the steady clock; None where nobody knows.
        aside: Whether it is about a record that was no context: subscribers are not sent it.
    """

    name: str
    place: int
    text: bytes
    trace: bytes = b""
    came_ns: SteadyNs | None = None
    aside: bool = False
