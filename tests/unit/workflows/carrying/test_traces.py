"""What is said of a record is part of its W3C trace, and a malformed trace does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
import pytest

from tests.fakes.fleet import SYMBOLS, TOPICS, Fleet
from tests.fakes.virtual_time import run_virtually
from tests.support.carrying.carried import quote
from torghut.carrying.messages import CAUSATION_ID, TRACEPARENT, Outgoing

A: Final = SYMBOLS[0]
FIRST: Final = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECOND: Final = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
MALFORMED: Final = (
    *(b"", b"00", b"\xff" * 55, FIRST.upper(), FIRST + b"\n", FIRST + b"-00"),
    *(FIRST.replace(b"00-", b"01-", 1), FIRST.replace(b"00-", b"ff-", 1), FIRST[:-1]),
)


def traced(message: Outgoing, trace: bytes | None) -> Outgoing:
    """Return a message that is part of a trace."""
    own = () if trace is None else ((TRACEPARENT, trace),)
    return msgspec.structs.replace(message, headers=[*message.headers, *own])


def contexts(*traces: bytes | None) -> list[Outgoing]:
    """Return contexts of one symbol, each part of a trace."""
    return [traced(quote(number, A), trace) for number, trace in enumerate(traces)]


def told(sent: Mapping[str, list[Outgoing]], topic: str) -> list[bytes | None]:
    """Return the traces that a topic's records are part of once all that is sent was decided."""
    fleet = Fleet(partitions=1)

    async def main() -> None:
        for name, messages in sent.items():
            fleet.cluster.topics.keep(name, messages)
        fleet.start()
        await asyncio.sleep(5)
        await fleet.end()

    run_virtually(main())
    records = sorted(
        (dict(one.headers) for one in fleet.cluster.topics.part((topic, 0)).records),
        key=lambda headers: headers[CAUSATION_ID],
    )
    return [headers.get(TRACEPARENT) for headers in records]


def test_decision_is_part_of_the_trace_of_its_context() -> None:
    sent = {TOPICS.contexts: contexts(FIRST, None, SECOND)}

    assert told(sent, TOPICS.decisions) == [FIRST, None, SECOND]


def test_record_that_is_no_context_is_set_aside_with_its_trace() -> None:
    bad = Outgoing(A.encode(), b"no context", ())
    misplaced = traced(quote(0, "fxcm:USDJPY"), SECOND)
    sent = {TOPICS.contexts: [traced(bad, FIRST), *contexts(SECOND), bad, misplaced]}

    assert told(sent, TOPICS.quarantine) == [FIRST, None, SECOND]


def test_record_that_is_no_control_record_is_set_aside_with_its_trace() -> None:
    bad = Outgoing(b"*", b"no control record", ())

    assert told({TOPICS.commands: [traced(bad, FIRST), bad]}, TOPICS.quarantine) == [FIRST, None]


@pytest.mark.parametrize("trace", MALFORMED)
def test_malformed_trace_is_dropped_and_its_record_is_not(trace: bytes) -> None:
    bad = traced(Outgoing(A.encode(), b"no context", ()), trace)
    sent = {TOPICS.contexts: [*contexts(trace), bad]}

    assert told(sent, TOPICS.decisions) == [None]
    assert told(sent, TOPICS.quarantine) == [None]
