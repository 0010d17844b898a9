"""Golden logs: real files as older releases left them, with what was in them.

``python -m tests.replay.golden_logs`` writes the log of the present file layout and kernel version.
Files are only ever added. They are compressed because a log's file has much empty room.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from pathlib import Path
from typing import Final

import zstandard

from tests.fakes.clock import CountingIds, HandClock
from tests.logs import contexts, fill
from torghut.adapters.sqlite.layout import LAYOUT_VERSION
from torghut.adapters.sqlite.store import open_log
from torghut.decisions.kernel.deciding import KERNEL_VERSION
from torghut.eventlog.counts import PartitionCounts
from torghut.eventlog.ports import DecisionLog
from torghut.workflows.lookup.stats import count

FOLDER: Final = Path(__file__).resolve().parent / "golden" / "logs"
_NAME: Final = re.compile(r"layout-(\d+)-kernel-(\d+)")


class GoldenLog(PartitionCounts):
    """What a log held when it was written."""

    root: str


def names() -> list[str]:
    """Return the names of all golden logs, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def kernel_of(name: str) -> int:
    """Return the version of the kernel that decided a golden log."""
    named = _NAME.fullmatch(name)
    assert named is not None, f"golden logs are named layout-<n>-kernel-<n>, found {name}"
    return int(named[2])


def held(name: str) -> GoldenLog:
    """Return what a golden log held when it was written."""
    return GoldenLog.model_validate_json((FOLDER / f"{name}.json").read_bytes())


async def holding(log: DecisionLog) -> GoldenLog:
    """Return what ``log`` holds."""
    found = await count(log)
    return GoldenLog.model_validate({**found.counts.model_dump(), "root": found.root})


def unpacked(name: str, folder: Path) -> Path:
    """Return a golden log as a file in ``folder``, its heads file beside it."""
    path = folder / f"{name}.log"
    path.write_bytes(zstandard.decompress((FOLDER / f"{name}.log.zst").read_bytes()))
    Path(f"{path}.heads").write_bytes((FOLDER / f"{name}.log.heads").read_bytes())
    return path


async def _write(path: Path) -> GoldenLog:
    """Decide fifty contexts into a new log at ``path``, with control records and a shadow."""
    log = open_log(path, clock=HandClock(), ids=CountingIds())
    await fill(log, contexts(50), batch=20, shadow=True)
    found = await holding(log)
    await log.close()
    return found


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    target = f"layout-{LAYOUT_VERSION}-kernel-{KERNEL_VERSION}"
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "golden.log"
        holds = asyncio.run(_write(made))
        packed = zstandard.compress(made.read_bytes(), 19)
        (FOLDER / f"{target}.log.zst").write_bytes(packed)
        (FOLDER / f"{target}.log.heads").write_bytes(Path(f"{made}.heads").read_bytes())
    (FOLDER / f"{target}.json").write_text(
        json.dumps(holds.model_dump(), indent=2) + "\n", encoding="utf-8"
    )
