"""The scheduler: what its cycles cost the loop that it governs, and what they take themselves.

Both are the real commands. Cycles come once a second here, sixty times as often as declared, so
that what one of them costs stands out; the share is that of one a minute.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.figures import Goal, Line, Quantity, Result, spread
from benchmarks.market import MODEL
from benchmarks.rounds import ROOT, Effort, scratch_folder
from torghut.settings import ARTIFACT_DIR, DECLARATION_FOLDERS, DECLARATIONS_DIR

_RATE: Final = 1_000
_BATCH: Final = 20
_WATCHED_S: Final = 20.0
_QUICK_S: Final = 8.0
_WARM_S: Final = 3.0
_START_S: Final = 60
_MINUTE_S: Final = 60.0
_MS: Final = 1e3
_COMMAND: Final = "from torghut.entrypoints.cli import main; main()"
_POLICY: Final = "governance/policies/scheduler.yaml"
_PEAK: Final = re.compile(r"VmHWM:\s+([0-9]+) kB")


def measure_scheduling(effort: Effort) -> Iterator[Result]:
    """Measure what a scheduler's cycle costs a loop of 1,000 decisions/s, and takes itself."""
    watched_s = _QUICK_S if effort.quick else _WATCHED_S
    with scratch_folder() as folder:
        declared = _declared(folder)
        rounds = [
            _round(folder / f"round-{turn}", declared, watched_s)
            for turn in range(min(effort.rounds, 5))
        ]
    shares = [one.share for one in rounds]
    yield Line(
        measurement=f"a cycle a minute, beside a loop of {_RATE:,} decisions/s: the loop's CPU",
        unit="ms a cycle",
        cpu=median(one.added_ms for one in rounds),
        baseline="the same loop without a scheduler, a minute of it",
        cpu_ratio=median(shares),
        goals=(Goal(quantity=Quantity.CPU_RATIO, most=0.01),),
        note=(
            f"the loop takes {median(one.alone_ratio for one in rounds):.1%} of one CPU alone and "
            f"{median(one.beside_ratio for one in rounds):.1%} beside a scheduler that looks every "
            f"second; shares of {min(shares):.2%} to {max(shares):.2%}"
        ),
    )
    yield Line(
        measurement="a cycle of the scheduler itself",
        unit="ms",
        cpu=median(one.own_ms for one in rounds),
        baseline="a minute of the loop that it governs",
        cpu_ratio=median(one.own_share for one in rounds),
        spread_ratio=spread([one.own_ms for one in rounds]),
        note=(
            f"after {median(one.decisions for one in rounds):,.0f} decisions; each looks at what "
            "was decided since the one before"
        ),
    )
    yield Line(
        measurement="peak memory of torghut scheduler run",
        unit="MB",
        wall=median(one.peak_mb for one in rounds),
        spread_ratio=spread([one.peak_mb for one in rounds]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """CPU seconds of a loop alone and beside a scheduler, and what the scheduler took."""

    alone_s: float
    beside_s: float
    watched_s: float
    scheduler_s: float
    cycles: int
    peak_mb: float
    decisions: int

    @property
    def alone_ratio(self) -> float:
        """The loop's share of one CPU without a scheduler."""
        return self.alone_s / self.watched_s

    @property
    def beside_ratio(self) -> float:
        """The same with one."""
        return self.beside_s / self.watched_s

    @property
    def added_ms(self) -> float:
        """What one cycle costs the loop."""
        return (self.beside_s - self.alone_s) / self.cycles * _MS

    @property
    def share(self) -> float:
        """That of one cycle a minute, over the loop's own CPU in a minute."""
        return self.added_ms / _MS / (self.alone_ratio * _MINUTE_S)

    @property
    def own_ms(self) -> float:
        """What one cycle takes the scheduler."""
        return self.scheduler_s / self.cycles * _MS

    @property
    def own_share(self) -> float:
        """That of one cycle a minute, over the loop's own CPU in a minute."""
        return self.own_ms / _MS / (self.alone_ratio * _MINUTE_S)


@dataclass(slots=True)
class _Sender:
    """Sends a thousand quotes a second to a service's standard input.

    Attributes:
        service: That decides them.
        sent: How many, so far.
    """

    service: subprocess.Popen[bytes]
    sent: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Send from now on, in a thread."""
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Send no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _send(self) -> None:
        due, pipe = time.monotonic(), self.service.stdin
        while pipe is not None and not self._ended.wait(max(0.0, due - time.monotonic())):
            pipe.write(b"".join(_quote(self.sent + number) for number in range(_BATCH)))
            pipe.flush()
            self.sent += _BATCH
            due += _BATCH / _RATE


def _quote(number: int) -> bytes:
    """Return a quote as a sender writes it."""
    price = 1.3 + 1e-5 * (number % 7)
    quote = {"feed": "bench", "symbol": MODEL, "sequence": number, "bid": price, "ask": price}
    return json.dumps(quote).encode() + b"\n"


def _declared(folder: Path) -> Path:
    """Write the declarations of this checkout, with cycles of a second."""
    declared = folder / "declared"
    for name in (*DECLARATION_FOLDERS, "evals", "ops"):
        shutil.copytree(ROOT / name, declared / name)
    text = (declared / _POLICY).read_text(encoding="utf-8")
    (declared / _POLICY).write_text(text.replace("every_s: 60", "every_s: 1"), encoding="utf-8")
    return declared


def _round(folder: Path, declared: Path, watched_s: float) -> _Round:
    """Watch a loop alone, beside a scheduler, and alone again."""
    folder.mkdir()
    variables = {ARTIFACT_DIR: str(folder), DECLARATIONS_DIR: str(declared)}
    log = folder / "live.log"
    words = ("serve", "--source", "-", "--listen", "127.0.0.1:0", "--log", str(log))
    with _running(words, variables) as service:
        sender = _Sender(service)
        sender.begin()
        try:
            _wait_for(lambda: _pages(folder))
            time.sleep(_WARM_S)
            before_s = _spent(service.pid, watched_s)
            with _running(("scheduler", "run", "--log", str(log)), variables) as scheduler:
                _wait_for(lambda: _notes(folder) > 0)
                before, begun_s = _notes(folder), _cpu_s(scheduler.pid)
                beside_s = _spent(service.pid, watched_s)
                cycles, took_s = _notes(folder) - before, _cpu_s(scheduler.pid) - begun_s
                decisions, peak_mb = sender.sent, _peak_mb(scheduler.pid)
            after_s = _spent(service.pid, watched_s)
        finally:
            sender.end()
    return _Round(
        alone_s=(before_s + after_s) / 2,
        beside_s=beside_s,
        watched_s=watched_s,
        scheduler_s=took_s,
        cycles=cycles,
        peak_mb=peak_mb,
        decisions=decisions,
    )


@contextmanager
def _running(
    words: tuple[str, ...], variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Give a command that runs, and end it afterwards."""
    child = subprocess.Popen(  # noqa: S603 - commands of this module
        [sys.executable, "-c", _COMMAND, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, **variables},
    )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        if child.stdin is not None:
            child.stdin.close()
        child.wait(timeout=_START_S)


def _wait_for(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + _START_S
    while not condition():
        if time.monotonic() > until:
            message = "a service or scheduler that was just started does nothing"
            raise RuntimeError(message)
        time.sleep(0.05)


def _pages(folder: Path) -> bool:
    """Return whether a worker serves."""
    pages = (folder / "workers").glob("*.page")
    return any(b'"serving"' in page.read_bytes() for page in pages)


def _notes(folder: Path) -> int:
    """Return how many cycles are over."""
    return len(list((folder / "notes").glob("iteration-*.md")))


def _spent(pid: int, watched_s: float) -> float:
    """Return the CPU time that a process takes meanwhile."""
    begun = _cpu_s(pid)
    time.sleep(watched_s)
    return _cpu_s(pid) - begun


def _cpu_s(pid: int) -> float:
    """Return the time that a process has run so far, threads that are over included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    """Return the peak of a process's resident memory."""
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else float("nan")
