"""A loop that trades on recorded ticks, and its service, each killed again and again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.commands import Ended, typed
from tests.declared import ROOT
from tests.kernels import cache_folder, compiled
from torghut import bootstrap
from torghut.adapters.filesystem.worker_pages import read_pages
from torghut.client import connect_sync
from torghut.client.venue import Habits, SimulatedVenue
from torghut.decisions.recording import header_of
from torghut.schemas.live.worker import WorkerStatus
from torghut.settings import ARTIFACT_DIR, CACHE_DIR, settings

pytestmark = [pytest.mark.data, pytest.mark.timeout(0)]

SYMBOL: Final = "fxcm:EURUSD"
HABITS: Final = Habits(latency_ns=50_000_000, reject_ratio=0.05, partial_ratio=0.3)
"""As the example's."""

WARM_UNTIL: Final = "2014-05-01T07:23:00Z"
SILENCE_S: Final = 3.0
SILENT_EVERY: Final = 3
"""At each of so many kills of the service, the loop is left in silence and looked at."""
_COMMAND: Final = "from torghut.entrypoints.cli import main; main()"
_READY_S: Final = 60.0
_AUDIT: Final = """
import asyncio, json, sys
from torghut.client import Bookmark, connect

async def main():
    bookmark = Bookmark(sys.argv[1] + "/audit-bookmark")
    with open(sys.argv[1] + "/audit", "a") as audit:
        async with connect(after=sys.argv[2], bookmark=bookmark) as client:
            async for one in client.decisions():
                came = json.loads(one.line)["ingress_wall_ns"]
                audit.write(f"{one.position} {one.verdict} {came}\\n")
                audit.flush()
                bookmark.keep(one.position)

asyncio.run(main())
"""


@dataclass(slots=True, kw_only=True)
class Trial:
    """One service on recorded ticks, one loop that trades on it, and one listener that audits."""

    folder: Path
    source: Path
    after: str = ""
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Where the service's log is."""
        return self.folder / "live.log"

    @property
    def environment(self) -> dict[str, str]:
        """What all three are told."""
        return {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT / "src"),
            ARTIFACT_DIR: str(self.folder / "var"),
            CACHE_DIR: str(cache_folder()),
            "TORGHUT_URL": f"unix://{self.folder}/api.sock",
            "TORGHUT_TOKEN_FILE": str(self.folder / "token"),
        }

    def start(self, name: str) -> None:
        """Start one of the processes; it goes on where it was killed."""
        words = {
            "service": [
                *("-c", _COMMAND, "serve", "--source", str(self.source), "--log", str(self.log)),
                *("--speed", "10x", "--mode", "live", "--listen", "127.0.0.1:0"),
                *("--listen-unix", str(self.folder / "api.sock")),
            ],
            "loop": [str(ROOT / "examples" / "live_loop.py"), str(self.folder)],
            "audit": ["-c", _AUDIT, str(self.folder), self.after],
        }[name]
        with (self.folder / f"{name}.out").open("ab") as out:
            self.children[name] = subprocess.Popen(
                [sys.executable, *words], env=self.environment, stdout=out, stderr=out
            )

    def begin(self, *listeners: str) -> None:
        """Start the service, and listeners with its token."""
        self.start("service")
        self.wait_until_served()
        tokens = (self.folder / "var" / "api-tokens").read_text(encoding="utf-8")
        token = next(line.split()[2] for line in tokens.splitlines() if line.startswith("report "))
        (self.folder / "token").write_text(token, encoding="utf-8")
        for name in listeners:
            self.start(name)

    def stop(self) -> int:
        """Ask the service to end; return its status."""
        service = self.children.pop("service")
        service.terminate()
        return service.wait(timeout=30)

    def kill(self, name: str) -> None:
        """End one of them at once."""
        child = self.children.pop(name)
        child.send_signal(signal.SIGKILL)
        child.wait()

    def wait_until_served(self) -> None:
        """Wait until the service answers as its page says."""
        pid = self.children["service"].pid
        until = time.monotonic() + _READY_S
        while time.monotonic() < until:
            status = self.status()
            if status is not None and status.pid == pid and status.phase == "serving":
                return
            assert self.children["service"].poll() is None, self.said("service")
            time.sleep(0.02)
        pytest.fail("the service did not begin to serve")

    def status(self) -> WorkerStatus | None:
        """Return what the service's page says."""
        pages = read_pages(self.folder / "var" / "workers")
        return pages[0].status if pages else None

    def said(self, name: str) -> str:
        """Return what one of them printed."""
        return (self.folder / f"{name}.out").read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def trial(recorded_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    compiled()
    source = recorded_data / "lean-forex" / "tick" / "eurusd"
    one = Trial(folder=tmp_path, source=source)
    for name, value in one.environment.items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    settings.cache_clear()
    until = ("--to", WARM_UNTIL, "--no-report")
    assert _typed("run", "--source", str(source), "--log", str(one.log), *until).status == 0
    one.after = asyncio.run(_last_position(one.log))
    yield one
    for name in list(one.children):
        one.kill(name)
    settings.cache_clear()


def test_ten_kills_of_each_side_lose_nothing_and_double_nothing(trial: Trial) -> None:
    _judge(trial, kills=10, seed=4)


@pytest.mark.soak
def test_fifty_kills_of_each_side_lose_nothing_and_double_nothing(trial: Trial) -> None:
    _judge(trial, kills=50, seed=5)


def test_a_halt_past_every_lifetime_makes_nothing_of_the_backlog_actionable(trial: Trial) -> None:
    _halt(trial, halted_s=12.0)


@pytest.mark.soak
def test_ten_minutes_of_halt_make_nothing_of_the_backlog_actionable(trial: Trial) -> None:
    _halt(trial, halted_s=600.0)


def _halt(trial: Trial, *, halted_s: float) -> None:
    """Halt the service for so long while it decides, then judge what it told of the backlog.

    A decision lives for ten seconds of the market's time, which is one second here.
    """
    trial.begin("loop", "audit")
    time.sleep(5.0)
    service = trial.children["service"]
    service.send_signal(signal.SIGSTOP)
    time.sleep(halted_s)
    _expect_stale(trial)
    woken_ns = time.time_ns()
    service.send_signal(signal.SIGCONT)
    time.sleep(6.0)
    trial.kill("loop")
    _settle(trial)
    trial.kill("audit")
    assert trial.stop() == 0, trial.said("service")

    waited = [
        line.split()[1]
        for line in (trial.folder / "audit").read_text(encoding="utf-8").splitlines()
        if "None" not in line and woken_ns - halted_s * 1e9 < int(line.split()[2]) < woken_ns - 1e9
    ]
    assert len(waited) > halted_s
    assert "act" not in waited
    _verify(trial)


def _judge(trial: Trial, *, kills: int, seed: int) -> None:
    """Kill each side so often while it trades, then compare everybody's account."""
    draw = random.Random(seed)  # noqa: S311 - a test's own course
    trial.begin("loop", "audit")
    victims = ["service"] * kills + ["loop"] * kills
    draw.shuffle(victims)
    for count, victim in enumerate(victims):
        time.sleep(draw.uniform(0.5, 2.5))
        trial.kill(victim)
        if victim == "service" and victims[:count].count("service") % SILENT_EVERY == 0:
            time.sleep(SILENCE_S)
            _expect_stale(trial)
        trial.start(victim)
        if victim == "service":
            trial.wait_until_served()
        else:
            trial.kill("audit")
            trial.start("audit")
    time.sleep(3.0)
    trial.kill("loop")
    _settle(trial)
    _wait_for_audit(trial)
    trial.kill("audit")
    assert trial.stop() == 0, trial.said("service")
    _compare(trial)


def _expect_stale(trial: Trial) -> None:
    """Check that the loop, to which nobody speaks, knows it: it opens nothing."""
    states = [line for line in trial.said("loop").splitlines() if line.startswith("state ")]

    assert states[-1].startswith("state stale"), states[-3:]


def _settle(trial: Trial) -> None:
    """Report what the venue has not reported, and wait until the service's position is its own."""
    with SimulatedVenue(journal=trial.folder / "venue.jsonl", habits=HABITS) as venue:
        with connect_sync() as client:
            for due in venue.unreported:
                client.report(due.record)
                venue.mark_reported(due)
        held = venue.position(SYMBOL)
    until = time.monotonic() + _READY_S
    while _position(trial) != held and time.monotonic() < until:
        time.sleep(0.1)

    assert _position(trial) == held


def _position(trial: Trial) -> float | None:
    """Return the position that the service decides on."""
    status = trial.status()
    found = [] if status is None else [one for one in status.symbols if one.symbol == SYMBOL]
    return found[0].position if found and found[0].position_basis == "reported" else None


def _wait_for_audit(trial: Trial) -> None:
    """Wait until the listener has heard what was decided by now."""
    status = trial.status()
    assert status is not None
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        heard = (trial.folder / "audit").read_text(encoding="utf-8")
        if f"\n{status.position} " in heard:
            return
        time.sleep(0.1)
    pytest.fail(f"{status.position} was never told")


def _compare(trial: Trial) -> None:
    """Compare the log with what was heard, ordered and filled."""
    decided = asyncio.run(_decided(trial.log, trial.after))
    lines = (trial.folder / "audit").read_text(encoding="utf-8").splitlines()
    heard = [line.split()[0] for line in lines]
    last = max(map(_place, heard))
    expected = [position for position in decided if _place(position) <= last]

    assert sorted(set(heard), key=_place) == expected, "an outcome was missed"
    assert len(expected) > 200

    events = [
        json.loads(line)
        for line in (trial.folder / "venue.jsonl").read_text(encoding="utf-8").splitlines()
        if '"placed"' in line
    ]
    orders = [event["order_id"] for event in events if event.get("event") == "placed"]
    known = _decision_ids(trial.log)
    assert len(orders) > 5
    assert len(orders) == len(set(orders)), "a decision was acted on twice"
    assert set(orders) <= known
    _verify(trial)


def _verify(trial: Trial) -> None:
    """Verify the log, and decide it again."""
    assert _typed("log", "verify", "--log", str(trial.log)).status == 0
    replayed = _typed("replay", "--verify", "--log", str(trial.log))
    assert replayed.status == 0, replayed.out + replayed.err


def _place(position: str) -> tuple[int, ...]:
    return tuple(map(int, position.split(":")))


async def _last_position(log: Path) -> str:
    """Return the position of the last outcome of a log."""
    opened = bootstrap.readable_log(log)
    try:
        head = await opened.head(0)
    finally:
        await opened.close()
    return f"0:{head.number}:9999999"


async def _decided(log: Path, after: str) -> list[str]:
    """Return the position of every outcome behind another."""
    opened = bootstrap.readable_log(log)
    found: list[str] = []
    try:
        async for block in opened.blocks(0, after=_place(after)[1]):
            counts = header_of(block).counts
            found += [f"0:{block.number}:{place}" for place in range(counts.contexts)]
    finally:
        await opened.close()
    return found


def _decision_ids(log: Path) -> set[str]:
    """Return the id of every decision in a log."""
    text = _typed("log", "export", "--log", str(log), "--what", "decisions").out
    return {json.loads(line)["decision_id"] for line in text.splitlines()}


def _typed(*arguments: str) -> Ended:
    settings.cache_clear()
    return typed(*arguments)
