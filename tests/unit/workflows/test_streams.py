"""Only what is new is read, and nothing that others append is overlooked or overwritten."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic import TypeAdapter
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.unit.eventlog.counter import COUNTER, Raise, Raised, TooHighError
from torghut.eventlog.envelopes import Envelope, read_event
from torghut.eventlog.errors import ConcurrencyConflictError
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.streams import Streams

STREAM = "counter-1"


def parse(envelope: Envelope) -> Raised:
    return read_event(envelope, TypeAdapter(Raised), {})


class CountingLog(InMemoryLog):
    """Counts the events that are read of it, and lets somebody append between reading and deciding.

    Attributes:
        read: How many.
        rivals: What somebody else appends after the next readings, one of them each.
    """

    def __init__(self) -> None:
        super().__init__(clock=HandClock())
        self.read = 0
        self.rivals: list[int] = []

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        history = await super().read_events(stream, after=after)
        self.read += len(history)
        if self.rivals:
            by = Raised(by=self.rivals.pop(0))
            version = len(await super().read_events(stream))
            await self.append_events(stream, [by], expected_version=version, causes=CAUSES)
        return history


def raise_by(streams: Streams, by: int) -> Sequence[Raised]:
    return run(streams.run(COUNTER, parse, STREAM, Raise(by=by), causes=CAUSES))


def total(streams: Streams) -> int:
    return run(streams.state(COUNTER, parse, STREAM))


def test_events_are_returned_and_appended() -> None:
    streams = Streams(InMemoryLog(clock=HandClock()))

    assert total(streams) == 0
    assert raise_by(streams, 4) == [Raised(by=4)]
    assert raise_by(streams, 6) == [Raised(by=6)]
    assert raise_by(streams, 0) == []
    assert total(streams) == 10
    assert run(streams.version(COUNTER, parse, STREAM)) == 2


def test_a_refusal_appends_nothing() -> None:
    streams = Streams(InMemoryLog(clock=HandClock()))
    raise_by(streams, 8)

    with pytest.raises(TooHighError):
        raise_by(streams, 3)
    assert total(streams) == 8


def test_a_long_stream_is_read_once() -> None:
    log = CountingLog()
    streams = Streams(log)
    for _ in range(10):
        raise_by(streams, 1)
    before = log.read

    for _ in range(100):
        assert total(streams) == 10

    assert before <= 2 * 10
    assert log.read - before <= 100 + 1  # the last one again, to see that it still is the last


def test_what_another_process_appends_is_seen() -> None:
    log = InMemoryLog(clock=HandClock())
    one, other = Streams(log), Streams(log)
    raise_by(one, 1)
    raise_by(other, 2)
    raise_by(one, 3)

    assert total(one) == total(other) == 6


def test_a_command_is_decided_again_on_what_others_appended() -> None:
    log = CountingLog()
    streams = Streams(log)
    log.rivals = [5, 1]

    assert raise_by(streams, 4) == [Raised(by=4)]
    assert total(streams) == 10


def test_a_command_that_others_made_impossible_is_refused() -> None:
    log = CountingLog()
    streams = Streams(log)
    log.rivals = [8]

    with pytest.raises(TooHighError):
        raise_by(streams, 4)
    assert total(streams) == 8


def test_whoever_never_gets_through_is_told() -> None:
    log = CountingLog()
    log.rivals = [1, 1, 1]
    streams = Streams(log, retries=2)

    with pytest.raises(ConcurrencyConflictError):
        raise_by(streams, 2)
    assert total(streams) == 3


def test_a_stream_that_is_no_longer_what_it_was_is_read_anew() -> None:
    log = InMemoryLog(clock=HandClock())
    streams = Streams(log)
    raise_by(streams, 4)
    raise_by(streams, 4)
    assert total(streams) == 8

    other = InMemoryLog(clock=HandClock())
    raise_by(Streams(other), 1)
    log._streams = other._streams  # noqa: SLF001 -- a log that was cut and went on another way

    assert total(streams) == 1
    assert raise_by(streams, 2) == [Raised(by=2)]
    assert total(streams) == 3


def test_another_decider_on_the_same_stream_has_its_own_state() -> None:
    streams = Streams(InMemoryLog(clock=HandClock()))
    raise_by(streams, 4)
    again = type(COUNTER)(
        initial=100, decide=COUNTER.decide, evolve=lambda total, event: total - event.by
    )

    assert run(streams.state(again, parse, STREAM)) == 96
    assert total(streams) == 4
