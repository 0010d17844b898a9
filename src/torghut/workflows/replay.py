"""Replay: decide everything in a log again, from the log alone, and compare bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from torghut.decisions.fold.batch import Decided
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.recording import Recorded
from torghut.eventlog.block import Block
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.roots import Frontiers, add_leaves
from torghut.kernel.digests import run_root
from torghut.kernel.ids import SERVING
from torghut.schemas.rows import DECISION
from torghut.workflows.opening import decide_again, genesis_fold

Redeciding = Callable[[Recorded], None]
"""Told of each block that was decided again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place where a decision made again is not the one in the log.

    Attributes:
        block: Number of the block.
        arm: Of which arm.
        row: Which decision of that arm in the block.
        fields: Names of the row's fields that differ; empty if a decision is missing.
    """

    block: int
    arm: str
    row: int
    fields: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Replayed:
    """What a replay found.

    Attributes:
        blocks: Blocks decided again.
        decisions: Decisions compared, of all arms.
        differing: Decisions whose bytes are not those in the log.
        outcomes_differing: Contexts whose refusal code is not the one in the log.
        first: The first difference.
        frontiers: The serving arm's trees, over the leaves in the log.
    """

    blocks: int = 0
    decisions: int = 0
    differing: int = 0
    outcomes_differing: int = 0
    first: Difference | None = None
    frontiers: Frontiers = field(default_factory=dict)

    @property
    def identical(self) -> bool:
        """Whether every byte was the same."""
        return self.differing == 0 and self.outcomes_differing == 0

    @property
    def root(self) -> str:
        """The run's root, 64 hex digits, as of the last block compared."""
        return run_root({name: tree.root() for name, tree in self.frontiers.items()})


async def replay_log(
    log: DecisionLog,
    kernel: DecisionKernel,
    *,
    partition: int = 0,
    progress: Redeciding = lambda _: None,
) -> Replayed:
    """Decide every block of ``partition`` again and compare it with what the log holds.

    Raises:
        KernelVersionError: A block was decided by another version: not re-executable here.
        LogIntegrityError: The log itself does not hold together.
    """
    found = Replayed()
    fold = await genesis_fold(log, kernel, partition=partition)
    async for block in log.blocks(partition):
        recorded, decided = await decide_again(log, fold, block)
        _compare(found, block, recorded, decided)
        progress(recorded)
    return found


def _compare(found: Replayed, block: Block, recorded: Recorded, decided: Decided) -> None:
    """Add one block's comparison to what was found."""
    found.blocks += 1
    found.outcomes_differing += int(np.count_nonzero(decided.outcomes != recorded.outcomes))
    for arm, stored in block.arms.items():
        again = decided.arms[arm].rows if arm in decided.arms else b""
        count = max(len(stored.rows), len(again)) // DECISION.itemsize
        found.decisions += count
        if stored.rows == again:
            continue
        differing = list(_differences(block.number, arm, stored.rows, again))
        found.differing += len(differing)
        found.first = found.first or differing[0]
    found.frontiers = add_leaves(found.frontiers, block, arm=SERVING)


def _differences(number: int, arm: str, stored: bytes, again: bytes) -> Iterator[Difference]:
    """Yield each row that differs, with the fields that do."""
    size = DECISION.itemsize
    for row in range(max(len(stored), len(again)) // size):
        old, new = stored[row * size :][:size], again[row * size :][:size]
        if old != new:
            fields: tuple[str, ...] = ()
            if len(old) == len(new) == size:
                a, b = np.frombuffer(old, DECISION)[0], np.frombuffer(new, DECISION)[0]
                names = DECISION.names or ()
                fields = tuple(n for n in names if a[n].tobytes() != b[n].tobytes())
            yield Difference(block=number, arm=arm, row=row, fields=fields)
