"""A worker on Faust decides what one on aiokafka decides, however it is ended and begun again."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import pytest

from tests.support.carrying.deployments import Carried, Worker, carried
from tests.support.machine.servers import Databases
from torghut.composition.working import Runtime

pytestmark = pytest.mark.timeout(400)

PRICES: Final = {"fxcm:EURUSD": 1.386, "fxcm:NZDUSD": 0.868}
CONTEXTS: Final = 1500
BEGIN_NS: Final = 1_399_032_000_000_000_000  # Friday 2014-05-02, 12:00 UTC
EVERY_NS: Final = 40_000_000
KILLS: Final = 3
TURNS: Final = 2


@pytest.fixture
def deployment(broker: str, database: str, tmp_path: Path) -> Iterator[Carried]:
    with carried(tmp_path, broker, database) as made:
        yield made


def begun(deployment: Carried, name: str, runtime: Runtime = "faust") -> Worker:
    """Return a worker of a deployment that was started."""
    made = deployment.worker(name, runtime=runtime)
    made.start()
    return made


def market(folder: Path, part: int = 0, contexts: int = CONTEXTS) -> str:
    """Return a source of so many contexts, later ones for a later part."""
    lines = ["symbol,event_time,bid,ask"]
    for place in range(part * contexts, (part + 1) * contexts):
        name, price = tuple(PRICES.items())[place % len(PRICES)]
        mid = price * (1 + 1e-5 * ((place * 7919) % 23 - 11))
        time_ns = BEGIN_NS + place * EVERY_NS
        lines.append(f"{name},{time_ns},{mid - 1e-5:.5f},{mid + 1e-5:.5f}")
    file = folder / f"market-{part}.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"csv:{file}?time=ns"


def feeding(deployment: Carried, part: int) -> subprocess.Popen[bytes]:
    """Return a process that sends one part of the market."""
    return deployment.begin("feed", "--source", market(deployment.folder, part))


def root(deployment: Carried, log: str) -> object:
    """Return what a log comes to."""
    return deployment.done("log", "stats", "--log", log, "--json").json["root"]


def test_faust_aiokafka_and_one_process_come_to_the_same_root(
    broker: str, databases: Databases, tmp_path: Path
) -> None:
    source = market(tmp_path)
    logs = {runtime: databases.make() for runtime in get_args(Runtime)}
    embedded = str(tmp_path / "embedded.log")
    roots = set[object]()
    for runtime, log in logs.items():
        with carried(tmp_path, broker, log) as deployment:
            sent = deployment.done("feed", "--source", source, "--json").json["contexts"]
            worker = begun(deployment, runtime, runtime)
            worker.await_ready()
            counted = deployment.settle(sent)
            assert worker.end() == 0, worker.said()
            assert counted["outcomes"] == counted["published"] == sent == CONTEXTS
            roots.add(root(deployment, log))
            if runtime == "faust":
                deployment.verify()
                deployment.done("run", "--source", source, "--log", embedded, "--no-report")
                roots.add(root(deployment, embedded))
        databases.drop(log)
    assert len(roots) == 1


def test_worker_on_faust_that_is_killed_loses_nothing_and_doubles_nothing(
    deployment: Carried,
) -> None:
    worker = begun(deployment, "one")
    worker.await_ready()
    for part in range(KILLS):
        sending = feeding(deployment, part)
        time.sleep(0.3 + 0.7 * part)  # before, while and after it decides
        worker.end(signal.SIGKILL)
        assert sending.wait(timeout=60) == 0
        worker.start()
    counted = deployment.settle(KILLS * CONTEXTS)
    assert counted["outcomes"] == counted["published"] == KILLS * CONTEXTS
    assert worker.end() == 0, worker.said()
    deployment.verify()


@pytest.mark.soak
def test_workers_on_faust_that_come_and_go_lose_nothing(deployment: Carried) -> None:
    one, two = begun(deployment, "one"), begun(deployment, "two")
    for part in range(TURNS):
        leaving = (one, two)[part % 2]
        leaving.await_ready()
        sending = feeding(deployment, part)
        time.sleep(1.0)
        assert leaving.end() == 0, leaving.said()
        assert sending.wait(timeout=60) == 0
        leaving.start()
    counted = deployment.settle(TURNS * CONTEXTS)
    assert counted["outcomes"] == counted["published"] == TURNS * CONTEXTS
    for worker in (one, two):
        assert worker.end() == 0, worker.said()
    deployment.verify()
