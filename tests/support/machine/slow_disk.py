"""A disk that is slow for a while: what some processes sync waits; they are not harmed.

``strace`` holds up every ``fsync`` and ``fdatasync`` of theirs, and lets go of them afterwards.
That wants no disk of one's own and no rights over the system, only the right to trace.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final

BUDGET_S: Final = 20.0
"""Longest that getting hold of processes, and letting go of them, may take."""

_SYNCS: Final = "fsync,fdatasync"
_SLEEPS: Final = "import time; time.sleep(60)"
_PAUSE_S: Final = 0.02


class SlowDiskError(RuntimeError):
    """Processes could not be held up, or not be let go of."""


@cache
def why_not() -> str:
    """Return why no disk can be slow here; empty if it can."""
    if _strace() is None:
        return "no strace on the path: install the system package strace"
    with subprocess.Popen([sys.executable, "-S", "-c", _SLEEPS]) as one:
        try:
            with slow_disk([one.pid], 0.1, Path("/dev/null")):
                return ""
        except SlowDiskError as error:
            return f"strace may not hold up what others sync here: {error}"
        finally:
            one.kill()


def _strace() -> str | None:
    return shutil.which("strace")


@contextmanager
def slow_disk(pids: Sequence[int], delay_s: float, told: Path) -> Iterator[None]:
    """Let everything that processes and their children sync take so much longer.

    Args:
        pids: Of the processes.
        delay_s: What each call takes longer, in seconds.
        told: Is written every call, with the path of what was synced.

    Raises:
        SlowDiskError: They cannot be traced, or are not let go of.
    """
    inject = f"inject={_SYNCS}:delay_enter={round(delay_s * 1e6)}"
    options = ["-f", "-qq", "-y", "-e", f"trace={_SYNCS}", "-e", "signal=none", "-e", inject]
    each = [word for pid in pids for word in ("-p", str(pid))]
    tracer = subprocess.Popen(
        [_strace() or "strace", *options, "-o", str(told), *each],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _await(pids, tracer, held=True)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)  # on which it lets go of them
        _, said = tracer.communicate(timeout=BUDGET_S)
    if tracer.returncode not in {-signal.SIGINT, 128 + signal.SIGINT}:
        message = f"strace ended with {tracer.returncode}: {said.strip()[-200:]}"
        raise SlowDiskError(message)
    _await(pids, tracer, held=False)


def _await(pids: Sequence[int], tracer: subprocess.Popen[str], *, held: bool) -> None:
    """Wait until all that there are of some processes are held, or none.

    Raises:
        SlowDiskError: That does not come to be.
    """
    until = time.monotonic() + BUDGET_S
    while not _settled([one for pid in pids for one in _held(pid)], held=held):
        if held and tracer.poll() is not None:
            assert tracer.stderr is not None
            raise SlowDiskError(tracer.stderr.read().strip()[-200:])
        if time.monotonic() > until:
            message = f"not within {BUDGET_S:g} s"
            raise SlowDiskError(message)
        time.sleep(_PAUSE_S)


def _settled(threads: Sequence[bool], *, held: bool) -> bool:
    """Return whether all threads are held and there are some, or whether none is."""
    return all(threads) and bool(threads) if held else not any(threads)


def _held(pid: int) -> Iterator[bool]:
    """Yield of each thread of a process whether it is held; nothing of one that ended."""
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        with suppress(OSError):
            lines = status.read_text("ascii", "replace").splitlines()
            yield from (line.split()[1] != "0" for line in lines if line.startswith("TracerPid:"))
