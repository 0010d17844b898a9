"""``torghut status`` on governance: whatever is missing, locked or corrupt, it says so at once."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from tests.fakes.workers import status_of
from tests.support.governance.governance_pages import CLOSED, INCIDENT, leave, standing
from tests.support.governance.governing import START_NS
from tests.support.machine.commands import Ended, typed
from torghut.adapters.filesystem.worker_pages import HeldPage
from torghut.adapters.system.clock import SystemClock
from torghut.schemas.live.worker import WorkerStatus

pytestmark = pytest.mark.usefixtures("artifacts")

RELEASE = (
    f"torghut latch release {INCIDENT} --trigger drawdown --trigger signal-lag "
    "--reason TEXT --key FILE"
)
OWN_THROW = {
    "name": "stop",
    "throw_id": f"governance-{INCIDENT}",
    "who": "governance",
    "reason": "drawdown",
    "thrown_wall_ns": START_NS,
    "recorded": False,
}


def now_ns() -> int:
    return SystemClock().now_ns()


def asked(artifacts: Path, *statuses: WorkerStatus) -> Ended:
    """Return what is said while workers say this."""
    with contextlib.ExitStack() as stack:
        for status in statuses or (status_of(),):
            page = HeldPage(artifacts / "workers", status.worker)
            stack.callback(page.close)
            page.write(status)
        ended = typed("status")
    assert len(ended.out.splitlines()) <= 30
    return ended


def line(ended: Ended, name: str) -> str:
    (found,) = [one for one in ended.out.splitlines() if one.startswith(name)]
    return found.removeprefix(name).strip()


def next_of(ended: Ended) -> str:
    return ended.out.splitlines()[-1].removeprefix("next").strip()


def test_governance_that_is_alive_is_told_with_its_last_cycle(artifacts: Path) -> None:
    leave(artifacts, standing(), held_at_ns=now_ns())
    ended = asked(artifacts)

    assert ended.status == 0
    said = line(ended, "governance")
    assert said.startswith("cycle 12 ")
    assert said.endswith(
        "ago: lane_completed, no-candidate-waiting; scheduler-1 alive, epoch 3, process 42"
    )
    assert line(ended, "stop latch") == "open at the last cycle"
    assert line(ended, "manifest") == "runs/run-1/rollout/phase-manifest.json: pass"


def test_governance_that_fell_silent_is_told_since_when(artifacts: Path) -> None:
    leave(artifacts, standing(), held_at_ns=START_NS)
    ended = asked(artifacts)

    assert "silent since 2023-11-14T22:13:50Z, scheduler-1 held it last" in ended.out
    assert next_of(ended) == "torghut scheduler run --log var/logs/live.log"


def test_latch_that_governance_closed_is_told_with_the_command_that_opens_it(
    artifacts: Path,
) -> None:
    leave(artifacts, standing(latch=CLOSED), held_at_ns=now_ns())
    ended = asked(artifacts, status_of(state="stopped", reason="latch", latch=True))

    assert ended.status == 1
    said = line(ended, "stop latch")
    assert said.startswith("closed by governance since 2023-11-14T22:13:20Z, ")
    assert said.endswith("drawdown, signal-lag; waits for people; torghut latch show")
    assert next_of(ended) == RELEASE


def test_what_recovers_by_itself_is_looked_at(artifacts: Path) -> None:
    latch = {**CLOSED, "triggers": ["signal-lag"], "recovers": True}
    leave(artifacts, standing(latch=latch), held_at_ns=now_ns())
    ended = asked(artifacts, status_of(state="stopped", reason="latch", latch=True))

    assert "recovers by itself" in line(ended, "stop latch")
    assert next_of(ended) == "torghut latch show"


def test_stop_that_governance_threw_is_not_released_like_a_persons(artifacts: Path) -> None:
    thrown = status_of(state="stopped", reason="switch stop thrown", switches=[OWN_THROW])
    leave(artifacts, standing(latch=CLOSED), held_at_ns=now_ns())
    assert next_of(asked(artifacts, thrown)) == RELEASE

    leave(artifacts, standing(), held_at_ns=None)
    assert next_of(asked(artifacts, thrown)) == "torghut latch show"


def test_stop_that_a_person_threw_comes_first(artifacts: Path) -> None:
    own = {**OWN_THROW, "throw_id": "throw-1", "who": "ann@desk"}
    thrown = status_of(state="stopped", reason="both", latch=True, switches=[own, OWN_THROW])
    leave(artifacts, standing(latch=CLOSED), held_at_ns=now_ns())

    assert next_of(asked(artifacts, thrown)) == "torghut switch release stop --reason TEXT"


def test_manifest_that_nobody_finalised_in_time_reads_as_a_fail(artifacts: Path) -> None:
    manifest = {"path": "runs/run-1/rollout/phase-manifest.json", "status": "not-final"}
    fresh = standing(manifest=manifest, written_wall_ns=str(now_ns()))
    leave(artifacts, fresh, held_at_ns=now_ns())
    assert line(asked(artifacts), "manifest").endswith(": NOT FINAL")

    leave(artifacts, standing(manifest=manifest), held_at_ns=None)
    assert line(asked(artifacts), "manifest").endswith(": fail, not-finalised in time")


def test_where_nobody_ever_governed_nothing_is_said_of_it(artifacts: Path) -> None:
    ended = asked(artifacts)

    assert "governance" not in ended.out
    assert not (artifacts / "governance").exists(), "a look makes nothing"


@pytest.mark.parametrize("log", ["missing", "locked", "corrupt"])
def test_governances_log_is_not_needed(artifacts: Path, log: str) -> None:
    leave(artifacts, standing(), held_at_ns=now_ns())
    path, database = artifacts / "governance.log", None
    if log == "locked":
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("create table t (a)")
        database.execute("begin exclusive")
    elif log == "corrupt":
        path.write_bytes(b"\x00no log" * 100)
    before = path.read_bytes() if log == "corrupt" else b""
    ended = asked(artifacts)
    if database is not None:
        database.close()

    assert ended.status == 0
    assert line(ended, "governance").startswith("cycle 12 ")
    assert log != "corrupt" or path.read_bytes() == before


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("harm", ["absent", "empty", "garbled", "huge", "folder"])
def test_page_that_says_nothing_is_told_as_that(artifacts: Path, harm: str, *, log: bool) -> None:
    leave(artifacts, None, held_at_ns=now_ns())
    page = artifacts / "governance" / "standing.json"
    page.parent.mkdir(parents=True, exist_ok=True)
    if log:
        (artifacts / "governance.log").write_bytes(b"")
    match harm:
        case "empty":
            page.write_bytes(b"")
        case "garbled":
            page.write_bytes(b'{"type": "live.governance-standing.v1", "holder": "\x1b[31m"}')
        case "huge":
            page.write_bytes(b" " * 100_000)
        case "folder":
            page.mkdir()
        case _:
            pass
    ended = asked(artifacts)

    assert ended.status == 0
    said = line(ended, "governance")
    assert said.endswith("scheduler-1 alive, epoch 3")
    assert ("page unreadable: " in said) == (harm != "absent")
    assert line(ended, "stop latch") == "not known here: torghut latch show"
    assert "\x1b" not in ended.out


def test_lease_that_says_nothing_is_told_as_that(artifacts: Path) -> None:
    leave(artifacts, standing(), held_at_ns=None)
    (artifacts / "governance.json").write_bytes(b"{}")
    ended = asked(artifacts)

    assert ended.status == 0
    assert "lease unreadable: " in line(ended, "governance")


def test_governance_is_told_below_however_many_workers(artifacts: Path) -> None:
    leave(artifacts, standing(latch=CLOSED), held_at_ns=now_ns())
    many = [status_of(f"worker-{n}", latch=True, state="stopped", reason="x") for n in range(20)]
    ended = asked(artifacts, *many)

    assert line(ended, "governance")
    assert line(ended, "stop latch")
    assert "lines more" in ended.out


def test_machines_are_told_the_same(artifacts: Path) -> None:
    leave(artifacts, standing(latch=CLOSED), held_at_ns=START_NS)
    found = typed("status", "--json").json["governance"]

    assert found["holding"] == "silent"
    assert found["page"]["latch"]["incident_id"] == INCIDENT
    assert found["lease"]["epoch"] == 3
    assert (found["page_fault"], found["lease_fault"]) == (None, None)
