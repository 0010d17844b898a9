"""Switches on a file system that is really full; run in a mount namespace of its own."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.workers import status_of
from tests.support.machine.namespaces import mount_small
from torghut.adapters.filesystem.switches.folder import SwitchFiles
from torghut.adapters.filesystem.worker_pages import HeldPage, read_pages
from torghut.schemas.live.worker import SwitchThrownFile


def fill(folder: Path) -> None:
    """Write until nothing more can be written."""
    descriptor = os.open(folder / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for size in (65_536, 4096, 1):
        try:
            while True:
                os.write(descriptor, b"x" * size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    os.close(descriptor)


def thrown_on_a_full_disk(folder: Path) -> Mapping[str, object]:
    """Make room, fill the disk, throw twice, write a page, release, and throw again."""
    mount_small(folder, "1m")
    files = SwitchFiles(folder / "switches", ids=CountingIds(), wall=HandClock())
    files.prepare()
    page = HeldPage(folder / "workers", "worker-0")
    fill(folder)
    for throw_id in ("throw-1", "throw-2"):
        files.throw(
            SwitchThrownFile(
                name="stop", throw_id=throw_id, reason=throw_id, who="ann", thrown_wall_ns=1
            )
        )
    page.write(status_of(contexts=7))
    thrown = files.thrown()
    for one in thrown:
        files.retire("stop", one.throw_id)
    (seen,) = read_pages(folder / "workers")
    return {
        "thrown": [one.reason for one in thrown],
        "released": files.thrown() == [],
        "page": seen.status is not None and seen.status.contexts,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(thrown_on_a_full_disk(Path(sys.argv[1]))))
