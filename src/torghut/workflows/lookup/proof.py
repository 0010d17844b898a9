"""Makes the proof of one decision in one pass over the log, in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torghut.decisions.proving import InclusionPath, seal_proof
from torghut.decisions.recording import header_of
from torghut.eventlog.block import Block
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.roots import Frontiers, add_leaves, leaves_by_symbol, roots_of
from torghut.eventlog.verification import block_place
from torghut.kernel.digests import Frontier, leaf_digest, run_root
from torghut.kernel.ids import symbol_key
from torghut.schemas.block import BlockLineage
from torghut.schemas.proof import ProofBlock, ProofContent, ProofHead, ProofTree
from torghut.workflows.lookup.finding import DecisionFound
from torghut.workflows.lookup.scanning import Scanning, oldest_first, silent


@dataclass(slots=True, kw_only=True)
class _Gathering:
    """Everything that a proof needs, so far.

    Attributes:
        trees: Of every symbol, by partition.
        path: Of the decision, once its block went by.
        block: That block's place and digests.
    """

    found: DecisionFound
    trees: dict[int, Frontiers] = field(default_factory=dict)
    path: InclusionPath | None = None
    block: ProofBlock | None = None

    def take(self, block: Block) -> None:
        """Take the next block of its partition."""
        arm = self.found.lineage.arm
        before = self.trees.get(block.partition, {})
        if block.partition == self.found.partition and arm in block.arms:
            own = leaves_by_symbol(block.arms[arm]).get(symbol_key(self.found.symbol), [])
            if self.path is not None:
                self.path.extend(own)
            elif block.number == self.found.block:
                self._begin(block, own, before.get(self.found.symbol, Frontier()))
        self.trees[block.partition] = add_leaves(before, block, arm=arm)

    def _begin(self, block: Block, own: Sequence[bytes], tree: Frontier) -> None:
        """Start the path at the decision's leaf, which is among ``own``."""
        place = own.index(leaf_digest(self.found.row))
        self.path = InclusionPath(index=tree.size + place, before=tree.extend(own[:place]))
        self.path.extend(own[place + 1 :])
        self.block = ProofBlock(
            partition=block.partition,
            number=block.number,
            digest=block.digest,
            previous=block.previous,
            row=self.found.place,
            kernel_build=header_of(block).kernel_build,
        )


async def prove(
    log: DecisionLog, found: DecisionFound, *, decision_id: str, progress: Scanning = silent
) -> bytes:
    """Return the file that proves ``found`` against the root of the log as it is now.

    Args:
        log: Read once, whole.
        found: The decision.
        decision_id: Its name.
        progress: Told after every block.

    Raises:
        LogIntegrityError: A block is not as it was written, or two partitions name one symbol.
        ProofUnmadeError: What was gathered does not hold together.
    """
    gathering = _Gathering(found=found)
    heads: dict[int, ProofHead] = {}
    async for block in oldest_first(log, progress):
        gathering.take(block)
        heads[block.partition] = ProofHead(
            partition=block.partition, number=block.number, digest=block.digest
        )
    if gathering.path is None or gathering.block is None:
        raise LogIntegrityError(
            place=block_place(found.partition, found.block),
            expected=f"decision {decision_id}",
            found="a log that no longer holds it",
        )
    roots = roots_of(gathering.trees)
    return seal_proof(
        ProofContent(
            decision_id=decision_id,
            symbol=found.symbol,
            arm=found.lineage.arm,
            row=found.row.hex(),
            leaf=leaf_digest(found.row).hex(),
            lineage=BlockLineage.model_validate(found.lineage.spelled()),
            tree=ProofTree(
                index=gathering.path.index,
                size=gathering.path.size,
                path=tuple(digest.hex() for digest in gathering.path.digests()),
            ),
            roots={symbol: root.hex() for symbol, root in roots.items()},
            run_root=run_root(roots),
            block=gathering.block,
            heads=tuple(heads.values()),
        )
    )
