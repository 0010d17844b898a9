"""The lease in a database: by its clock, and never held by a session that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine.servers import Databases, address_of
from torghut.adapters.postgres.lease import PostgresLease
from torghut.adapters.system.clock import SystemClock
from torghut.governance.leasing.errors import (
    LeaseLostError,
    LeaseTakenError,
    LeaseUnreadableError,
)

pytestmark = pytest.mark.system

MINUTE_MS = 60_000
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'torghut' AND datname = current_database()"
)


@pytest.fixture
def lease(database: str) -> Iterator[PostgresLease]:
    """Return a lease that nobody holds."""
    lease = PostgresLease(address_of(database), "governance", time_to_live_ms=MINUTE_MS)
    yield lease
    lease.close()


def test_database_tells_the_time(lease: PostgresLease) -> None:
    held = lease.take("one")

    left_ns = held.expires_wall_ns - SystemClock().now_ns()
    assert 0 < left_ns <= (MINUTE_MS + 1_000) * 1_000_000
    with pytest.raises(LeaseTakenError, match="one"):
        lease.take("two")


def test_leases_of_other_names_are_others(database: str, lease: PostgresLease) -> None:
    lease.take("one")
    other = PostgresLease(address_of(database), "relay", time_to_live_ms=MINUTE_MS)

    assert other.take("two").epoch == 1
    other.close()


def test_write_whose_lock_ended_before_it_did_is_told(
    databases: Databases, database: str, lease: PostgresLease
) -> None:
    held = lease.take("one")

    with pytest.raises(LeaseLostError, match="its lock ended"), lease.guard(held):
        databases.do(CUT, url=database)


def test_nobody_holds_a_lease_of_a_database_that_is_away(tmp_path: Path) -> None:
    address = address_of(f"postgresql://who@/torghut?host={tmp_path}")
    lease = PostgresLease(address, "governance", time_to_live_ms=MINUTE_MS)

    with pytest.raises(LeaseUnreadableError):
        lease.take("one")
    lease.close()
