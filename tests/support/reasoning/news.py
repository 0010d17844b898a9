"""News as whoever gathers it offers it, and somebody who hears what could not be read of it."""

from __future__ import annotations

import json
from typing import Final

from typing_extensions import override

from tests.fakes.asking import NothingHappens

SYMBOL: Final = "binance-spot:ETHUSDT"
NOW_NS: Final = 1_700_000_000_000_000_000
HOUR_MS: Final = 3_600_000


def item_line(number: int, *symbols: str, at_ns: int = NOW_NS, text: str = "") -> str:
    """Return one item as JSON.

    Args:
        number: Names it.
        symbols: That it is about; none: all.
        at_ns: When it was published and received.
        text: Its own; empty for its name.
    """
    item = {
        "kind": "news",
        "item_id": f"n-{number}",
        "symbols": symbols,
        "published_at_ns": str(at_ns),
        "received_ns": str(at_ns),
        "source": "a wire",
        "text": text or f"item {number}",
    }
    return json.dumps(item)


class Unreadable(NothingHappens):
    """Remembers what could not be read.

    Attributes:
        said: Source and complaint, in order.
    """

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    @property
    def unreadable(self) -> list[str]:
        """The complaints."""
        return [found for _, found in self.said]

    @override
    def unread(self, source: str, found: str) -> None:
        self.said.append((source, found))
