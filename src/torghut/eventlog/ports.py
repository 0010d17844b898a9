"""What the core asks of a store: one append-only chain of blocks, streams, objects, snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torghut.eventlog.block import Block, Head
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import ClaimLostError, ConcurrencyConflictError
from torghut.eventlog.verification import VerifyProgress, VerifyReport
from torghut.schemas.types import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A cached fold of a partition's blocks: the kernel's state, or a projection's.

    Attributes:
        partition: Input partition, from 0.
        block_number: The last block folded in; -1 before the first.
        key: Digest of everything the bytes depend on (kernel build, state layout), or name and
            version of the projection.
        body: The state, in a layout that ``key`` names.
    """

    partition: int
    block_number: int
    key: str
    body: bytes


def check_snapshot(snapshot: Snapshot, head: Head) -> None:
    """Check that the partition with ``head`` has the block that ``snapshot`` is of.

    Raises:
        ConcurrencyConflictError: It has not.
    """
    if not -1 <= snapshot.block_number <= head.number:
        raise ConcurrencyConflictError(
            stream=f"partition {snapshot.partition}",
            expected=f"block {snapshot.block_number}, which the snapshot is of",
            actual=f"block {head.number} last",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to append to one partition, until somebody else claims it.

    Attributes:
        partition: Input partition, from 0.
        holder: Who claimed it.
        epoch: Higher than that of every claim before, from 1.
        head: Of the partition when it was claimed: nobody else appends behind it.
    """

    partition: int
    holder: str
    epoch: int
    head: Head


def check_claim(partition: int, *, own: int, epoch: int, holder: str) -> None:
    """Check that ``partition``, last claimed by ``holder``, may be written under epoch ``own``.

    Args:
        partition: Input partition.
        own: Epoch of the claim that whoever writes has; 0 without one.
        epoch: Of the newest claim; 0 if nobody ever claimed it.
        holder: Whose claim that is.

    Raises:
        ClaimLostError: There is a newer claim.
    """
    if own != epoch:
        raise ClaimLostError(
            stream=f"partition {partition}",
            expected=f"the claim of epoch {own}" if own else "a partition that nobody claimed",
            actual=f"that of epoch {epoch} by {holder}",
        )


class PartitionClaims(Protocol):
    """Who may append to which partition: only the last to claim it.

    A handle of a log that claimed a partition appends to it and saves snapshots of it under its own
    claim. One that never claimed it may do so only while nobody else has. Whoever was halted in
    between finds out before anything is written, not after.
    """

    async def claim(self, partition: int, holder: str, /) -> Claim:
        """Claim ``partition`` for this handle; from now on every older claim is refused.

        Claiming again under the same name is a new claim too, and refuses the one before.

        Raises:
            LogWriteError: The store could not make it durable.
        """
        ...

    async def check_claimed(self, partition: int, /) -> None:
        """Check that this handle may write to ``partition`` now, without writing anything.

        It may be claimed by another right after: what is appended is checked by itself.

        Raises:
            ClaimLostError: Another handle claimed it since.
            LogWriteError: The store does not answer.
        """
        ...


class DecisionLog(Protocol):
    """One chain of decision blocks per input partition, and the objects that they cite.

    A block, the input position after it and everything it cites become durable together or
    not at all. Appending is conditional on the head and idempotent: the same block at the same
    place is accepted again and changes nothing. Appends take effect in the order of the calls,
    so the next block may be appended while the one before it is still under way.
    """

    async def append(self, block: Block, /, *, meanwhile: Callable[[], None] | None = None) -> Head:
        """Make ``block`` durable and return the head of its partition right after it.

        Args:
            block: That follows.
            meanwhile: Called in the caller's event loop while only the disk is waited for: time to
                spare. It promises nothing of the block, and may not be called at all.

        Raises:
            ConcurrencyConflictError: The block does not follow the partition's head; as
                ``ClaimLostError``, the partition was claimed by somebody else.
            ObjectMissingError: The block cites an object that was never put.
            LogWriteError: The store could not make it durable (disk full, read-only, gone).
        """
        ...

    async def head(self, partition: int, /) -> Head:
        """Return the newest head of ``partition``: number -1 and the genesis digest if empty."""
        ...

    async def partitions(self) -> Sequence[int]:
        """Return the partitions that have blocks, ascending."""
        ...

    def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        """Yield the blocks numbered above ``after``, oldest first, each verified on the way.

        Raises:
            LogIntegrityError: A block is missing, altered or does not follow its predecessor.
        """
        ...

    async def put_object(self, body: bytes, /) -> str:
        """Keep ``body`` under its sha256 and return that digest; once is enough."""
        ...

    async def get_object(self, digest: str, /) -> bytes:
        """Return the object named ``digest``, verified.

        Raises:
            ObjectMissingError: There is none.
            LogIntegrityError: Its bytes do not have that digest.
        """
        ...

    async def save_snapshot(self, snapshot: Snapshot, /) -> None:
        """Keep ``snapshot``; older ones of the same partition and key may go.

        Raises:
            ConcurrencyConflictError: The partition has no block of that number, or was claimed by
                somebody else.
        """
        ...

    async def load_snapshot(self, partition: int, key: str, /) -> Snapshot | None:
        """Return the newest snapshot of ``partition`` made under ``key``, if any.

        A snapshot of blocks that are no longer in the chain is not returned.

        Raises:
            LogIntegrityError: Its bytes are not those that were saved.
        """
        ...

    async def seal_heads(self, causes: Causes, /) -> None:
        """Put the heads of all partitions on record, as an event of the log's own stream.

        Verifying compares them with the chains: it is one more place where a cut tail shows.

        Raises:
            LogWriteError: The store could not make it durable.
        """
        ...

    async def verify(
        self,
        *,
        expect: Head | None = None,
        progress: Callable[[VerifyProgress], None] | None = None,
    ) -> VerifyReport:
        """Read everything, compare it with every digest there is, and report; never raise for it.

        Args:
            expect: A head known from elsewhere; without one a re-made tail cannot be noticed.
            progress: Told after every block.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of the store."""
        ...


class SharedLog(DecisionLog, PartitionClaims, Protocol):
    """A log that several processes write, each the partitions that it claimed."""


class EventStore(Protocol):
    """Append-only streams of events with optimistic concurrency."""

    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        """Append all of ``events`` or none, and return the stream's version right after them.

        The same events at the same versions are accepted again and change nothing.

        Raises:
            ConcurrencyConflictError: The stream is not at ``expected_version``.
            LogWriteError: The store could not make them durable.
        """
        ...

    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        """Return the events of ``stream`` above version ``after``, oldest first.

        Raises:
            LogIntegrityError: An event is missing, altered or does not follow its predecessor.
        """
        ...

    async def streams(self, prefix: str, /) -> Sequence[str]:
        """Return the names of the streams that begin with ``prefix``, by their first event."""
        ...


class EventFeed(Protocol):
    """The events of all streams in one order, for those who follow the log."""

    async def events_after(self, position: int, limit: int, /) -> Sequence[Envelope]:
        """Return the first ``limit`` events at positions above ``position``, in their order.

        Positions have no gaps, and whoever asks again behind the last one that they were given
        misses nothing, however many writers there are: no event ever appears at a position that
        was passed.

        Raises:
            LogIntegrityError: An event is missing, altered or does not follow its predecessor.
        """
        ...
