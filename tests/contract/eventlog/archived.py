"""A log in a database that has all its blocks in files whenever some are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from typing_extensions import override

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import CAUSES
from tests.support.machine.servers import address_of
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.postgres import opening
from torghut.adapters.postgres.store import PostgresLog
from torghut.eventlog.block import Block, Head
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.verification import VerifyProgress, VerifyReport
from torghut.workflows.archiving import Closed


class EagerlyArchived(PostgresLog):
    """A log that archives, snapshot or not, before it reads."""

    async def archive_all(self) -> None:
        """Put every block that is in a row into a file."""
        for partition in await self.partitions():
            first = (await self.closed(partition, keep_blocks=0)).first
            while first <= (last := (await self.head(partition)).number):
                left = Closed(partition=partition, first=first, last=last)
                first = (await self.archive(left, CAUSES)).last + 1

    @override
    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        await self.archive_all()
        async for block in super().blocks(partition, after=after):
            yield block

    @override
    async def load_snapshot(self, partition: int, key: str, /) -> Snapshot | None:
        await self.archive_all()
        return await super().load_snapshot(partition, key)

    @override
    async def save_snapshot(self, snapshot: Snapshot, /) -> None:
        await self.archive_all()
        await super().save_snapshot(snapshot)

    @override
    async def verify(
        self,
        *,
        expect: Head | None = None,
        progress: Callable[[VerifyProgress], None] | None = None,
    ) -> VerifyReport:
        await self.archive_all()
        return await super().verify(expect=expect, progress=progress)


def open_archived(url: str, folder: Path) -> PostgresLog:
    """Open the log at ``url`` with its files in ``folder``, a few blocks each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "PostgresLog", EagerlyArchived)
        log = opening.open_log(
            address_of(url),
            clock=HandClock(),
            ids=CountingIds(),
            artifacts=FolderArtifacts(folder / "artifacts"),
        )
    log.archive_bytes = 6_000
    return log
