"""What every store promises to those who follow its events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.contract.eventlog.conftest import Streams
from tests.fakes.eventlog import CAUSES, Happened, run


async def append(events: Streams, stream: str, *words: str, after: int = 0) -> None:
    """Append one event for each word."""
    happened = [Happened(what=word) for word in words]
    await events.append_events(stream, happened, expected_version=after, causes=CAUSES)


def test_feed_gives_all_streams_in_the_order_appended(events: Streams) -> None:
    run(append(events, "a-1", "x", "y"))
    run(append(events, "b-1", "z"))
    run(append(events, "a-1", "w", after=2))

    found = run(events.events_after(0, 100))

    assert [(one.position, one.stream, one.version) for one in found] == [
        (1, "a-1", 1),
        (2, "a-1", 2),
        (3, "b-1", 1),
        (4, "a-1", 3),
    ]
    assert found[3] == run(events.read_events("a-1", after=2))[0]


def test_feed_goes_on_behind_a_position_and_gives_no_more_than_asked(events: Streams) -> None:
    run(append(events, "a-1", *"pqrst"))

    assert [one.position for one in run(events.events_after(1, 2))] == [2, 3]
    assert [one.position for one in run(events.events_after(3, 100))] == [4, 5]
    assert run(events.events_after(5, 100)) == []
    assert run(events.events_after(99, 100)) == []


def test_empty_store_has_an_empty_feed(events: Streams) -> None:
    assert run(events.events_after(0, 10)) == []


def test_refused_events_leave_no_gap(events: Streams) -> None:
    async def together() -> Sequence[object]:
        rivals = (append(events, f"s-{n % 3}", "x", "y") for n in range(12))
        return await asyncio.gather(*rivals, return_exceptions=True)

    run(together())

    found = run(events.events_after(0, 100))
    assert [one.position for one in found] == [1, 2, 3, 4, 5, 6]
