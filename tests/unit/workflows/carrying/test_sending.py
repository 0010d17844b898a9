"""A source that is sent loses nothing: its own control records go before its contexts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.logs import SYMBOLS, contexts
from torghut.carrying.messages import Outgoing
from torghut.carrying.ports import Sender
from torghut.market.ports import Arrival, Cursor
from torghut.schemas.control import ControlRecord, StopChanged
from torghut.workflows.carrying.sending import SourceSending
from torghut.workflows.decision_loop import Window

COUNT: Final = 1500
STOP: Final = StopChanged(control_id="s1", state="stopped", reason="test")


@dataclass(slots=True)
class Sent(Sender):
    """Remembers what was sent, in order: how many contexts at once, and control records."""

    calls: list[int | str] = field(default_factory=list)

    @override
    async def send(self, topic: str, records: Sequence[Outgoing], /) -> None:
        self.calls.append(len(records))

    async def control(self, record: ControlRecord) -> None:
        """Take a control record."""
        self.calls.append(record.control_id)

    @override
    async def close(self) -> None:
        """Nothing is held."""


def test_control_record_of_a_source_is_sent_before_the_contexts_it_came_with() -> None:
    sent = Sent()
    sending = SourceSending(
        source=ArraySource(
            rows=contexts(COUNT), symbols=SYMBOLS, arrivals=[Arrival(row=1200, record=STOP)]
        ),
        window=Window(),
        player=None,
        sender=sent,
        topic="contexts",
        wall=HandClock(),
        control=sent.control,
    )

    found = asyncio.run(sending.send(after=Cursor()))

    assert sent.calls == [1000, "s1", 500]
    assert (found.contexts, found.left_out) == (COUNT, 0)
