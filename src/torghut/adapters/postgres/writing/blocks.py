"""A transaction on one partition: it locks the head, compares, and goes on behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

from asyncpg import Connection as Session
from sqlalchemy.ext.asyncio import AsyncConnection

from torghut.adapters.postgres.layout import (
    APPEND_AT_ONCE,
    APPEND_BLOCK,
    BLOCK_DIGEST,
    CLAIM_HEAD,
    INSERT_HEAD,
    INSERT_SNAPSHOT,
    LOCK_HEAD,
    OBJECTS_AMONG,
    SNAPSHOT_PLACE,
    block_values,
    read_head,
)
from torghut.eventlog.block import GENESIS, Block, Head, check_next, head_of
from torghut.eventlog.errors import ObjectMissingError, TruncatedLogError
from torghut.eventlog.ports import Claim, Snapshot, check_claim, check_snapshot
from torghut.kernel.digests import sha256_hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a handle of the log knows of a partition, as committed.

    Attributes:
        epoch: Of its own claim; 0 without one.
        number: Of the newest block that it was told is durable; -1 before the first.
    """

    epoch: int = 0
    number: int = -1


@dataclass(slots=True, kw_only=True)
class PartitionTransaction:
    """What is done to one partition between begin and commit.

    Attributes:
        doubtful: Whether the same was done before, and nobody knows whether it was kept.
        known: What the handle knows.
        objects: Digests of objects that were seen in the log; they never go.
        head: As locked, this transaction's blocks included.
        epoch: Of the newest claim.
        holder: Whose that is.
        own: Epoch of this handle's claim.
        durable: Heads that its caller may be told of once it is committed.
    """

    connection: AsyncConnection
    doubtful: bool
    known: Known
    objects: set[str]
    head: Head
    epoch: int
    holder: str
    own: int = field(init=False)
    durable: list[Head] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the claim that the handle has."""
        self.own = self.known.epoch

    async def append(self, block: Block) -> Head:
        """Add ``block``, unless it is there already."""
        if self.doubtful and await self._is_there(block):
            self.durable.append(head_of(block))
            return head_of(block)
        self._check_claim()
        if not self.doubtful and await self._is_there(block):
            return head_of(block)
        check_next(block, self.head)
        await self._check_cites(block)
        await self.connection.execute(APPEND_BLOCK, block_values(block))
        self.head = head_of(block)
        self.durable.append(self.head)
        return self.head

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep ``snapshot`` together with the digest of the block it is of.

        An older one takes the place only of one whose blocks are no longer in the chain.
        """
        self._check_claim()
        check_snapshot(snapshot, self.head)
        place = {"partition": snapshot.partition, "key": snapshot.key}
        kept = (await self.connection.execute(SNAPSHOT_PLACE, place)).one_or_none()
        if (
            kept is not None
            and kept.block_number > snapshot.block_number
            and await self._digest_at(kept.block_number) == kept.block_digest
        ):
            return
        values = place | {
            "block_number": snapshot.block_number,
            "block_digest": await self._digest_at(snapshot.block_number),
            "body_digest": sha256_hex(snapshot.body),
            "body": snapshot.body,
        }
        await self.connection.execute(INSERT_SNAPSHOT, values)

    async def claim(self, holder: str) -> Claim:
        """Begin the next epoch, under which this handle alone writes."""
        self.own = self.epoch = self.epoch + 1
        self.holder = holder
        values = {"partition": self.head.partition, "epoch": self.epoch, "holder": holder}
        await self.connection.execute(CLAIM_HEAD, values)
        return Claim(partition=self.head.partition, holder=holder, epoch=self.epoch, head=self.head)

    async def check_claimed(self) -> None:
        """Refuse a handle whose claim is not the newest."""
        self._check_claim()

    @property
    def now_known(self) -> Known:
        """Return what the handle knows once this is committed."""
        return Known(epoch=self.own, number=max(self.known.number, self.head.number))

    def _check_claim(self) -> None:
        """Refuse to write under a claim that is not the newest."""
        partition = self.head.partition
        check_claim(partition, own=self.own, epoch=self.epoch, holder=self.holder)

    async def _is_there(self, block: Block) -> bool:
        if block.number > self.head.number:
            return False
        return await self._digest_at(block.number) == block.digest

    async def _digest_at(self, number: int) -> str | None:
        """Return the digest of a block, the genesis digest before the first; None without one."""
        if number < 0:
            return GENESIS
        if number == self.head.number:
            return self.head.digest
        place = {"partition": self.head.partition, "number": number}
        return (await self.connection.execute(BLOCK_DIGEST, place)).scalar_one_or_none()

    async def _check_cites(self, block: Block) -> None:
        """Check that what ``block`` cites is in the log.

        Raises:
            ObjectMissingError: Something is not.
        """
        unseen = [digest for digest in block.cites if digest not in self.objects]
        if unseen:
            found = await self.connection.execute(OBJECTS_AMONG, {"digests": unseen})
            self.objects.update(found.scalars())
        for digest in unseen:
            if digest not in self.objects:
                raise ObjectMissingError(digest=digest)


async def append_at_once(session: Session, block: Block, known: Known) -> bool:
    """Add ``block``, which cites what was seen, in a statement that commits itself.

    Returns:
        Whether it was added: not unless it follows the head and the claim is still the newest.
    """
    values = block_values(block).values()
    return await session.fetchrow(APPEND_AT_ONCE, *values, known.epoch) is not None


async def begin_partition(
    connection: AsyncConnection, partition: int, *, doubtful: bool, known: Known, objects: set[str]
) -> PartitionTransaction:
    """Return a transaction that has the head of ``partition`` locked.

    Raises:
        TruncatedLogError: The log ends before a block that this handle was told is durable: it is
            another server, or one that was set back.
    """
    place = {"partition": partition}
    row = (await connection.execute(LOCK_HEAD, place)).one_or_none()
    if row is None:
        await connection.execute(INSERT_HEAD, place | {"digest": GENESIS})
        row = (await connection.execute(LOCK_HEAD, place)).one()
    head = read_head(partition, row)
    if head.number < known.number:
        raise TruncatedLogError(
            place=f"partition {partition}",
            expected=f"block {known.number}",
            found=f"block {head.number}",
        )
    return PartitionTransaction(
        connection=connection,
        doubtful=doubtful,
        known=known,
        objects=objects,
        head=head,
        epoch=row.epoch,
        holder=row.holder,
    )
