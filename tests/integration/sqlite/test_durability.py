"""A power cut at any publication loses nothing that was published, by the trace of every fsync."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import pytest

from tests.fakes.eventlog import listed, open_sqlite, run
from tests.integration.sqlite.disk import CALLS, Call, Disk, read_calls
from torghut.eventlog.errors import HeadsFileMissingError, LogIntegrityError, TruncatedLogError

ROOT = Path(__file__).resolve().parents[3]
BLOCKS = 40  # past a checkpoint, after which the write-ahead log is written over

Publication = tuple[int, str]


def traced(folder: Path, synchronous: Literal["FULL", "OFF"]) -> Sequence[Call]:
    """Return what a publishing process asked its system to do."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("no strace on the path: install the system package strace")
    trace = folder / "trace"
    log = folder / "disk" / "log.db"
    log.parent.mkdir()
    command = [strace, "-f", "-y", "-xx", "-s", "100000", "-e", f"trace={CALLS}", "-o", str(trace)]
    ended = subprocess.run(
        [
            *command,
            sys.executable,
            "-m",
            "tests.integration.sqlite.publisher",
            str(log),
            str(BLOCKS),
            synchronous,
        ],
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    if "ptrace" in ended.stderr and ended.returncode:
        pytest.skip(f"strace may not trace here: {ended.stderr.strip()[:200]}")
    assert ended.returncode == 0, ended.stderr
    with trace.open(encoding="ascii") as lines:
        return list(read_calls(lines))


def publications(
    calls: Sequence[Call], folder: Path
) -> Iterator[tuple[Sequence[Publication], dict[str, bytes]]]:
    """Yield at each publication what is published with it, and what a power cut would leave."""
    disk = Disk(folder)
    published: list[Publication] = []
    for call in calls:
        if call.name == "write" and call.args.startswith("1<") and call.begins:
            number, digest = call.texts[0].decode().split()
            published.append((int(number), digest))
            yield published, disk.after_power_cut()
        disk.apply(call)


def lost(folder: Path, published: Sequence[Publication], files: dict[str, bytes]) -> list[int]:
    """Return which of the published blocks are not in the log that a power cut left."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    try:
        log = open_sqlite(folder / "log.db")
    except (LogIntegrityError, TruncatedLogError, HeadsFileMissingError):
        return [number for number, _ in published]
    found = {block.number: block.digest for block in run(listed(log.blocks(0)))}
    run(log.close())
    return [number for number, digest in published if found.get(number) != digest]


@pytest.mark.system
def test_what_is_published_survives_a_power_cut(tmp_path: Path) -> None:
    calls = traced(tmp_path, "FULL")

    losses = [
        lost(tmp_path / f"left-{len(published)}", published, files)
        for published, files in publications(calls, tmp_path / "disk")
    ]

    assert losses == [[]] * BLOCKS


@pytest.mark.system
def test_the_same_test_notices_a_store_that_does_not_sync(tmp_path: Path) -> None:
    calls = traced(tmp_path, "OFF")

    losses = [
        lost(tmp_path / f"left-{len(published)}", published, files)
        for published, files in publications(calls, tmp_path / "disk")
    ]

    assert len(losses) == BLOCKS
    assert all(losses)
