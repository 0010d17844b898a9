"""Print the root of a made-up market, decided by whatever torghut this process imports.

Run as ``python -m tests.support.decisions.printed_root CACHE_FOLDER`` under other processors,
libraries or sources.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS, walk
from torghut.adapters.filesystem.machine_code.keeping import FolderCode
from torghut.decisions.kernel.engine import compiled_kernel
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import root_of_run
from torghut.workflows.decision_loop import Run, run_loop
from torghut.workflows.opening import Setup, open_fold

_COUNT = 20_000
_DIGITS = 9


async def printed_root(cache: Path) -> str:
    """Return the root over a walk of two currency pairs with a package that trades."""
    rows = walk(_COUNT, symbols=2, seed=11)
    for price in ("bid", "ask", "last"):  # what is decided on is the same: not all machines' exp is
        rows[price] = np.round(rows[price], _DIGITS)
    rows["receive_ns"] = START_NS + np.arange(_COUNT) * 7 * SECOND_NS
    rows["event_ns"] = rows["receive_ns"]
    log = InMemoryLog(clock=HandClock())
    setup = Setup(
        kernel=compiled_kernel(FolderCode(cache)),
        declarations=shipped(),
        packages={"fx-intraday": eager_package()},
    )
    opened = await open_fold(log, setup)
    source = ArraySource(rows=rows, symbols=("fxcm:EURUSD", "fxcm:NZDUSD"))
    await run_loop(Run(source=source, log=log, fold=opened.fold))
    return await root_of_run(log)


if __name__ == "__main__":
    print(asyncio.run(printed_root(Path(sys.argv[1]))))  # noqa: T201 - what it is for
