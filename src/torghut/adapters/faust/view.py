"""A page of Faust's own web server: how partitions stand; a projection, never the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from faust.app import App
from faust.web import Request, Response, View

from torghut.adapters.faust.handing import Handing

PATH: Final = "/torghut/partitions/"


def show_partitions(app: App, hands: Mapping[int, Handing]) -> None:
    """Let ``app`` show how the partitions of this process stand."""

    async def partitions(view: View, _: Request) -> Response:
        """How the partitions of this process stand."""
        found = [_shown(partition, hand) for partition, hand in sorted(hands.items())]
        return view.json({"partitions": found})

    app.page(PATH)(partitions)


def _shown(partition: int, hand: Handing) -> dict[str, int | bool | None]:
    """Return how one partition stands, for machines."""
    return {
        "partition": partition,
        "expected_offset": hand.expected,
        "seen_offset": hand.seen,
        "waiting": len(hand),
        "held": hand.held,
        "lacking": hand.lacking,
        "left_out": hand.left_out,
        "reread": hand.reread,
    }
