"""The one way a stream changes: load its events, decide, append what follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from torghut.eventlog.decider import Decider
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.ports import EventStore
from torghut.schemas.types import Message

C = TypeVar("C")
E = TypeVar("E", bound=Message)
S = TypeVar("S")


async def handle(
    store: EventStore,
    decider: Decider[C, E, S],
    parse: Callable[[Envelope], E],
    stream: str,
    command: C,
    *,
    causes: Causes,
) -> Sequence[E]:
    """Run ``command`` against ``stream`` and return the events it caused.

    Raises:
        ConcurrencyConflictError: Another writer appended in between.
    """
    history = [parse(envelope) for envelope in await store.read_events(stream)]
    events = decider.decide(command, decider.fold(history))
    if events:
        await store.append_events(stream, events, expected_version=len(history), causes=causes)
    return events
