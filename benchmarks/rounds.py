"""Rounds: what is compared is measured in turn, on one machine, in short rounds."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.figures import Cost

ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much to do.

    Attributes:
        rounds: How often each thing is measured.
        quick: Whether to leave out what takes minutes.
    """

    rounds: int
    quick: bool


@dataclass(slots=True)
class Stopwatch:
    """CPU and wall time of a ``timed`` block; CPU is that of all threads of this process."""

    cpu_s: float = 0.0
    wall_s: float = 0.0

    def cost(self, count: int) -> Cost:
        """Return what ``count`` units took."""
        return Cost(count=count, cpu_s=self.cpu_s, wall_s=self.wall_s)


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Time what happens inside; garbage of before is collected first."""
    gc.collect()
    watch = Stopwatch()
    cpu, wall = time.process_time(), time.perf_counter()
    yield watch
    watch.cpu_s, watch.wall_s = time.process_time() - cpu, time.perf_counter() - wall


def interleave(
    rounds: int, works: Mapping[str, Callable[[], Cost]]
) -> Mapping[str, Sequence[Cost]]:
    """Return the costs of each of ``works``, measured in turn; every other round turns about.

    A round that nobody counts comes first.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        names = list(works)
        for name in names if turn % 2 else reversed(names):
            cost = works[name]()
            if turn:
                costs[name].append(cost)
    return costs


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder on the disk that logs are kept on; it is deleted afterwards."""
    parent = ROOT / "var" / "benchmarks"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)
