"""What every store of events promises."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import TypeAdapter

from tests.contract.eventlog.conftest import Log
from tests.fakes.eventlog import CAUSES, Happened, fill, make_block, run
from torghut.eventlog.block import GENESIS, head_of
from torghut.eventlog.envelopes import check_follows, read_event
from torghut.eventlog.errors import ConcurrencyConflictError, EventUnreadableError
from torghut.eventlog.events import LOG_EVENT, HeadsSealed, log_stream, seal_heads
from torghut.eventlog.ports import EventStore
from torghut.schemas.types import Message

STREAM = "rollout-1"


async def append(
    events: EventStore, *what: str, expected_version: int = 0, stream: str = STREAM
) -> int:
    """Append one event for each word."""
    happened = [Happened(what=word) for word in what]
    return await events.append_events(
        stream, happened, expected_version=expected_version, causes=CAUSES
    )


def words(events: EventStore, *, stream: str = STREAM, after: int = 0) -> Sequence[str]:
    """Return the words of a stream's events."""
    adapter = TypeAdapter(Happened)
    envelopes = run(events.read_events(stream, after=after))
    return [read_event(envelope, adapter, {}).what for envelope in envelopes]


def archived(log: Log) -> int:
    """Return how many events say that the log put blocks into files, which is its own affair."""
    return sum("blocks-archived" in one.type for one in run(log.events_after(0, 1_000)))


def test_events_come_back_in_order(events: EventStore) -> None:
    assert run(append(events, "a", "b")) == 2
    assert run(append(events, "c", expected_version=2)) == 3

    assert words(events) == ["a", "b", "c"]
    assert words(events, after=1) == ["b", "c"]
    assert words(events, after=3) == []
    assert words(events, after=9) == []
    assert words(events, stream="rollout-2") == []


def test_envelopes_say_where_and_why(events: EventStore) -> None:
    run(append(events, "a"))
    run(append(events, "b", stream="rollout-2"))
    run(append(events, "c", expected_version=1))

    first, third = run(events.read_events(STREAM))
    (second,) = run(events.read_events("rollout-2"))

    assert [e.position for e in (first, second, third)] == [1, 2, 3]
    assert [e.version for e in (first, second, third)] == [1, 1, 2]
    assert first.causes == CAUSES
    assert first.recorded_at_ns == 1_700_000_000_000_000_000
    assert first.type == "tests.happened.v1"
    assert first.body == b'{"type":"tests.happened.v1","what":"a"}'
    check_follows(first, version=0, digest=GENESIS)
    check_follows(third, version=1, digest=first.digest)


def test_stale_append_is_refused_and_writes_nothing(events: EventStore) -> None:
    run(append(events, "a"))

    with pytest.raises(ConcurrencyConflictError):
        run(append(events, "b"))
    with pytest.raises(ConcurrencyConflictError):
        run(append(events, "b", expected_version=2))
    assert words(events) == ["a"]


def test_the_same_events_again_change_nothing(events: EventStore) -> None:
    run(append(events, "a", "b"))
    run(append(events, "c", expected_version=2))

    assert run(append(events, "a", "b")) == 2
    assert run(append(events, "b", "c", expected_version=1)) == 3
    assert words(events) == ["a", "b", "c"]


def test_events_that_were_appended_only_in_part_are_a_conflict(events: EventStore) -> None:
    run(append(events, "a"))

    with pytest.raises(ConcurrencyConflictError):
        run(append(events, "a", "b"))
    assert words(events) == ["a"]


def test_no_events_change_nothing(events: EventStore) -> None:
    run(append(events, "a"))

    assert run(append(events, expected_version=1)) == 1
    with pytest.raises(ConcurrencyConflictError):
        run(append(events))


def test_one_of_many_rivals_wins_each_version(events: EventStore) -> None:
    async def race() -> Sequence[int | BaseException]:
        rivals = (append(events, f"rival {n}") for n in range(16))
        return await asyncio.gather(*rivals, return_exceptions=True)

    ends = run(race())

    assert [end for end in ends if end == 1] == [1]
    assert sum(isinstance(end, ConcurrencyConflictError) for end in ends) == 15
    assert len(words(events)) == 1


def test_an_event_without_a_type_is_refused(events: EventStore) -> None:
    class Nameless(Message):
        """An event that could never be read again."""

        what: str

    with pytest.raises(EventUnreadableError):
        run(events.append_events(STREAM, [Nameless(what="a")], expected_version=0, causes=CAUSES))
    assert words(events) == []


def test_streams_are_told_by_their_beginning_oldest_first(events: EventStore) -> None:
    assert run(events.streams("")) == []
    for stream in ("rollout-2", "approval-b", "approval-a", "approval_", "rollout-1"):
        run(append(events, "a", stream=stream))
    run(append(events, "b", stream="approval-a", expected_version=1))

    assert run(events.streams("approval-")) == ["approval-b", "approval-a"]
    assert run(events.streams("rollout-")) == ["rollout-2", "rollout-1"]
    assert run(events.streams("approval-%")) == []
    assert len(run(events.streams(""))) == 5


def test_events_and_blocks_verify_together(log: Log) -> None:
    run(fill(log, 2))
    run(append(log, "a", "b"))
    run(append(log, "c", stream="rollout-2"))

    report = run(log.verify())

    assert report.intact
    assert (report.events - archived(log), report.blocks) == (3, 2)


def test_heads_are_sealed_in_the_log_itself(log: Log) -> None:
    chain = run(fill(log, 2))
    run(seal_heads(log, log, log_id="id-1", causes=CAUSES))
    run(seal_heads(log, log, log_id="id-1", causes=CAUSES))

    first, second = run(log.read_events(log_stream("id-1")))
    sealed = read_event(first, LOG_EVENT, {})

    assert isinstance(sealed, HeadsSealed)
    assert [(h.partition, h.number, h.digest) for h in sealed.heads] == [(0, 1, chain[1].digest)]
    assert second.version == 2


def test_a_log_seals_its_own_heads(log: Log) -> None:
    chain = run(fill(log, 3))
    run(log.seal_heads(CAUSES))
    more = make_block(head_of(chain[-1]))
    run(log.append(more))
    run(log.seal_heads(CAUSES))

    report = run(log.verify())

    assert report.intact
    assert (report.events - archived(log), report.blocks) == (2, 4)
