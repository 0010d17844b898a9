"""What a log does on a medium of its own; run in a mount namespace that ends with the process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.fakes.eventlog import listed, make_block, open_sqlite, run
from tests.support.machine.namespaces import mount, mount_small
from torghut.adapters.sqlite.store import read_log
from torghut.eventlog.block import Head
from torghut.eventlog.errors import LogReadError, LogWriteError


def read_only(folder: Path) -> Mapping[str, object]:
    """Open a log for writing and for reading where nothing can be written."""
    mount("--bind", str(folder), str(folder))
    mount("-o", "remount,ro,bind", str(folder))
    try:
        open_sqlite(folder / "log.db")
        refused = ""
    except LogWriteError as error:
        refused = error.obstacle
    try:
        log = read_log(folder / "log.db")
    except LogReadError as error:
        return {"writing": refused, "reading": error.obstacle}
    report = run(log.verify())
    run(log.close())
    return {"writing": refused, "reading": report.blocks, "intact": report.intact}


def small(folder: Path) -> Mapping[str, object]:
    """Fill a small file system with a log, then make it larger and go on."""
    mount_small(folder, "1m")
    path = folder / "log.db"
    log = open_sqlite(path)
    head = Head(partition=0)
    refused = ""
    while not refused:
        try:
            head = run(log.append(make_block(head, decisions=50)))
        except LogWriteError as error:
            refused = error.obstacle
    kept = run(log.head(0)) == head and run(log.verify(expect=head)).intact
    mount("-o", "remount,size=64m", str(folder))
    run(log.append(make_block(head, decisions=50)))
    run(log.close())
    log = open_sqlite(path)
    blocks = len(run(listed(log.blocks(0))))
    run(log.close())
    return {"writing": refused, "kept": kept, "went on": blocks == head.number + 2}


CASES: Final[Mapping[str, Callable[[Path], Mapping[str, object]]]] = {
    "read-only": read_only,
    "small": small,
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(CASES[sys.argv[1]](Path(sys.argv[2]))))
