"""Who appends all the time keeps the turn: others read meanwhile, and append once it lets go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import CAUSES, Happened, run
from torghut.adapters.sqlite.sharing.events import SharedEvents
from torghut.adapters.sqlite.sharing.holding import HeldEvents
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.errors import (
    ConcurrencyConflictError,
    LogTurnError,
    LogWriteError,
    Obstacle,
)
from torghut.eventlog.ports import EventStore
from torghut.schemas.types import Message


class Events(SharedEvents):
    """Streams whose appends may be refused; they count how often the turn is taken."""

    def __init__(self, path: Path, *, wait_ms: int = 50) -> None:
        super().__init__(path, clock=HandClock(), ids=CountingIds(), wait_ms=wait_ms)
        self.full = False

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        if self.full:
            raise LogWriteError(obstacle=Obstacle.DISK_FULL, detail="a.log")
        return await super().append_events(
            stream, events, expected_version=expected_version, causes=causes
        )


async def append(store: EventStore, version: int) -> int:
    return await store.append_events(
        "a-1", [Happened(what="x")], expected_version=version, causes=CAUSES
    )


def test_others_read_what_is_held_and_append_once_it_is_let_go(tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "a.log"
        held, other = HeldEvents(Events(path)), Events(path)
        assert await append(held, 0) == 1

        assert len(await other.read_events("a-1")) == 1
        with pytest.raises(LogTurnError):
            await append(other, 1)
        assert await append(held, 1) == 2
        await held.let_go()

        assert await append(other, 2) == 3
        assert await append(held, 3) == 4
        await held.let_go()

    run(scene())


def test_whoever_is_a_version_behind_keeps_the_turn(tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "a.log"
        held = HeldEvents(Events(path))
        await append(held, 0)

        with pytest.raises(ConcurrencyConflictError):
            await append(held, 5)

        with pytest.raises(LogTurnError):
            await append(Events(path), 1)
        await held.let_go()

    run(scene())


def test_what_fails_lets_go_and_the_next_append_opens_the_log_anew(tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "a.log"
        events = Events(path)
        held = HeldEvents(events)
        await append(held, 0)

        events.full = True
        with pytest.raises(LogWriteError):
            await append(held, 1)
        assert await append(Events(path), 1) == 2

        events.full = False
        assert await append(held, 2) == 3
        await held.let_go()

    run(scene())
