"""The same trading loop over Kafka and over a WebSocket, and over Kafka with each side killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from tests.support.carrying.deployments import Carried, awaited, carried
from tests.support.decisions.declared import ROOT
from tests.support.live.live_services import SYMBOL, LiveService, governed, live_service
from tests.support.machine.commands import environment
from torghut.adapters.filesystem.worker_pages import read_pages
from torghut.client import Context, Decision, connect_sync
from torghut.client.venue import Habits, SimulatedVenue
from torghut.schemas.control import ModeChanged
from torghut.schemas.live.worker import WorkerStatus

pytestmark = [pytest.mark.data, pytest.mark.timeout(240)]

HABITS: Final = Habits(latency_ns=50_000_000, reject_ratio=0.05, partial_ratio=0.3)
"""As the example's."""

DAY: Final = datetime(2014, 5, 1, tzinfo=ZoneInfo("America/New_York"))
WARM_UNTIL: Final = datetime(2014, 5, 1, 6, 23, 30, tzinfo=UTC)
TRADED_UNTIL: Final = datetime(2014, 5, 1, 6, 28, 40, tzinfo=UTC)
APART: Final = timedelta(seconds=5)
"""At ten times the speed 0.5 s: what a loop reports is in the log before the next context."""

COURSE: Final = (("loop", 8.0), ("worker", 3.0), ("loop", 3.0), ("worker", 14.0), ("loop", 2.0))
"""Who is killed, how long after the one before: a group misses a worker after ten seconds."""

WORKER: Final = "w0"
BEFORE: Final = "2014-05-01T06:23:29.999Z"
AFTER: Final = "2014-05-01T06:23:30Z"
_AUDIT: Final = """
import asyncio, sys
from torghut.client import Bookmark, connect

async def main():
    bookmark = Bookmark(sys.argv[1] + "/audit-bookmark")
    with open(sys.argv[1] + "/audit", "a") as audit:
        async with connect(after=sys.argv[2], bookmark=bookmark) as client:
            async for one in client.decisions():
                audit.write(f"{one.position} {one.verdict}\\n")
                audit.flush()
                bookmark.keep(one.position)

asyncio.run(main())
"""


@pytest.fixture
def ticks(recorded_data: Path, tmp_path: Path) -> Path:
    """Return recorded ticks as two tables: all of those to warm up on, and then some far apart."""
    path = recorded_data / "lean-forex" / "tick" / "eurusd" / "20140501_quote.zip"
    with zipfile.ZipFile(path) as packed:
        lines = packed.read(packed.namelist()[0]).decode().splitlines()
    midnight = DAY.astimezone(UTC)
    split = [line.split(",") for line in lines]
    rows = [(midnight + timedelta(milliseconds=int(one[0])), one) for one in split]
    far: list[tuple[datetime, Sequence[str]]] = []
    for at, row in rows:
        if WARM_UNTIL <= at < TRADED_UNTIL and (not far or at - far[-1][0] >= APART):
            far.append((at, row))
    folder = tmp_path / "ticks"
    folder.mkdir()
    write(folder / "a.csv", [one for one in rows if one[0] < WARM_UNTIL])
    write(folder / "b.csv", far)
    return folder


def write(path: Path, rows: Sequence[tuple[datetime, Sequence[str]]]) -> None:
    """Write a table of quotes."""
    lines = [
        f"{at.isoformat(timespec='milliseconds').replace('+00:00', 'Z')},{SYMBOL},{bid},{ask}\n"
        for at, (_, bid, ask, *_) in rows
    ]
    path.write_text("receive_time,symbol,bid,ask\n" + "".join(lines), encoding="utf-8")


@pytest.fixture
def deployment(broker: str, database: str, tmp_path: Path) -> Iterator[Carried]:
    with carried(tmp_path / "carried", broker, database) as one, governed(one.folder):
        yield one


def warmed(one: Carried, source: Path, until: str) -> str:
    """Have a source decided as fast as it goes; return the position of the last outcome."""
    worker = one.worker(WORKER)
    worker.start()
    sent = one.done("feed", "--source", str(source), "--to", until, "--json").json["contexts"]

    def all_decided() -> bool:
        status = shown(one)
        return status is not None and status.contexts >= sent

    awaited(all_decided, worker.said())
    status = shown(one)
    assert status is not None
    assert status.position is not None
    return status.position


def shown(one: Carried) -> WorkerStatus | None:
    """Return what the worker's page of the symbol's partition says."""
    pages = read_pages(one.folder / "var" / "workers")
    found = [seen.status for seen in pages if seen.status is not None]
    return next((status for status in found if status.worker == f"{WORKER}.p0"), None)


def start_loop(one: Carried, after: str) -> None:
    """Start the example."""
    example = str(ROOT / "examples" / "live_loop.py")
    one.start("loop", [sys.executable, example, str(one.folder), "--after", after])


def acted(folder: Path) -> list[tuple[str, float]]:
    """Return every order that a loop placed: the decision, and how much."""
    lines = (folder / "venue.jsonl").read_text(encoding="utf-8").splitlines()
    placed = [one for one in map(json.loads, lines) if one.get("event") == "placed"]
    return [(one["order_id"], one["quantity"]) for one in placed]


def settle(folder: Path, url: str) -> float:
    """Report what the loop left unreported; return what the venue holds."""
    with SimulatedVenue(journal=folder / "venue.jsonl", habits=HABITS) as venue:
        with connect_sync(url) as client:
            for due in venue.unreported:
                client.report(due.record)
                venue.mark_reported(due)
        return venue.position(SYMBOL)


def asked(url: str) -> Decision:
    """Return what is decided now, after all that was reported."""
    with connect_sync(url) as client:
        at_ns = int((TRADED_UNTIL + timedelta(hours=2)).timestamp()) * 1_000_000_000
        context = Context(
            feed="desk-1",
            symbol=SYMBOL,
            sequence=1,
            event_ns=at_ns,
            receive_ns=at_ns,
            bid=1.3866,
            ask=1.38662,
        )
        decision = client.decide(context).decision
    assert decision is not None
    return decision


def executed(folder: Path) -> list[str]:
    """Return everything that happened at a venue, but for when its positions were asked for."""
    lines = (folder / "venue.jsonl").read_text(encoding="utf-8").splitlines()
    return [one for one in lines[1:] if json.loads(one).get("event") != "held"]


def test_loop_acts_on_the_same_decisions_over_both(
    deployment: Carried, ticks: Path, tmp_path: Path
) -> None:
    over_socket = tmp_path / "socket"
    over_socket.mkdir()
    after = warmed(deployment, ticks, BEFORE)
    with live_service(over_socket) as service:
        service.options = ("--source", str(ticks), "--speed", "10x")
        warm = ("--source", str(ticks), "--to", BEFORE, "--no-report")
        assert service.typed("run", "--log", str(service.log), *warm).status == 0
        start_loop(deployment, after)
        awaited(lambda: "state live" in deployment.printed("loop"), "the loop hears a worker")
        loop = socket_loop(service, over_socket)
        feed = ("feed", "--source", str(ticks), "--speed", "10x", "--from", AFTER)
        feeding = deployment.begin(*feed)
        service.start()
        token_of(service, over_socket)
        assert feeding.wait(timeout=60) == 0
        time.sleep(2.0)
        deployment.kill("loop")
        loop.kill()
        loop.wait()
        assert service.end() == 0
    assert acted(deployment.folder) == acted(over_socket)
    assert executed(deployment.folder) == executed(over_socket)
    assert len(acted(over_socket)) > 1
    assert deployment.workers[WORKER].end() == 0


def socket_loop(service: LiveService, folder: Path) -> subprocess.Popen[bytes]:
    """Start the example beside a service that is about to start."""
    (folder / "token").touch()
    told = {
        "TORGHUT_URL": f"unix://{service.socket}",
        "TORGHUT_TOKEN_FILE": str(folder / "token"),
    }
    words = [sys.executable, str(ROOT / "examples" / "live_loop.py"), str(folder)]
    with (folder / "loop.out").open("ab") as out:
        return subprocess.Popen(words, env=environment(folder) | told, stdout=out, stderr=out)


def token_of(service: LiveService, folder: Path) -> None:
    """Give a loop its token; it is read anew for every connection."""
    (folder / "token").write_text(service.token("report"), encoding="utf-8")


def test_kills_of_worker_and_loop_lose_nothing_and_double_nothing(
    deployment: Carried, recorded_data: Path
) -> None:
    source = recorded_data / "lean-forex" / "tick" / "eurusd"
    mode = ModeChanged(control_id="live", symbol=SYMBOL, mode="live", notional_cap=100_000.0)
    (deployment.folder / "mode.jsonl").write_text(mode.model_dump_json(), encoding="utf-8")
    deployment.done("feed", "--control", "mode.jsonl")
    after = warmed(deployment, source, "2014-05-01T07:22:59.999Z")
    listen(deployment, after)
    begin = ("--from", "2014-05-01T07:23:00Z")
    feeding = deployment.begin("feed", "--source", str(source), "--speed", "10x", *begin)
    worker = deployment.workers[WORKER]
    for victim, after_s in COURSE:
        time.sleep(after_s)
        if victim == "worker":
            worker.end(signal.SIGKILL)
            worker.start()
        else:
            deployment.kill("loop")
            deployment.kill("audit")
            listen(deployment, after)
    time.sleep(16.0)
    feeding.terminate()
    assert feeding.wait(timeout=60) == 0
    deployment.kill("loop")
    held = settle(deployment.folder, deployment.url)
    compare(deployment, after)
    decision = asked(deployment.url)
    assert (decision.position, decision.position_basis) == (held, "reported")
    assert worker.end() == 0
    audited = deployment.audit()
    assert audited.status == 0, audited.out + audited.err


def listen(one: Carried, after: str) -> None:
    """Start the loop, and beside it what writes down all that it hears."""
    start_loop(one, after)
    one.start("audit", [sys.executable, "-c", _AUDIT, str(one.folder), after])


def compare(one: Carried, after: str) -> None:
    """Compare what was decided with what was heard and acted on."""
    with connect_sync(one.url) as client:
        decided = [str(told.position) for told in client.decisions(after, follow=False)]

    def heard() -> set[str]:
        lines = (one.folder / "audit").read_text(encoding="utf-8").splitlines()
        return {line.split()[0] for line in lines}

    awaited(lambda: heard() >= set(decided), "every outcome is heard")
    one.kill("audit")
    assert heard() == set(decided)
    assert len(decided) > 100
    orders = [order for order, _ in acted(one.folder)]
    assert orders
    assert len(orders) == len(set(orders)), "a decision was acted on twice"
