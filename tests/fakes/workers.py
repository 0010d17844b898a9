"""Workers that decide nothing: they keep a page, follow switch files and acknowledge.

Run as a program, ``python -m tests.fakes.workers ARTIFACTS NAME``, one lives until it is killed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.switches.folder import SwitchFiles
from torghut.adapters.filesystem.worker_pages import HeldPage, read_pages
from torghut.adapters.system.clock import RandomIds, SystemClock
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.switch_ports import ThrownSwitch

_ROOT: Final = Path(__file__).resolve().parents[2]
_POLL_S: Final = 0.02
_PATIENCE_S: Final = 20.0


def status_of(worker: str = "worker-0", **changes: object) -> WorkerStatus:
    """Return the status of a worker that serves and has nothing to complain of."""
    now_ns = SystemClock().now_ns()
    facts: dict[str, object] = {
        "worker": worker,
        "pid": os.getpid(),
        "phase": "serving",
        "started_wall_ns": now_ns,
        "written_wall_ns": now_ns,
        "log": "var/logs/live.log",
        "api": "http://127.0.0.1:8787",
        "source": "api:",
        "speed": 1.0,
        "state": "live",
        "reason": "",
        "position": "0:12:3",
        "contexts": 1240,
        "decisions": 1234,
        "refused": 6,
        "control_records": 2,
        "last_decision_wall_ns": now_ns,
        "lag_ms": 12.0,
        "pending": 3,
        "subscribers": 2,
        "symbols": [
            {
                "symbol": "fxcm:EURUSD",
                "mode": "paper",
                "notional_cap": 100_000.0,
                "position": 12_000.0,
                "position_basis": "paper",
                "target": 12_000.0,
                "decisions": 1234,
            }
        ],
        "packages": {"index-daily": "ab" * 32},
        "declarations": "cd" * 32,
        "kernel_version": 2,
        "switches": [],
        "latch": False,
        "degraded": [],
        "acknowledged": [],
    }
    return WorkerStatus.model_validate(facts | changes)


@dataclass(slots=True)
class FakeWorker:
    """Follows the switch files below a folder and acknowledges what it reads.

    Attributes:
        artifacts: The folder.
        name: Its own.
        released: Ids of throws that were released; their files were left behind.
        hears: Whether it looks at the switch files at all.
        speaks: Whether it writes its page.
        said: What else stands on its page.
    """

    artifacts: Path
    name: str = "worker-0"
    released: set[str] = field(default_factory=set)
    hears: bool = True
    speaks: bool = True
    said: Mapping[str, object] = field(default_factory=dict)
    _thrown: Sequence[ThrownSwitch] = ()
    _acknowledged: dict[str, int] = field(default_factory=dict)

    def live(self, ended: threading.Event) -> None:
        """Live until ``ended``."""
        page = HeldPage(self.artifacts / "workers", self.name)
        folder = SwitchFiles(self.artifacts / "switches", ids=RandomIds(), wall=SystemClock())
        try:
            while not ended.wait(_POLL_S):
                if self.speaks:
                    page.write(self._look(folder))
        finally:
            page.close()

    def _look(self, folder: SwitchFiles) -> WorkerStatus:
        if self.hears:
            self._thrown = folder.thrown()
        for one in self._thrown:
            self._acknowledged.setdefault(one.throw_id, SystemClock().now_ns())
        in_force = [
            one for one in self._thrown if not one.drill and one.throw_id not in self.released
        ]
        stopped = any(one.name == "stop" for one in in_force)
        return status_of(
            self.name,
            state="stopped" if stopped else "live",
            reason="switch stop thrown" if stopped else "",
            switches=[
                {
                    "name": one.name,
                    "throw_id": one.throw_id,
                    "who": one.who,
                    "reason": one.reason,
                    "thrown_wall_ns": one.thrown_wall_ns,
                    "recorded": True,
                }
                for one in in_force
            ],
            acknowledged=[
                {"throw_id": throw_id, "wall_ns": wall_ns}
                for throw_id, wall_ns in self._acknowledged.items()
            ],
            **self.said,
        )


@contextlib.contextmanager
def living(worker: FakeWorker) -> Iterator[None]:
    """Let a worker live, in a thread of this process, until the end of the block."""
    ended = threading.Event()
    thread = threading.Thread(target=worker.live, args=(ended,), daemon=True)
    thread.start()
    try:
        spoken(worker.artifacts, worker.name)
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def living_apart(artifacts: Path, name: str = "worker-0") -> Iterator[subprocess.Popen[bytes]]:
    """Let a worker live in a process of its own, which may be halted or killed."""
    code = ("-m", "tests.fakes.workers", str(artifacts), name)
    environment = {"PYTHONPATH": f"{_ROOT / 'src'}{os.pathsep}{_ROOT}", "PATH": os.defpath}
    with subprocess.Popen([sys.executable, *code], cwd=_ROOT, env=environment) as process:
        try:
            spoken(artifacts, name)
            yield process
        finally:
            process.kill()
            process.wait()


def spoken(artifacts: Path, name: str) -> None:
    """Wait until a worker has written its page."""
    for _ in range(int(_PATIENCE_S / _POLL_S)):
        for seen in read_pages(artifacts / "workers"):
            if seen.worker == name and seen.alive and seen.status is not None:
                return
        time.sleep(_POLL_S)
    raise AssertionError(name)


if __name__ == "__main__":
    FakeWorker(Path(sys.argv[1]), sys.argv[2]).live(threading.Event())
