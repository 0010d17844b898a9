"""One line that listeners are sent, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something that became durable with a block.

    Attributes:
        name: What it is about: a context id, a control id.
        place: Of the context that it is about, or comes before, in the block.
        text: JSON, without a line feed.
        trace: The W3C trace that its context is part of; empty where nobody knows.
        aside: Whether it is about a record that was no context: subscribers are not sent it.
    """

    name: str
    place: int
    text: bytes
    trace: bytes = b""
    aside: bool = False
