"""Processes that race for the lease, and die with it, never write between each other's writes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

CONTENDER: Final = Path(__file__).with_name("contender.py")
pytestmark = pytest.mark.timeout(120)


def contend(folder: Path, writes: int) -> subprocess.Popen[bytes]:
    """Start a process that wants the lease."""
    return subprocess.Popen([sys.executable, CONTENDER, str(folder), str(writes)])


def pairs(folder: Path) -> list[tuple[int, bytes]]:
    """Return who wrote under which epoch; a pair that another one broke fails."""
    lines = (folder / "written").read_bytes().splitlines()
    epochs: list[tuple[int, bytes]] = []
    while lines:
        first, *lines = lines
        if lines and lines[0] == first:
            lines = lines[1:]
        epoch, _, who = first.partition(b" ")
        epochs.append((int(epoch), who))
    return epochs


def test_racing_processes_write_one_after_the_other(tmp_path: Path) -> None:
    racing = [contend(tmp_path, 20) for _ in range(3)]

    assert [one.wait(100) for one in racing] == [0, 0, 0]
    written = pairs(tmp_path)
    epochs = [epoch for epoch, _ in written]
    assert len(written) == 60
    assert epochs == sorted(set(epochs)), "each epoch wrote once, in its order"
    assert len({who for _, who in written}) == 3


def test_killed_holder_keeps_nobody_out_for_longer_than_it_lives(tmp_path: Path) -> None:
    endless = contend(tmp_path, 10**9)
    deadline = 600
    while not (tmp_path / "written").exists() and deadline:
        deadline -= 1
        assert endless.poll() is None
        _rest()
    endless.send_signal(signal.SIGKILL)
    endless.wait(10)
    after = contend(tmp_path, 5)

    assert after.wait(60) == 0
    epochs = [epoch for epoch, _ in pairs(tmp_path)]
    assert epochs == sorted(set(epochs))
    assert f"process-{after.pid}".encode() in {who for _, who in pairs(tmp_path)}


def _rest() -> None:
    """Wait a little for another process."""
    time.sleep(0.05)
