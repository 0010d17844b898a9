"""Closed blocks leave the database for files, partition by partition, a file at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.block import BlocksArchived


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Blocks of one partition that nobody's next fold needs, and that are in no file yet.

    Attributes:
        first: Number of the first of them.
        last: Number of the last; below ``first`` there are none.
    """

    partition: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """Return how many there are."""
        return max(self.last - self.first + 1, 0)


class ArchivedLog(DecisionLog, Protocol):
    """A log whose closed blocks go to files, and are read from there as before."""

    async def closed(self, partition: int, /, *, keep_blocks: int) -> Closed:
        """Return which blocks of ``partition`` may go.

        Those up to the newest snapshot, but for the first block, which every fold asks for, and the
        last ``keep_blocks``.
        """
        ...

    async def archive(self, closed: Closed, causes: Causes, /) -> BlocksArchived:
        """Put the first of ``closed`` into one file, verify it, and delete their rows.

        Returns what the log says of it: the blocks after the last one there are still in rows.
        Done again after it was cut short, it ends what was begun.

        Raises:
            ConcurrencyConflictError: Somebody else archived some of them meanwhile.
            LogIntegrityError: They are not as they were written; nothing was deleted.
            ArtifactUnwritableError: The file cannot be written; nothing was deleted.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiving:
    """What is to be archived.

    Attributes:
        keep_blocks: Newest blocks of each partition that stay in any case.
        told: Says how far it is: blocks that are in files, and how many there are to be.
    """

    log: ArchivedLog
    keep_blocks: int
    told: Callable[[int, int], None]

    async def plan(self) -> Sequence[Closed]:
        """Return what may go, by partition; nothing is changed."""
        partitions = await self.log.partitions()
        found = [await self.log.closed(one, keep_blocks=self.keep_blocks) for one in partitions]
        return [closed for closed in found if closed.count]

    async def run(self, causes: Causes) -> Sequence[BlocksArchived]:
        """Archive everything that may go; return what the log says of each file."""
        files: list[BlocksArchived] = []
        plan = await self.plan()
        total, done = sum(closed.count for closed in plan), 0
        self.told(done, total)
        for closed in plan:
            left = closed
            while left.count:
                files.append(await self.log.archive(left, causes))
                done += files[-1].last - left.first + 1
                self.told(done, total)
                left = Closed(partition=left.partition, first=files[-1].last + 1, last=left.last)
        return files
