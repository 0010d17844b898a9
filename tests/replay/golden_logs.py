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
from typing import Final, Literal

import zstandard

from tests.fakes.clock import CountingIds, HandClock
from tests.support.decisions.logs import contexts, fill, usual_setup
from tests.support.decisions.rows import RowArray
from torghut.adapters.sqlite.layout import LAYOUT_VERSION
from torghut.adapters.sqlite.store import open_log
from torghut.decisions.kernel.deciding import KERNEL_VERSION
from torghut.eventlog.counts import PartitionCounts
from torghut.eventlog.ports import DecisionLog
from torghut.market.ports import Arrival
from torghut.schemas.control import GovernanceHeartbeat, ModeChanged, RevisionFence
from torghut.workflows.lookup.stats import count

FOLDER: Final = Path(__file__).resolve().parent / "golden" / "logs"
_STATES: Final[tuple[Literal["fenced"], Literal["released"]]] = ("fenced", "released")
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


def _governed(rows: RowArray) -> list[Arrival]:
    """Return records by which live decisions are free, silent, free again, fenced and released."""
    silent, last = (int(rows["receive_ns"][place]) for place in (70, -1))
    fenced, released = (
        RevisionFence(
            control_id=f"r:{state}", revision="r1", state=state, decides="r1", reason="test"
        )
        for state in _STATES
    )
    return [
        Arrival(row=0, record=GovernanceHeartbeat(control_id="g1", epoch=1, expires_ns=silent)),
        Arrival(row=0, record=ModeChanged(control_id="m2", mode="live", notional_cap=250_000.0)),
        Arrival(row=90, record=GovernanceHeartbeat(control_id="g2", epoch=2, expires_ns=last)),
        Arrival(row=100, record=fenced),
        Arrival(row=110, record=released),
    ]


async def _write(path: Path) -> GoldenLog:
    """Decide contexts into a new log at ``path``, with control records and a shadow."""
    log, rows = open_log(path, clock=HandClock(), ids=CountingIds()), contexts(120)
    await fill(log, rows, batch=40, setup=usual_setup(shadow=True), more=_governed(rows))
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
