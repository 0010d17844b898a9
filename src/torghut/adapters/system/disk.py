"""What a folder's disk does: whether it takes writes, and how long making one durable takes."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BLOCK: Final = bytes(4096)
_WRITES: Final = 100
_BUDGET_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTimes:
    """How long ``fdatasync`` took after each of some writes of 4 kB.

    Attributes:
        writes: How many were measured.
        p50_ns: Half of them took no longer.
        p99_ns: And 99 %.
    """

    writes: int
    p50_ns: int
    p99_ns: int


@contextlib.contextmanager
def trial_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder below ``folder``; at the end all is as it was before.

    Raises:
        OSError: ``folder`` cannot be made or written.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    made: list[Path] = []
    try:
        for path in reversed(missing):
            path.mkdir()
            made.append(path)
        with tempfile.TemporaryDirectory(prefix=".trial-", dir=folder) as name:
            yield Path(name)
    finally:
        for path in reversed(made):
            path.rmdir()


def measure_sync(folder: Path) -> SyncTimes:
    """Return how long durable writes take in ``folder``: at most 100 of them, for a second.

    Raises:
        OSError: It cannot be written.
    """
    times: list[int] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        while len(times) < _WRITES and sum(times) < _BUDGET_NS:
            begin = time.monotonic_ns()
            os.write(file.fileno(), _BLOCK)
            os.fdatasync(file.fileno())
            times.append(time.monotonic_ns() - begin)
    times.sort()
    return SyncTimes(
        writes=len(times),
        p50_ns=times[(len(times) - 1) // 2],
        p99_ns=times[(len(times) - 1) * 99 // 100],
    )
