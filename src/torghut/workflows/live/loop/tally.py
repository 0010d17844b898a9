"""How much a log holds, kept up block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from torghut.decisions.fold.batch import Decided
from torghut.eventlog.block import Head
from torghut.eventlog.counts import COUNTS, PartitionCounts
from torghut.eventlog.ports import Snapshot


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a partition holds, to the unit.

    Attributes:
        contexts: Taken in, refused ones and records that were no context included.
        decisions: Of the serving arm.
        refused: Not decided.
        control_records: New ones.
        blocks: All of them.
        waiting: Contexts that wait for advice.
    """

    contexts: int = 0
    decisions: int = 0
    refused: int = 0
    control_records: int = 0
    blocks: int = 0
    waiting: int = 0

    def count(self, decided: Decided, *, contexts: int, quarantined: int) -> None:
        """Count one block in."""
        refused = int(np.count_nonzero(decided.outcomes)) - len(decided.asked)
        self.contexts += contexts + quarantined
        self.decisions += decided.count
        self.refused += refused + quarantined
        self.control_records += len(decided.received)
        self.waiting += len(decided.asked) - len(decided.resolved)
        self.blocks += 1

    def snapshot(self, head: Head) -> Snapshot:
        """Return what the projection of the counts begins with after the block at ``head``."""
        counts = PartitionCounts(
            contexts=self.contexts,
            decisions=self.decisions,
            quarantined=self.refused,
            control_records=self.control_records,
            blocks=self.blocks,
            waiting=self.waiting,
        )
        return Snapshot(
            partition=head.partition,
            block_number=head.number,
            key=COUNTS.key,
            body=COUNTS.encode(counts),
        )


def tally_of(counts: PartitionCounts) -> Tally:
    """Return counts that are to be kept up."""
    return Tally(
        contexts=counts.contexts,
        decisions=counts.decisions,
        refused=counts.quarantined,
        control_records=counts.control_records,
        blocks=counts.blocks,
        waiting=counts.waiting,
    )
