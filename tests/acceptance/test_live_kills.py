"""A loop that trades on recorded ticks, and its service, each killed again and again."""

from __future__ import annotations

import asyncio
import json
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

from tests.support.decisions.declared import ROOT
from tests.support.decisions.kernels import compiled
from tests.support.live.live_services import SYMBOL, LiveService, governed, live_service
from tests.support.machine.commands import Ended, environment, typed
from torghut.client import connect_sync
from torghut.client.venue import Habits, SimulatedVenue
from torghut.composition import logs
from torghut.decisions.recording import header_of
from torghut.settings import settings

pytestmark = [pytest.mark.data, pytest.mark.timeout(0)]

HABITS: Final = Habits(latency_ns=50_000_000, reject_ratio=0.05, partial_ratio=0.3)
"""As the example's."""

WARM_UNTIL: Final = "2014-05-01T07:23:00Z"
SILENCE_S: Final = 3.0
SILENT_EVERY: Final = 3
"""At each of so many kills of the service, the loop is left in silence and looked at."""
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
    """A service on recorded ticks, a loop that trades on it, and a listener that audits."""

    service: LiveService
    after: str
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where everything is kept."""
        return self.service.folder

    def begin(self) -> None:
        """Start the service, and the two that listen, with its token."""
        self.service.start()
        token_file(self.folder).write_text(self.service.token("report"), encoding="utf-8")
        self.start("loop")
        self.start("audit")

    def start(self, name: str) -> None:
        """Start one of those who listen; it goes on where it was killed."""
        words = {
            "loop": [str(ROOT / "examples" / "live_loop.py"), str(self.folder)],
            "audit": ["-c", _AUDIT, str(self.folder), self.after],
        }[name]
        with (self.folder / f"{name}.out").open("ab") as out:
            self.children[name] = subprocess.Popen(
                [sys.executable, *words],
                env=environment(self.folder) | listening(self.service),
                stdout=out,
                stderr=out,
            )

    def kill(self, name: str) -> None:
        """End one of those who listen at once."""
        child = self.children.pop(name)
        child.kill()
        child.wait()

    def end(self) -> None:
        """Ask the service to end, and check that it does in good order."""
        assert self.service.end() == 0, self.service.said()

    def said(self, name: str) -> str:
        """Return what one of those who listen printed."""
        return (self.folder / f"{name}.out").read_text(encoding="utf-8", errors="replace")


def token_file(folder: Path) -> Path:
    """Return where those who listen find their token."""
    return folder / "token"


def listening(service: LiveService) -> dict[str, str]:
    """Return what those who listen to a service are told of it."""
    return {
        "TORGHUT_URL": f"unix://{service.socket}",
        "TORGHUT_TOKEN_FILE": str(token_file(service.folder)),
    }


@pytest.fixture
def trial(recorded_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    compiled()
    source = str(recorded_data / "lean-forex" / "tick" / "eurusd")
    with governed(tmp_path), live_service(tmp_path) as service:
        service.options = ("--source", source, "--speed", "10x", "--mode", "live")
        for name, value in (environment(tmp_path) | listening(service)).items():
            if name != "PATH":
                monkeypatch.setenv(name, value)
        settings.cache_clear()
        until = ("--to", WARM_UNTIL, "--no-report")
        assert _typed("run", "--source", source, "--log", str(service.log), *until).status == 0
        one = Trial(service=service, after=asyncio.run(_last_position(service.log)))
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
    trial.begin()
    time.sleep(5.0)
    trial.service.send(signal.SIGSTOP)
    time.sleep(halted_s)
    _expect_stale(trial)
    woken_ns = time.time_ns()
    trial.service.send(signal.SIGCONT)
    time.sleep(6.0)
    trial.kill("loop")
    _settle(trial)
    trial.kill("audit")
    trial.end()

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
    trial.begin()
    victims = ["service"] * kills + ["loop"] * kills
    draw.shuffle(victims)
    for count, victim in enumerate(victims):
        time.sleep(draw.uniform(0.5, 2.5))
        if victim == "service":
            trial.service.end(signal.SIGKILL)
            if victims[:count].count("service") % SILENT_EVERY == 0:
                time.sleep(SILENCE_S)
                _expect_stale(trial)
            trial.service.start()
        else:
            trial.kill("loop")
            trial.start("loop")
            trial.kill("audit")
            trial.start("audit")
    time.sleep(3.0)
    trial.kill("loop")
    _settle(trial)
    _wait_for_audit(trial)
    trial.kill("audit")
    trial.end()
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
    status = trial.service.status()
    found = [] if status is None else [one for one in status.symbols if one.symbol == SYMBOL]
    return found[0].position if found and found[0].position_basis == "reported" else None


def _wait_for_audit(trial: Trial) -> None:
    """Wait until the listener has heard what was decided by now."""
    status = trial.service.status()
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
    decided = asyncio.run(_decided(trial.service.log, trial.after))
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
    known = _decision_ids(trial.service.log)
    assert len(orders) > 2  # how many there are depends on how long each start takes
    assert len(orders) == len(set(orders)), "a decision was acted on twice"
    assert set(orders) <= known
    _verify(trial)


def _verify(trial: Trial) -> None:
    """Verify the log, and decide it again."""
    assert _typed("log", "verify", "--log", str(trial.service.log)).status == 0
    replayed = _typed("replay", "--verify", "--log", str(trial.service.log))
    assert replayed.status == 0, replayed.out + replayed.err


def _place(position: str) -> tuple[int, ...]:
    return tuple(map(int, position.split(":")))


async def _last_position(log: Path) -> str:
    """Return the position of the last outcome of a log."""
    opened = logs.readable_log(log)
    try:
        head = await opened.head(0)
    finally:
        await opened.close()
    return f"0:{head.number}:9999999"


async def _decided(log: Path, after: str) -> list[str]:
    """Return the position of every outcome behind another."""
    opened = logs.readable_log(log)
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
