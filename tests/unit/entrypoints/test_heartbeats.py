"""One heartbeat reaches all who joined, and trouble with one beat is nobody's end."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.desk import FakeDesk, policy_with
from torghut.entrypoints.api.errors import SubscribersExhaustedError
from torghut.entrypoints.api.heartbeats import Heartbeats, Listener

END_S: Final = 5.0


@dataclass
class Counting(Listener):
    """Keeps what it was told."""

    lines: list[bytes] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    def beat(self, line: bytes, frame: bytes) -> None:
        self.lines.append(line)
        self.frames.append(frame)
        self.told.set()


def beating(heartbeat_ms: int = 10) -> tuple[FakeDesk, Heartbeats, list[Exception]]:
    """Return a desk, its heartbeats, and what nobody foresaw."""
    desk = FakeDesk(bound=policy_with(telling={"heartbeat_ms": heartbeat_ms}))
    failures: list[Exception] = []
    return desk, Heartbeats(desk=desk, failed=failures.append), failures


def test_all_are_told_the_same_bytes() -> None:
    _, heartbeats, _ = beating()
    all_of_them = [Counting() for _ in range(120)]

    async def work() -> None:
        async with asyncio.timeout(END_S):
            joined = [heartbeats.joined(one) for one in all_of_them]
            for one in joined:
                one.__enter__()
            for listener in all_of_them:
                await listener.told.wait()
            for one in joined:
                one.__exit__(None, None, None)

    asyncio.run(work())
    firsts = {id(listener.frames[0]) for listener in all_of_them}
    assert len(firsts) == 1
    line, frame = all_of_them[0].lines[0], all_of_them[0].frames[0]
    assert json.loads(line)["type"] == "live.heartbeat.v1"
    assert frame.endswith(line)


def test_who_left_is_told_no_more() -> None:
    desk, heartbeats, _ = beating()
    staying, leaving = Counting(), Counting()

    async def work() -> None:
        with heartbeats.joined(staying):
            with heartbeats.joined(leaving):
                await leaving.told.wait()
            count = len(leaving.lines)
            staying.told.clear()
            desk.change("stopped")
            await staying.told.wait()
            assert len(leaving.lines) == count
            assert len(heartbeats) == 1

    asyncio.run(work())


def test_trouble_is_reported_and_whoever_joins_next_is_told_again() -> None:
    desk, heartbeats, failures = beating()

    async def work() -> None:
        desk.state = "unheard of"
        with heartbeats.joined(Counting()):
            async with asyncio.timeout(END_S):
                while not failures:  # noqa: ASYNC110 - reported by a list
                    await asyncio.sleep(0.005)
        desk.state = "live"
        listener = Counting()
        with heartbeats.joined(listener):
            async with asyncio.timeout(END_S):
                await listener.told.wait()

    asyncio.run(work())
    assert len(failures) == 1


def test_there_is_room_for_as_many_as_may_whether_they_listen_yet_or_not() -> None:
    _, heartbeats, _ = beating()

    with heartbeats.place(2):
        with heartbeats.place(2), pytest.raises(SubscribersExhaustedError), heartbeats.place(2):
            pass
        with heartbeats.place(2):
            assert len(heartbeats) == 0
