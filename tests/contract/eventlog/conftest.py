"""Every store of a log, opened empty; whatever holds for one holds for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import open_sqlite, run
from tests.support.machine.servers import open_postgres
from torghut.adapters.sqlite.sharing.events import SharedEvents
from torghut.adapters.sqlite.sharing.holding import HeldEvents
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import DecisionLog, EventFeed, EventStore, PartitionClaims


class Log(DecisionLog, EventStore, EventFeed, Protocol):
    """The ports that every store implements together."""


class ClaimedLog(Log, PartitionClaims, Protocol):
    """A log that several processes write, each the partitions that it claimed."""


class Streams(EventStore, EventFeed, Protocol):
    """Events alone."""


POSTGRES: Final = pytest.param("postgres", marks=pytest.mark.system)
"""Needs a server."""


def make(request: pytest.FixtureRequest, folder: Path) -> Log | SharedEvents | HeldEvents:
    """Return an empty store of the kind that a test is run on."""
    match request.param:
        case "memory":
            return InMemoryLog(clock=HandClock())
        case "sqlite":
            return open_sqlite(folder / "log.db")
        case "shared":
            return SharedEvents(folder / "governance.log", clock=HandClock(), ids=CountingIds())
        case "held":
            shared = SharedEvents(folder / "asking.log", clock=HandClock(), ids=CountingIds())
            return HeldEvents(shared)
        case "archived":
            # What speaks to a database is imported when a test wants it.
            eager = import_module("tests.contract.eventlog.archived")
            archived: Log = eager.open_archived(request.getfixturevalue("database"), folder)
            return archived
        case _:
            return open_postgres(request.getfixturevalue("database"))


ARCHIVED: Final = pytest.param("archived", marks=pytest.mark.system)
"""Likewise; all blocks are in files whenever some are asked for."""


@pytest.fixture(params=["memory", "sqlite", POSTGRES, ARCHIVED])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    """Return an empty log."""
    log = make(request, tmp_path)
    assert not isinstance(log, SharedEvents | HeldEvents)
    yield log
    run(log.close())


@pytest.fixture(params=["memory", "sqlite", "shared", "held", POSTGRES])
def events(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Streams]:
    """Return an empty store of streams, whether it also keeps blocks or not."""
    store = make(request, tmp_path)
    yield store
    if isinstance(store, HeldEvents):
        run(store.let_go())
    elif not isinstance(store, SharedEvents):
        run(store.close())


@pytest.fixture(params=["memory", POSTGRES])
def handles(request: pytest.FixtureRequest) -> Iterator[Callable[[], ClaimedLog]]:
    """Return what opens one more handle of the same log, as another process would."""
    opened: list[ClaimedLog] = []
    if request.param == "memory":
        first = InMemoryLog(clock=HandClock())

        def another() -> ClaimedLog:
            return InMemoryLog(clock=HandClock(), kept=first.kept)

    else:
        url: str = request.getfixturevalue("database")

        def another() -> ClaimedLog:
            opened.append(open_postgres(url))
            return opened[-1]

    yield another
    for log in opened:
        run(log.close())
