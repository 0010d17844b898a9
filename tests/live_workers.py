"""A worker over a real broker and a real database, with a trading loop that listens to it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.commands import PROGRAM, Ended, environment
from tests.declared import ROOT
from tests.kernels import compiled
from tests.removing_topics import remove_topics
from torghut.adapters.filesystem.worker_pages import read_pages
from torghut.client import Position, connect_sync
from torghut.schemas.live.worker import WorkerStatus

BUDGET_S: Final = 60.0
_LOOK_S: Final = 0.1


@dataclass(slots=True, kw_only=True)
class Carried:
    """Processes of one deployment, in a folder.

    Attributes:
        folder: Where they work.
        broker: Where the broker is.
        database: Where the log is.
        children: What runs, by name.
    """

    folder: Path
    broker: str
    database: str
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where a trading loop finds it."""
        return f"kafka://{self.broker}"

    @property
    def variables(self) -> dict[str, str]:
        """What every process is told."""
        own = {"TORGHUT_KAFKA_BOOTSTRAP": self.broker, "TORGHUT_URL": self.url}
        return environment(self.folder) | own

    def typed(self, *arguments: str) -> Ended:
        """Return how a command ends."""
        ended = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=self.variables,
            check=False,
            capture_output=True,
            text=True,
            timeout=BUDGET_S,
        )
        return Ended(status=ended.returncode, out=ended.stdout, err=ended.stderr)

    def start(self, name: str, words: Sequence[str]) -> None:
        """Start a process; what it prints is in a file."""
        with (self.folder / f"{name}.out").open("ab") as out:
            self.children[name] = subprocess.Popen(
                words, cwd=self.folder, env=self.variables, stdout=out, stderr=out
            )

    def start_worker(self) -> None:
        """Start the worker."""
        words = ("worker", "--log", self.database, "--worker", "w0", "--listen", "127.0.0.1:0")
        self.start("worker", [*PROGRAM, *words])

    def start_loop(self, after: str) -> None:
        """Start the example."""
        example = str(ROOT / "examples" / "live_loop.py")
        self.start("loop", [sys.executable, example, str(self.folder), "--after", after])

    def start_feed(self, *options: str) -> None:
        """Send a source."""
        self.start("feed", [*PROGRAM, "feed", *options])

    def kill(self, name: str) -> None:
        """End a process at once."""
        child = self.children.pop(name)
        child.kill()
        child.wait()

    def end(self, name: str) -> int:
        """Ask a process to end; return its status."""
        child = self.children.pop(name)
        child.send_signal(signal.SIGTERM)
        return child.wait(timeout=BUDGET_S)

    def said(self, name: str) -> str:
        """Return what a process printed."""
        return (self.folder / f"{name}.out").read_text(encoding="utf-8", errors="replace")

    def decided(self, after: str) -> Sequence[Position]:
        """Return the position of everything that was decided after another."""
        with connect_sync(self.url) as client:
            return [one.position for one in client.decisions(after, follow=False)]

    def status(self, partition: int) -> WorkerStatus | None:
        """Return what the worker's page of a partition says."""
        pages = read_pages(self.folder / "var" / "workers")
        found = [one.status for one in pages if one.status is not None]
        return next((one for one in found if one.worker == f"w0.p{partition}"), None)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    for _ in range(int(BUDGET_S / _LOOK_S)):
        if condition():
            return
        time.sleep(_LOOK_S)
    raise AssertionError(what)


@contextlib.contextmanager
def carried(folder: Path, broker: str, database: str) -> Iterator[Carried]:
    """Yield a deployment with empty topics and no process; all of it is gone at the end."""
    compiled()
    folder.mkdir(exist_ok=True)
    one = Carried(folder=folder, broker=broker, database=database)
    asyncio.run(remove_topics(broker))
    try:
        assert one.typed("topics", "apply").status == 0
        yield one
    finally:
        for name in list(one.children):
            one.kill(name)
        asyncio.run(remove_topics(broker))
