"""A scheduler in a process of its own, with policies that a test can wait for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.decisions.declared import ROOT
from tests.support.machine.commands import PROGRAM, environment
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.artifacts.package import Package
from torghut.composition.governing import governance_events
from torghut.governance.lanes.queue import SubmitCandidate
from torghut.schemas.governing.lanes import LaneAsked
from torghut.schemas.rollout.lane import CandidateSpec, LogWindow
from torghut.schemas.rollout.run import ExecutionContext
from torghut.settings import DECLARATION_FOLDERS, DECLARATIONS_DIR
from torghut.workflows.lane.desk.candidates import FOLDER
from torghut.workflows.lane.running import lane_command

LEASE_MS: Final = 3000
BEAT_TTL_MS: Final = 2000
_START_S: Final = 90.0
_EARLY_RATIO: Final = 0.7
"""Of the time that a scheduler took at least to have the lease: so long before it is free."""

_LOOK_S: Final = 0.005
_GLANCE_S: Final = 0.0005

_HALTED: Final = frozenset("T")
_OVER: Final = frozenset(("", "X", "Z"))
"""Letters of the kernel for states of a process."""

Changes = Mapping[str, Sequence[tuple[str, str]]]
"""What of a declaration's text becomes what, by its file."""

QUICK: Final[Changes] = {
    "governance/policies/scheduler.yaml": [
        ("every_s: 60", "every_s: 1"),
        ("view_ms: 20000", "view_ms: 60000"),
        ("every_ms: 5000", "every_ms: 300"),
        ("time_to_live_ms: 30000", f"time_to_live_ms: {BEAT_TTL_MS}"),
        ("loop_ms: 2000", "loop_ms: 1000"),
    ],
    "governance/policies/safety.yaml": [
        ("staleness_grace_ms: 180000", "staleness_grace_ms: 1500"),
        ("staleness_streak: 3", "staleness_streak: 2"),
        ("recovery_evaluations: 3", "recovery_evaluations: 2"),
        ("proving_decisions: 10", "proving_decisions: 3"),
        ("time_to_live_ms: 30000", f"time_to_live_ms: {LEASE_MS}"),
    ],
    "streams/instruments/fxcm-EURUSD.yaml": [
        ("calendar: fx-new-york", "calendar: always-open"),
        ("decision_lifetime_ms: 10000", "decision_lifetime_ms: 1000"),
    ],
    "streams/instruments/fxcm-NZDUSD.yaml": [
        ("calendar: fx-new-york", "calendar: always-open"),
        ("decision_lifetime_ms: 10000", "decision_lifetime_ms: 1000"),
    ],
}
"""Cycles of a second under a lease of two, markets that never close, silence that soon stops."""


def declare(folder: Path, changes: Changes) -> Path:
    """Write the declarations of this checkout below ``folder``, changed."""
    for name in (*DECLARATION_FOLDERS, "evals", "ops"):
        if not (folder / name).exists():
            shutil.copytree(ROOT / name, folder / name)
    for file, pairs in changes.items():
        text = (folder / file).read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text, f"{file} does not say {old!r}"
            text = text.replace(old, new, 1)
        (folder / file).write_text(text, encoding="utf-8")
    return folder


@dataclass(slots=True, kw_only=True)
class Scheduler:
    """A scheduler of what is below ``folder``, started as often as it takes.

    Attributes:
        folder: Holds the artifacts in ``var``.
        words: The command that is run.
        declared: Folder of declarations.
        name: Of the file that it prints to.
        loads_s: The least time that it took to have the lease.
    """

    folder: Path
    words: Sequence[str]
    declared: Path
    name: str = "scheduler"
    process: subprocess.Popen[bytes] | None = None
    children: list[int] = field(default_factory=list)
    loads_s: float = _START_S

    @property
    def variables(self) -> Mapping[str, str]:
        """What its process is told."""
        return {**environment(self.folder), DECLARATIONS_DIR: str(self.declared)}

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Start it."""
        with (self.folder / f"{self.name}.out").open("ab") as out:
            self.process = subprocess.Popen(
                [*PROGRAM, *self.words, *more],
                cwd=self.folder,
                env=self.variables,
                stdout=out,
                stderr=out,
            )
        return self.process

    def begin(self, *more: str) -> None:
        """Start it for when the lease is free, again until it has it, and wait for that."""
        before = holder_of(self.folder)
        until = time.monotonic() + _START_S
        early_s = 0.0 if self.loads_s == _START_S else _EARLY_RATIO * self.loads_s
        while time.monotonic() < until:
            wait_until(lambda: not is_held(self.folder, after_s=early_s))
            process, began = self.start(*more), time.monotonic()
            while process.poll() is None and holder_of(self.folder) == before:
                time.sleep(_LOOK_S)
            if holder_of(self.folder) != before:
                self.loads_s = min(self.loads_s, time.monotonic() - began)
                return
        raise AssertionError(self.said())

    def running(self) -> bool:
        """Return whether it still runs."""
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, *, within_s: float = 60.0) -> int:
        """Send it a signal that ends it; return its status."""
        assert self.process is not None
        self.children = self.offspring()
        self.send(number)
        return self.process.wait(within_s)

    def offspring(self) -> list[int]:
        """Return its children by their ids."""
        assert self.process is not None
        pid = self.process.pid
        try:
            found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        except OSError:
            return []
        return [int(one) for one in found.split()]

    def kill_offspring(self) -> int:
        """End those of its children that are known at once; return how many of them lived."""
        return sum([kill(pid) for pid in self.children])

    def said(self) -> str:
        """Return what it printed, whenever it was started."""
        return (self.folder / f"{self.name}.out").read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """End everything that is left of it."""
        if self.process is not None and self.process.poll() is None:
            self.children = self.offspring()
            self.process.kill()
            self.process.wait()
        self.kill_offspring()


def lives(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    return _state_of(pid) not in _OVER


def kill(pid: int) -> bool:
    """End a process at once, and return whether it lived until then.

    It is halted first: what is found halted has not ended by itself, and cannot any more.
    """
    try:
        os.kill(pid, signal.SIGSTOP)
        while (state := _state_of(pid)) not in _HALTED | _OVER:
            time.sleep(_GLANCE_S)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return state in _HALTED


def _state_of(pid: int) -> str:
    """Return the letter by which the kernel calls the state of a process; empty if it is gone."""
    try:
        found = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return ""
    return found.rpartition(")")[2].split()[0]


def lease_of(folder: Path) -> Mapping[str, object]:
    """Return what the lease's file says; nothing before the first."""
    try:
        found: Mapping[str, object] = json.loads((folder / "var/governance.json").read_bytes())
    except FileNotFoundError:
        return {}
    return found


def holder_of(folder: Path) -> object:
    """Return who took the lease last."""
    return lease_of(folder).get("holder")


def is_held(folder: Path, *, after_s: float = 0.0) -> bool:
    """Return whether the lease is held so long from now, if nobody renews it."""
    expires_ns = int(str(lease_of(folder).get("expires_wall_ns", 0)))
    return expires_ns > time.time_ns() + round(after_s * 1e9)


def wait_until(
    condition: Callable[[], bool], *, within_s: float = _START_S, look_s: float = _LOOK_S
) -> None:
    """Wait until something holds; it is looked at every ``look_s`` seconds.

    Raises:
        TimeoutError: It does not.
    """
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(str(condition))
        time.sleep(look_s)


async def submit(
    root: Path, log: Path, candidate: Package, *, router: str, window: tuple[int, int]
) -> None:
    """Let a candidate wait for its run."""
    FolderPackageStore(root / FOLDER).save(candidate)
    asked = LaneAsked(
        candidate=CandidateSpec(
            kind="package", router=router, package=candidate.digest, declarations=None
        ),
        window=LogWindow(log=str(log), partition=0, first_ns=window[0], last_ns=window[1]),
        target="paper",
        context=ExecutionContext.model_validate(
            {
                "repository": "torghut",
                "base": "champion",
                "head": "candidate",
                "artifactPath": "var",
                "priorityId": "kills",
            }
        ),
        author=None,
    )
    command = SubmitCandidate(asked=asked, at_ns=time.time_ns())
    await lane_command(governance_events(root), command, "test")
