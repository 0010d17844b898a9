"""Load, decide, append: and nothing is lost between two who do it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import TypeAdapter

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.unit.eventlog.counter import COUNTER, Raise, Raised, TooHighError
from torghut.eventlog.envelopes import Envelope, read_event
from torghut.eventlog.errors import ConcurrencyConflictError
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.handle import handle

STREAM = "counter-1"


def parse(envelope: Envelope) -> Raised:
    return read_event(envelope, TypeAdapter(Raised), {})


async def raise_by(log: InMemoryLog, by: int) -> Sequence[Raised]:
    return await handle(log, COUNTER, parse, STREAM, Raise(by=by), causes=CAUSES)


def test_events_are_returned_and_appended() -> None:
    log = InMemoryLog(clock=HandClock())

    assert run(raise_by(log, 4)) == [Raised(by=4)]
    assert run(raise_by(log, 6)) == [Raised(by=6)]
    assert [parse(envelope) for envelope in run(log.read_events(STREAM))] == [
        Raised(by=4),
        Raised(by=6),
    ]


def test_a_refusal_appends_nothing() -> None:
    log = InMemoryLog(clock=HandClock())
    run(raise_by(log, 8))

    with pytest.raises(TooHighError):
        run(raise_by(log, 3))
    assert len(run(log.read_events(STREAM))) == 1


def test_no_events_append_nothing() -> None:
    log = InMemoryLog(clock=HandClock())

    assert run(raise_by(log, 0)) == []
    assert run(log.read_events(STREAM)) == []


def test_whoever_decided_on_an_older_state_is_refused() -> None:
    class SlowLog(InMemoryLog):
        """Lets the other one append between reading and appending."""

        async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
            history = await super().read_events(stream, after=after)
            await asyncio.sleep(0)
            return history

    log = SlowLog(clock=HandClock())

    async def both() -> Sequence[Sequence[Raised] | BaseException]:
        return await asyncio.gather(raise_by(log, 7), raise_by(log, 8), return_exceptions=True)

    first, second = run(both())

    assert first == [Raised(by=7)]
    assert isinstance(second, ConcurrencyConflictError)
