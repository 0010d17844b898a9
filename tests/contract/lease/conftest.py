"""Every lease of governance's writer, nobody holding it; whatever holds for one holds for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.lease import InMemoryLease, LeaseOffice
from torghut.adapters.filesystem.lease import FileLease
from torghut.governance.ports import WriterLease

TIME_TO_LIVE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Leases:
    """One lease as several processes reach it, and their clock."""

    clock: HandClock
    reach: Callable[[], WriterLease]

    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.clock.time_ns += ms * 1_000_000


def in_memory(_: Path) -> Leases:
    """Return a lease in memory."""
    clock, office = HandClock(), LeaseOffice()
    return Leases(
        clock=clock,
        reach=lambda: InMemoryLease(office, clock=clock, time_to_live_ms=TIME_TO_LIVE_MS),
    )


def in_files(folder: Path) -> Leases:
    """Return a lease in files."""
    clock = HandClock()
    return Leases(
        clock=clock,
        reach=lambda: FileLease(
            folder / "governance", clock=clock, time_to_live_ms=TIME_TO_LIVE_MS
        ),
    )


@pytest.fixture(params=[in_memory, in_files], ids=["memory", "files"])
def leases(request: pytest.FixtureRequest, tmp_path: Path) -> Leases:
    """Return a lease that nobody holds."""
    make: Callable[[Path], Leases] = request.param
    return make(tmp_path)
