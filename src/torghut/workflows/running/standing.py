"""Where a log stands: its counts and its root, kept up with every block instead of read again."""

from __future__ import annotations

from dataclasses import dataclass

from torghut.eventlog.block import Block, Head
from torghut.eventlog.counts import COUNTS, PartitionCounts, add_block
from torghut.eventlog.ports import DecisionLog, Snapshot
from torghut.eventlog.projections import project
from torghut.eventlog.roots import Frontiers, add_leaves, frontiers_of
from torghut.kernel.digests import run_root
from torghut.kernel.ids import SERVING
from torghut.workflows.decision_loop import Committed

_FRONTIERS = frontiers_of(SERVING)


@dataclass(slots=True, kw_only=True)
class Standing:
    """What a partition holds so far.

    Attributes:
        counts: To the unit.
        frontiers: The serving arm's trees, by symbol.
    """

    counts: PartitionCounts
    frontiers: Frontiers

    @property
    def root(self) -> str:
        """Return the run's root, 64 hex digits."""
        return run_root({name: tree.root() for name, tree in self.frontiers.items()})

    def observe(self, committed: Committed) -> None:
        """Take in a block that just became durable."""
        self.take(committed.block)

    def take(self, block: Block) -> None:
        """Take in the next block."""
        self.counts = add_block(self.counts, block)
        self.frontiers = add_leaves(self.frontiers, block, arm=SERVING)

    async def save(self, log: DecisionLog, head: Head) -> None:
        """Keep it in ``log`` as of ``head``, where the projections of the same find it."""
        if head.number < 0:
            return
        kept = {
            COUNTS.key: COUNTS.encode(self.counts),
            _FRONTIERS.key: _FRONTIERS.encode(self.frontiers),
        }
        for key, body in kept.items():
            await log.save_snapshot(
                Snapshot(partition=head.partition, block_number=head.number, key=key, body=body)
            )


async def standing_of(log: DecisionLog, *, partition: int = 0) -> Standing:
    """Return where ``partition`` of ``log`` stands.

    Raises:
        LogIntegrityError: A block or what was kept is not as it was written.
    """
    return Standing(
        counts=await project(log, COUNTS, partition=partition),
        frontiers=await project(log, _FRONTIERS, partition=partition),
    )
