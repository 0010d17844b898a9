"""What may go wrong with a distributed deployment, drawn by a seed while contexts are sent."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ops.servers.broker import BrokerCluster
from ops.servers.database import DatabaseServer
from tests.fakes.proxy import Proxy
from tests.support.carrying.deployments import Carried, Worker, awaited
from tests.support.carrying.poisoning import POISON, Place, send_poison
from tests.support.machine.slow_disk import slow_disk, why_not
from torghut.kernel.times import instant

SESSION_S: Final = 10.0
"""After so long without a sign of life a worker's partitions are given to others."""

WINDOW_S: Final = 60
CONTEXTS: Final = 600
"""In each window of the source."""

PARTITIONS: Final = 12
DOSES_MAX: Final = 3
"""Records that are no contexts, at most, in each round."""

_UNREACHABLE: Final = 7
_DEFECTS: Final = ('"event":"defect"', "cli.unforeseen", "Traceback")
_NS: Final = 1_000_000_000
_FEED_S: Final = 120.0
_BEGIN_S: Final = 1_399_291_200  # Monday 2014-05-05, 12:00 UTC
_SYMBOLS: Final[Mapping[str, float]] = {
    "fxcm:EURUSD": 1.38,
    "fxcm:NZDUSD": 0.87,
    "binance-spot:BTCUSDT": 61_700.0,
    "binance-spot:ETHUSDT": 2_600.0,
    "binance-usdm:BTCUSDT": 61_650.0,
}
"""On four partitions, one of which has two."""


def market(rounds: int, draw: random.Random) -> str:
    """Return quotes of a few symbols, ``CONTEXTS`` in each of so many windows, as CSV."""
    prices, names = dict(_SYMBOLS), tuple(_SYMBOLS)
    lines = ["symbol,event_time,bid,ask"]
    for place in range(rounds * CONTEXTS):
        name = names[place % len(names)]
        prices[name] *= 1.0 + draw.gauss(0.0, 2e-5)
        # Never at a whole second, so that windows cut between two of them.
        time_ns = _BEGIN_S * _NS + place * (WINDOW_S * _NS // CONTEXTS) + 33_000_000
        bid, ask = prices[name] * (1 - 5e-6), prices[name] * (1 + 5e-6)
        lines.append(f"{name},{time_ns},{bid:.5f},{ask:.5f}")
    return "\n".join(lines) + "\n"


def window(number: int) -> Sequence[str]:
    """Return the options that choose one window of the source."""
    begin_ns = (_BEGIN_S + number * WINDOW_S) * _NS
    return ("--from", instant(begin_ns), "--to", instant(begin_ns + WINDOW_S * _NS))


@dataclass(slots=True, kw_only=True)
class Chaos:
    """A deployment whose parts fail one after the other, and several at once.

    Attributes:
        deployment: With its workers.
        cluster: The broker.
        server: The database.
        to_broker: The ways to its nodes.
        to_database: The way of each worker to it.
        source: What is sent, window by window.
        draw: The course.
        options: Of every worker.
        kept: Contexts that the broker is known to have taken, repeated ones as well.
        poison: Where each record that is no context stands, as the broker said.
        befell: What went wrong, and how often.
        held_up: How often a slow disk let a server wait, by the server.
    """

    deployment: Carried
    cluster: BrokerCluster
    server: DatabaseServer
    to_broker: Sequence[Proxy]
    to_database: Mapping[str, Proxy]
    source: str
    draw: random.Random
    options: Sequence[str] = ()
    kept: int = 0
    poison: list[Place] = field(default_factory=list)
    befell: Counter[str] = field(default_factory=Counter)
    held_up: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> Mapping[str, Callable[[], None]]:
        """What may go wrong; a slow disk only where one can be had."""
        return {
            **({} if why_not() else {"disk slow": self._slow_disk}),
            "worker killed": self._kill_worker,
            "worker halted past its session": self._halt_worker,
            "database killed": self._kill_database,
            "broker killed": self._kill_broker,
            "broker stands still": self._halt_broker,
            "worker cut off from the broker": self._cut_from_broker,
            "worker cut off from the database": self._cut_from_database,
            "database answers nobody": self._cut_all_from_database,
            "workers join and leave": self._storm,
            "worker asked to end": self._restart_worker,
        }

    def course(self, rounds: int) -> Sequence[str]:
        """Return what goes wrong in so many rounds: everything, in an order that is drawn."""
        names = list(self.faults) * (rounds // len(self.faults) + 1)
        del names[rounds:]
        self.draw.shuffle(names)
        return names

    def round(self, number: int, fault: str) -> None:
        """Send a window, sometimes with an earlier one, and poison, while something goes wrong."""
        numbers = [number]
        if self.draw.random() < 1 / 2:
            numbers.append(self.draw.randint(0, number))
        self.draw.shuffle(numbers)
        with (self.deployment.folder / "course").open("a") as course:
            course.write(f"{number}: {fault}, windows {numbers}\n")
        alone = self.draw.random() < 1 / 2
        if alone:  # blocks of them alone come of it
            self._send_poison()
        feeding = [self._feeding(one) for one in numbers]
        time.sleep(self.draw.uniform(0.0, 2.5))
        if not alone:
            self._send_poison()
        self.faults[fault]()
        self.befell[fault] += 1
        for one, process in zip(numbers, feeding, strict=True):
            self._await_fed(one, process)

    def send_control(self, file: str) -> None:
        """Send control records until the broker is known to have them."""

        def sent() -> bool:
            return self.deployment.run("feed", "--control", file).status == 0

        awaited(sent, "control records are sent", within_s=_FEED_S)

    def await_ready(self) -> None:
        """Wait until every worker that is to be there serves what it was given."""
        for one in self.deployment.workers.values():
            check_not_ended(one)
            if not one.running:
                one.start()
            one.await_ready()

    def defects(self) -> Sequence[str]:
        """Return what workers said of errors that nobody foresaw."""
        return defects_in(self.deployment.folder)

    def _await_fed(self, number: int, process: subprocess.Popen[bytes]) -> None:
        """Wait until a window was sent whole, however often it takes."""
        until = time.monotonic() + _FEED_S
        while (status := process.wait(_FEED_S)) != 0:
            assert status == 7, f"the feed ended with {status}"
            assert time.monotonic() < until, "a window could not be sent"
            process = self._feeding(number)
        self.kept += CONTEXTS

    def _feeding(self, number: int) -> subprocess.Popen[bytes]:
        return self.deployment.begin("feed", "--source", self.source, *window(number))

    def _send_poison(self) -> None:
        """Send some records that are no contexts, wherever."""
        doses = [
            (self.draw.randrange(PARTITIONS), self.draw.choice(POISON))
            for _ in range(self.draw.randint(1, DOSES_MAX))
        ]
        self.poison += send_poison(self.deployment.bootstrap, doses)

    def _some_worker(self) -> Worker:
        return self.draw.choice(list(self.deployment.workers.values()))

    def _kill_worker(self) -> None:
        _start_again(self._some_worker(), signal.SIGKILL)

    def _restart_worker(self) -> None:
        _start_again(self._some_worker(), signal.SIGTERM)

    def _halt_worker(self) -> None:
        one = self._some_worker()
        one.send(signal.SIGSTOP)
        time.sleep(SESSION_S + self.draw.uniform(1.0, 3.0))
        one.send(signal.SIGCONT)

    def _kill_database(self) -> None:
        self.server.kill()
        time.sleep(self.draw.uniform(0.0, 3.0))
        self.server.start()

    def _kill_broker(self) -> None:
        number = self.draw.randint(1, len(self.cluster.nodes))
        self.cluster.kill(number)
        time.sleep(self.draw.uniform(0.0, 3.0))
        self.cluster.restart(number)

    def _halt_broker(self) -> None:
        number = self.draw.randint(1, len(self.cluster.nodes))
        self.cluster.suspend(number)
        time.sleep(self.draw.uniform(0.5, 4.0))
        self.cluster.resume(number)

    def _cut_from_broker(self) -> None:
        name, how = self._some_worker().name, self.draw.choice(("stall", "reset"))
        for way in self.to_broker:
            way.cut("stall" if how == "stall" else "reset", name)
        time.sleep(self.draw.uniform(0.5, SESSION_S + 2.0))
        for way in self.to_broker:
            way.mend()

    def _cut_from_database(self) -> None:
        way = self.to_database[self._some_worker().name]
        way.cut("stall" if self.draw.random() < 1 / 2 else "reset")
        time.sleep(self.draw.uniform(0.5, 6.0))
        way.mend()

    def _cut_all_from_database(self) -> None:
        for way in self.to_database.values():
            way.cut("stall")
        time.sleep(self.draw.uniform(0.5, 4.0))
        for way in self.to_database.values():
            way.mend()

    def _slow_disk(self) -> None:
        """Let whatever the database and the nodes sync take long: they share the disk."""
        told = self.deployment.folder / f"synced-{self.befell['disk slow']}"
        nodes = [pid for node in self.cluster.nodes if (pid := node.pid) is not None]
        with slow_disk((*self.server.pids, *nodes), self.draw.uniform(0.2, 2.0), told):
            time.sleep(self.draw.uniform(4.0, 8.0))
        assert len(self.server.pids) > 1, "the database did not outlive a slow disk"
        assert nodes == [node.pid for node in self.cluster.nodes], "a node did not, or was away"
        calls = told.read_text("utf-8", "replace")
        self.held_up["database"] += calls.count(f"<{self.server.folder}/")
        self.held_up["broker"] += calls.count(f"<{self.cluster.folder}/")

    def _storm(self) -> None:
        """Let one more worker join and leave, and one more again: each time all is shared anew."""
        for number in range(2):
            one = self.deployment.worker(f"guest-{number}", options=self.options)
            one.start()
            one.await_ready()
            _end(one, self.draw.choice((signal.SIGTERM, signal.SIGKILL)))
            del self.deployment.workers[one.name]


def check_not_ended(one: Worker) -> None:
    """Check that a worker did not end by itself, unless it reached no server."""
    status = None if one.process is None else one.process.poll()
    said = one.said()[-2000:]
    assert status in {None, _UNREACHABLE}, f"{one.name} ended by itself with {status}: {said}"


def defects_in(folder: Path) -> Sequence[str]:
    """Return what workers said of errors that nobody foresaw, wherever they met them."""
    outs = sorted(folder.glob("*.out"))
    lines = [line for out in outs for line in out.read_text("utf-8", "replace").splitlines()]
    return [line for line in lines if any(word in line for word in _DEFECTS)]


def _start_again(one: Worker, number: signal.Signals) -> None:
    """Let a worker end by a signal, where it did not find its servers away, and start it."""
    check_not_ended(one)
    if one.running:
        _end(one, number)
    one.start()


def _end(one: Worker, number: signal.Signals) -> None:
    """Let a worker end by a signal."""
    listened = one.listens
    status = one.end(number)
    if number is signal.SIGTERM:
        assert status == 0 or (status == -number and not listened), f"{status}: {one.said()}"
    else:
        assert status == -number, f"{status}: {one.said()}"
