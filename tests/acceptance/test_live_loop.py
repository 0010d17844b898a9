"""The example is a trading loop: it trades, reports, stops by itself and survives kill -9."""

from __future__ import annotations

import ast
import contextlib
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.live_service import SYMBOL, FakeLiveService
from tests.support.decisions.declared import ROOT
from tests.support.live.live_clients import served
from tests.support.machine.commands import environment
from torghut.client.venue.events import Placed, VenueState
from torghut.client.venue.journal import Journal

EXAMPLE: Final = ROOT / "examples" / "live_loop.py"
TARGETS: Final = (1000.0, 1000.0, -500.0, -500.0, 200.0, 200.0, 200.0, 200.0, 0.0, 700.0)


@contextlib.contextmanager
def looping(service: FakeLiveService, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield the example, running; it is killed at the end of the block."""
    with subprocess.Popen(
        [sys.executable, EXAMPLE, folder, "--after", "start"],
        env=environment(folder) | {"TORGHUT_URL": service.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            assert process.stderr is not None
            assert process.stderr.read() == ""


def wait(condition: Callable[[], bool]) -> None:
    """Wait until something holds, not for ever."""
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    pytest.fail("it never held")


def until_said(process: subprocess.Popen[str], beginning: str) -> None:
    """Read what the example prints until a line begins so."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return
    pytest.fail(f"it ended without saying {beginning}")


def kept(folder: Path) -> str:
    """Return what the bookmark keeps."""
    path = folder / "bookmark"
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


def written(folder: Path) -> int:
    """Return how much the venue's journal holds."""
    path = folder / "venue.jsonl"
    return path.stat().st_size if path.exists() else 0


def history(folder: Path) -> tuple[VenueState, list[Placed]]:
    """Return the state of the venue, whose loop is dead, and its orders."""
    journal = Journal(folder / "venue.jsonl")
    state = VenueState()
    events = journal.read()
    for event in events:
        state.evolve(event)
    journal.close()
    return state, [event for event in events if isinstance(event, Placed)]


def reported(service: FakeLiveService) -> float:
    """Return the position that the reported fills make."""
    fills = [one for one in service.records.values() if one["kind"] == "fill"]
    return math.fsum(one["quantity"] for one in fills)


def tell(service: FakeLiveService, target: float) -> None:
    """Decide another target."""
    service.tell(1, target_position=target, valid_until_ns="4000000000000000000")


def settle(service: FakeLiveService, folder: Path) -> None:
    """Go on with the last target until nothing is left to do."""
    for _ in range(8):
        tell(service, TARGETS[-1])
    last = f"0:{len(service.lines) - 1}:0"
    wait(lambda: kept(folder) == last)


def test_example_is_short_and_needs_only_the_client() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    imported = {
        node.module
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module
    }

    assert len(text.splitlines()) <= 60
    assert imported == {"torghut.client", "torghut.client.venue"}


def test_loop_trades_every_target_and_reports_what_came_of_it(tmp_path: Path) -> None:
    with served() as service, looping(service, tmp_path):
        for target in TARGETS:
            tell(service, target)
        settle(service, tmp_path)
        position = reported(service)
    state, orders = history(tmp_path)

    assert state.positions[SYMBOL] == TARGETS[-1] == position
    assert not state.waiting
    assert not state.working
    assert len({order.order_id for order in orders}) == len(orders) > 3


def stop(service: FakeLiveService) -> None:
    """Let the service say that it is stopped."""
    service.state, service.reason = "stopped", "asked for"


def hush(service: FakeLiveService) -> None:
    """Let no heartbeat come any more; what is decided still does."""
    service.beating = False


@pytest.mark.parametrize(
    ("state", "begin"), [("stopped", stop), pytest.param("stale", hush, marks=pytest.mark.slow)]
)
def test_loop_opens_nothing_once_the_service_is_stopped_or_silent(
    tmp_path: Path, state: str, begin: Callable[[FakeLiveService], None]
) -> None:
    with served() as service, looping(service, tmp_path) as process:
        until_said(process, "state live")
        begin(service)
        until_said(process, f"state {state}")
        tell(service, 1000.0)
        wait(lambda: kept(tmp_path) == "0:0:0")
        service.state, service.beating = "live", True
        until_said(process, "state live")
        tell(service, 700.0)
        wait(lambda: kept(tmp_path) == "0:1:0")

    assert [order.quantity for order in history(tmp_path)[1]] == [700.0]


def test_loop_whose_guard_fails_ends_and_trades_no_more(tmp_path: Path) -> None:
    with served() as service, looping(service, tmp_path) as process:
        tell(service, 0.0)
        wait(lambda: kept(tmp_path) == "0:0:0")
        assert process.stdout is not None
        process.stdout.close()
        service.state, service.reason = "stopped", "asked for"
        wait(lambda: process.poll() is not None)

        assert process.returncode != 0
        assert process.stderr is not None
        assert "BrokenPipeError" in process.stderr.read()


@pytest.mark.slow
def test_loop_killed_at_any_moment_misses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    with served() as service:
        for round_number in range(10):
            size = written(tmp_path)
            with looping(service, tmp_path):
                tell(service, TARGETS[round_number])
                tell(service, TARGETS[round_number])
                last = f"0:{len(service.lines) - 1}:0"
                wait(lambda: written(tmp_path) > size or kept(tmp_path) == last)  # noqa: B023
                time.sleep(0.003 * round_number)
        with looping(service, tmp_path):
            settle(service, tmp_path)
        position = reported(service)
    state, orders = history(tmp_path)

    assert state.positions[SYMBOL] == TARGETS[-1] == position
    assert not state.waiting
    assert len({order.order_id for order in orders}) == len(orders)
