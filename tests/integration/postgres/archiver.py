"""Archives a log in small files: as a process that may be killed, or for a test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from tests.fakes.clock import CountingIds, HandClock
from tests.support.machine.servers import address_of
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.postgres.store import PostgresLog
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.envelopes import Causes
from torghut.schemas.block import BlocksArchived
from torghut.workflows.archiving import Archiving

CAUSES: Final = Causes(correlation_id="archiving", causation_id="archiving")
FILE_BYTES: Final = 8_000
"""A few blocks of tests."""


def open_archiving(url: str, artifacts: ArtifactStore) -> PostgresLog:
    """Open a log whose archived blocks go to small files."""
    opening = import_module("torghut.adapters.postgres.opening")
    log: PostgresLog = opening.open_log(
        address_of(url), clock=HandClock(), ids=CountingIds(), artifacts=artifacts
    )
    log.archive_bytes = FILE_BYTES
    return log


def archive_all(log: PostgresLog, *, keep_blocks: int) -> Sequence[BlocksArchived]:
    """Archive what may go."""
    archiving = Archiving(log=log, keep_blocks=keep_blocks, told=lambda _done, _total: None)
    return asyncio.run(archiving.run(CAUSES))


def main(url: str, folder: str) -> None:
    """Archive what the words say."""
    archive_all(open_archiving(url, FolderArtifacts(Path(folder))), keep_blocks=5)


if __name__ == "__main__":
    main(*sys.argv[1:])
