"""A distributed deployment in processes: workers by the command, topics and log on real servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.carrying.brokers import BOOTSTRAP
from tests.support.carrying.carriers import KafkaCarrier, heard
from tests.support.carrying.removing_topics import remove_topics
from tests.support.decisions.declared import ROOT
from tests.support.decisions.kernels import compiled
from tests.support.machine.commands import PROGRAM, Ended, environment
from torghut.carrying.messages import Received
from torghut.composition.working import Runtime

READY_S: Final = 90.0
"""Longest wait for a worker to serve what it was given."""

SETTLED_S: Final = 180.0
"""Longest wait for everything that was sent to be decided and told."""

_PAUSE_S: Final = 0.05
_AUDITED_S: Final = 1.0
"""Between audits, each of which costs as much as the decisions that are waited for."""

_ASKED_S: Final = 5.0
_COMMAND_S: Final = 300.0
_DRAIN_S: Final = 40.0


@dataclass(slots=True, kw_only=True)
class Worker:
    """One worker's process; it may be ended in any way and started again.

    Attributes:
        name: Of the worker.
        log: The database, as it reaches it.
        bootstrap: The broker, likewise.
        folder: It works in.
        variables: Environment variables, besides those of every test.
        runtime: What reads its contexts.
        options: Besides those that say where it works.
        process: Once it was started.
        since: Where in its output what it printed since then begins.
    """

    name: str
    log: str
    bootstrap: str
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    runtime: Runtime = "aiokafka"
    options: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None
    since: int = 0

    @property
    def out(self) -> Path:
        """What it prints."""
        return self.folder / f"{self.name}.out"

    @property
    def running(self) -> bool:
        """Whether its process is there, halted or not."""
        return self.process is not None and self.process.poll() is None

    @property
    def listens(self) -> bool:
        """Whether it has said where it listens since it was started."""
        return any(line.startswith("health ") for line in self.said()[self.since :].splitlines())

    def start(self) -> None:
        """Start it; whether it serves is another question."""
        self.since = len(self.said())
        words = ("worker", "--runtime", self.runtime, "--bootstrap", self.bootstrap)
        named = ("--log", self.log, "--worker", self.name, "--listen", "127.0.0.1:0")
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(
                [*PROGRAM, *words, *named, *self.options],
                cwd=self.folder,
                env={**environment(self.folder), **self.variables},
                stdout=out,
                stderr=out,
            )

    def unready(self) -> str:
        """Return why it is not ready; empty if it is."""
        lines = self.said()[self.since :].splitlines()
        addresses = [line.split()[1] for line in lines if line.startswith("health ")]
        if not addresses:
            return "it does not listen yet"
        try:
            with urllib.request.urlopen(addresses[-1], timeout=_ASKED_S):  # noqa: S310 - its own page
                return ""
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except OSError as error:
            return str(error)

    def await_ready(self) -> None:
        """Wait until it serves everything that it was given."""
        until = time.monotonic() + READY_S
        while why := self.unready():
            assert self.running, f"{self.name} ended: {self.said()}"
            assert time.monotonic() < until, f"{self.name}: {why}\n{self.said()}"
            time.sleep(_PAUSE_S)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal that ends it; return its status."""
        self.send(number)
        assert self.process is not None
        return self.process.wait(timeout=_DRAIN_S)

    def said(self) -> str:
        """Return what it printed, whenever it was started."""
        return self.out.read_text("utf-8", "replace") if self.out.exists() else ""


@dataclass(slots=True, kw_only=True)
class Carried:
    """Topics on a broker, a log in a database, workers, and what else runs beside them.

    Attributes:
        folder: Where everything works.
        bootstrap: Of the broker.
        log: Of the database.
        variables: Environment variables, besides those of every test.
        workers: By name.
        children: Other processes, by name.
    """

    folder: Path
    bootstrap: str
    log: str
    variables: Mapping[str, str] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where a trading loop finds it."""
        return f"kafka://{self.bootstrap}"

    @property
    def told(self) -> Mapping[str, str]:
        """What every process but a worker is told, which is told by its options."""
        own = {BOOTSTRAP: self.bootstrap, "TORGHUT_URL": self.url}
        return {**environment(self.folder), **own, **self.variables}

    def run(self, *arguments: str) -> Ended:
        """Return how a command ends, in a process of its own."""
        ended = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=self.told,
            check=False,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
        )
        return Ended(status=ended.returncode, out=ended.stdout, err=ended.stderr)

    def done(self, *arguments: str) -> Ended:
        """Return the same of a command that must end well."""
        ended = self.run(*arguments)
        assert ended.status == 0, f"{arguments}: {ended.out}{ended.err}"
        return ended

    def worker(
        self,
        name: str,
        *,
        log: str = "",
        runtime: Runtime = "aiokafka",
        options: Sequence[str] = (),
    ) -> Worker:
        """Return a worker that is not started yet.

        Args:
            name: That no other has.
            log: How it reaches the database, where that is not as all do.
            runtime: What reads its contexts.
            options: Besides those that say where it works.
        """
        made = Worker(
            name=name,
            log=log or self.log,
            bootstrap=self.bootstrap,
            folder=self.folder,
            variables=self.variables,
            runtime=runtime,
            options=options,
        )
        self.workers[name] = made
        return made

    def audit(self) -> Ended:
        """Return what the auditor says now."""
        return self.run("audit", "--log", self.log, "--json")

    def history(self, sent: Path, poison: Sequence[tuple[int, int]] = ()) -> Ended:
        """Return what a program that knows no Torghut says of everything; all must have ended.

        Args:
            sent: The contexts, all of them acknowledged.
            poison: Partition and offset of what is no context, likewise.
        """
        places = self.folder / "poison.json"
        places.write_text(json.dumps(poison), encoding="utf-8")
        module = (sys.executable, "-m", "tests.support.carrying.history_reading")
        ended = subprocess.run(
            [*module, self.bootstrap, self.log, "--sent", str(sent), "--poison", str(places)],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
        )
        return Ended(status=ended.returncode, out=ended.stdout, err=ended.stderr)

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Return a command that runs in a process of its own."""
        return self.start(f"begun-{len(self.children)}", [*PROGRAM, *arguments])

    def start(self, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """Return a process that was started; what it prints is in a file."""
        with self._out(name).open("ab") as out:
            self.children[name] = subprocess.Popen(
                words, cwd=self.folder, env=self.told, stdout=out, stderr=out
            )
        return self.children[name]

    def printed(self, name: str) -> str:
        """Return what a process printed, whenever it was started under that name."""
        return self._out(name).read_text("utf-8", "replace")

    def kill(self, name: str) -> None:
        """End a process at once."""
        self.children[name].kill()
        self.children[name].wait()

    def settle(self, records: int = 0) -> Mapping[str, int]:
        """Wait until all records have one outcome each, told once; return what was counted.

        Args:
            records: How many there are at least.
        """
        until = time.monotonic() + SETTLED_S
        while True:
            ended = self.audit()
            found = totals(ended) if ended.out else {}
            if ended.status == 0 and found["records"] >= records:
                return found
            unsettled = f"{records} were sent; {found}\n{ended.err}{self.said()}"
            assert ended.status in {0, 6, 7}, unsettled + ended.out
            assert time.monotonic() < until, unsettled
            time.sleep(_AUDITED_S)

    def verify(self) -> None:
        """Verify the log, and decide all of it again."""
        self.done("log", "verify", "--log", self.log)
        self.done("replay", "--verify", "--log", self.log)

    def said(self) -> str:
        """Return what every worker printed last."""
        return "\n".join(f"{name}: {one.said()[-2000:]}" for name, one in self.workers.items())

    def close(self) -> None:
        """End every process that is left."""
        for one in self.workers.values():
            if one.running:
                assert one.process is not None
                os.kill(one.process.pid, signal.SIGCONT)
                one.process.kill()
                one.process.wait()
        for name in self.children:
            self.kill(name)

    def _out(self, name: str) -> Path:
        return self.folder / f"{name}.out"


def totals(audited: Ended) -> Mapping[str, int]:
    """Return what an audit counted, of all partitions together."""
    names = ("records", "outcomes", "published", "waiting", "untold", "wrong")
    found: Sequence[Mapping[str, Any]] = audited.json["partitions"]
    return {name: sum(one[name] for one in found) for name in names}


@contextlib.contextmanager
def carried(
    folder: Path, bootstrap: str, log: str, variables: Mapping[str, str] | None = None
) -> Iterator[Carried]:
    """Give a deployment with the declared topics, without a worker; its topics go at the end."""
    compiled()
    folder.mkdir(exist_ok=True)
    deployment = Carried(folder=folder, bootstrap=bootstrap, log=log, variables=variables or {})
    asyncio.run(remove_topics(bootstrap))
    deployment.done("topics", "apply")
    try:
        yield deployment
    finally:
        deployment.close()
        asyncio.run(remove_topics(bootstrap))


async def consumed(bootstrap: str, topic: str) -> Sequence[Received]:
    """Return all committed records of a topic, partition by partition."""
    broker = KafkaCarrier(bootstrap).broker()
    reader = broker.reader()
    try:
        partitions = await reader.partitions(topic)
    finally:
        await reader.close()
    return [one for place in range(partitions) for one in await heard(broker, (topic, place))]


def awaited(condition: Callable[[], bool], what: str, *, within_s: float = READY_S) -> None:
    """Wait until something holds."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, f"{what}: not within {within_s:g} s"
        time.sleep(_PAUSE_S)


def written(path: Path, *records: Mapping[str, object]) -> str:
    """Write control records into a file, and return its path."""
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return str(path)
