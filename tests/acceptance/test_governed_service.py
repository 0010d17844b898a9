"""``torghut serve --govern``: governance beside the loop, and never in its way."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.governance.rolling import key_file
from tests.support.live.live_services import LiveService, live_service
from tests.support.machine.commands import prices, typed
from torghut.adapters.filesystem.governed.standing import read_governance
from torghut.composition import standby
from torghut.kernel.clock import WallClock
from torghut.workflows.live.observing.governed import GovernanceSeen

_PATIENCE_S: Final = 60.0
CLOCK: Final[WallClock] = standby.wall_clock()


def until(found: Callable[[], bool], what: str, service: LiveService) -> None:
    """Wait until something is so."""
    end = time.monotonic() + _PATIENCE_S
    while not found():
        assert time.monotonic() < end, f"{what}\n{service.said()}"
        time.sleep(0.05)


def seen(service: LiveService) -> GovernanceSeen:
    """Return what is to be seen of the governance beside a service."""
    root = service.folder / "var"
    page, lease = root / standby.STANDING, root / standby.LEASE
    return read_governance(page, lease, root / standby.GOVERNANCE_LOG)


def journal(service: LiveService, name: str) -> list[dict[str, Any]]:
    """Return what the service said under a name."""
    lines = [line for line in service.said().splitlines() if line.startswith("{")]
    return [one for one in map(json.loads, lines) if one.get("event") == name]


def cycles(service: LiveService) -> int:
    """Return the number of the last cycle; 0 before the first."""
    page = seen(service).page
    return 0 if page is None or page.last is None else page.last.cycle


def gone(pid: int) -> bool:
    """Say whether a process is gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_governance_lives_dies_comes_again_and_ends_with_the_service(tmp_path: Path) -> None:
    with live_service(tmp_path) as service:
        service.options = ("--source", "api:", "--govern")
        service.start()
        client = service.client()
        service.decide(client)
        until(lambda: cycles(service) == 1, "no cycle came", service)
        assert seen(service).holding(CLOCK.now_ns()) == "alive"
        first = seen(service).page
        assert first is not None
        metrics = service.client("read")
        assert metrics is not None

        os.kill(first.pid, signal.SIGKILL)
        until(lambda: len(journal(service, "governance.died")) == 1, "its death", service)
        for _ in range(20):
            service.decide(client)
        until(lambda: len(journal(service, "governance.started")) >= 2, "its return", service)
        assert journal(service, "governance.died")[0]["exit_code"] == -9
        second = journal(service, "governance.started")[-1]["pid"]

        began = time.monotonic()
        assert service.end() == 0
        assert time.monotonic() - began < 15
        assert gone(second)
        assert journal(service, "governance.ended")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_governance_does_not_outlive_a_service_that_is_killed(tmp_path: Path) -> None:
    with live_service(tmp_path) as service:
        service.options = ("--source", "api:", "--govern")
        service.start()
        until(lambda: cycles(service) == 1, "no cycle came", service)
        page = seen(service).page
        assert page is not None
        service.send(signal.SIGKILL)

        until(lambda: gone(page.pid), "it governs nobody", service)
        assert seen(service).holding(CLOCK.now_ns()) == "let go"


def test_what_does_not_fit_is_refused_before_anything_begins(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("no key", encoding="utf-8")
    recorded = typed("serve", "--source", prices(tmp_path / "p.csv"), "--govern")

    assert recorded.status == 2
    assert "recorded data" in recorded.err
    alone = typed("serve", "--govern-key", str(key))
    assert (alone.status, "expected --govern" in alone.err) == (2, True)
    unfit = typed("serve", "--govern", "--govern-key", str(key))
    assert unfit.err.startswith("artifacts.key-unusable: ")


def test_key_that_no_scheduler_is_declared_by_is_named_before_anything_begins(
    tmp_path: Path,
) -> None:
    key = key_file(tmp_path / "s.pem")
    nowhere = ("--log", str(tmp_path / "s.pem" / "decisions.log"))

    ended = typed("serve", "--source", "api:", "--govern", "--govern-key", str(key), *nowhere)

    assert ended.status != 0
    assert ended.err.splitlines()[0].startswith(f"{key}: governance/owners.yaml declares no ")
