"""Every store of a log, opened empty; whatever holds for one holds for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import open_sqlite, run
from torghut.adapters.sqlite.sharing.events import SharedEvents
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import DecisionLog, EventStore


class Log(DecisionLog, EventStore, Protocol):
    """Both ports, as every store implements them together."""


def _in_memory(_: Path) -> Log:
    return InMemoryLog(clock=HandClock())


def _in_sqlite(folder: Path) -> Log:
    return open_sqlite(folder / "log.db")


def _shared(folder: Path) -> SharedEvents:
    return SharedEvents(folder / "governance.log", clock=HandClock(), ids=CountingIds())


@pytest.fixture(params=[_in_memory, _in_sqlite], ids=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    """Return an empty log."""
    make: Callable[[Path], Log] = request.param
    log = make(tmp_path)
    yield log
    run(log.close())


@pytest.fixture(params=[_in_memory, _in_sqlite, _shared], ids=["memory", "sqlite", "shared"])
def events(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventStore]:
    """Return an empty store of streams, whether it also keeps blocks or not."""
    make: Callable[[Path], Log | SharedEvents] = request.param
    store = make(tmp_path)
    yield store
    if not isinstance(store, SharedEvents):
        run(store.close())
