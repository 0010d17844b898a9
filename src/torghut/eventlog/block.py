"""A block: what went in, what came out, chained to the block before it by one flat digest."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.eventlog.errors import ConcurrencyConflictError
from torghut.kernel.digests import DIGEST_BYTES
from torghut.kernel.ids import SERVING

GENESIS: Final = "0" * 64
"""The digest that a partition's first block follows."""

_TAG: Final = b"torghut.block.v1\0"
_LENGTH: Final = struct.Struct(">Q")
_PLACE: Final = struct.Struct(">QQ")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a partition's chain.

    Attributes:
        partition: Input partition, from 0.
        number: Of the last block, -1 for an empty partition.
        digest: Of the last block, 64 hex digits; ``GENESIS`` for an empty partition.
        cursor: The input position after that block, as canonical JSON; empty if none.
    """

    partition: int
    number: int = -1
    digest: str = GENESIS
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The decisions of one arm (``serving``, or a shadow) for a block's admitted contexts.

    Attributes:
        rows: Packed ``DECISION`` rows, one after the other, in the order decided.
        leaves: Their leaf digests, 32 bytes each, in the same order.
    """

    rows: bytes
    leaves: bytes

    def __post_init__(self) -> None:
        """Refuse rows and leaves that cannot belong together."""
        count, odd = divmod(len(self.leaves), DIGEST_BYTES)
        fits = len(self.rows) % count == 0 < len(self.rows) if count else not self.rows
        if odd or not fits:
            message = f"{len(self.leaves)} bytes of leaves for {len(self.rows)} bytes of rows"
            raise ValueError(message)

    @property
    def count(self) -> int:
        """Return the number of decisions."""
        return len(self.leaves) // DIGEST_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive input of one partition with everything that came of it.

    Attributes:
        partition: Input partition, from 0.
        number: Place in the partition's chain, from 0.
        previous: Digest of the block before.
        header: What the block's rows name by number or digest, as canonical JSON: kernel
            version and build, symbols, sources, lineages, counts.
        cursor: The input position after this block, as canonical JSON.
        inputs: The contexts in columns, compressed, refusal codes included.
        records: Control records with the position where each applied, and quarantined
            records, as canonical JSON.
        arms: By name; always ``serving``.
        cites: Digests of the objects that must be in the log for this block to be understood.
        digest: Computed, never given: sha256 over the previous digest, then the block's place,
            its citations, header, cursor, inputs and records and, per arm by name, its name and
            leaves, all with their lengths. The rows are covered through their leaves.
    """

    partition: int
    number: int
    previous: str
    header: bytes
    cursor: str
    inputs: bytes
    records: bytes
    arms: Mapping[str, Arm] = field(default_factory=dict)
    cites: Sequence[str] = ()
    digest: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be a block, and compute its digest."""
        if not 0 <= self.partition < 2**20 or not 0 <= self.number < 2**40:
            message = f"no block has partition {self.partition} and number {self.number}"
            raise ValueError(message)
        if SERVING not in self.arms:
            message = f"a block has an arm {SERVING!r}, found {sorted(self.arms)}"
            raise ValueError(message)
        if not all(map(_DIGEST.fullmatch, (self.previous, *self.cites))):
            message = f"expected sha256 digests, found {[self.previous, *self.cites]}"
            raise ValueError(message)
        object.__setattr__(self, "digest", _digest(self))


def head_of(block: Block) -> Head:
    """Return the head of a chain that ends with ``block``."""
    return Head(
        partition=block.partition, number=block.number, digest=block.digest, cursor=block.cursor
    )


def check_next(block: Block, head: Head) -> None:
    """Check that ``block`` follows ``head``.

    Raises:
        ConcurrencyConflictError: It does not.
    """
    if (block.number, block.previous) != (head.number + 1, head.digest):
        raise ConcurrencyConflictError(
            stream=f"partition {block.partition}",
            expected=f"block {block.number} after {block.previous}",
            actual=f"block {head.number} with digest {head.digest}",
        )


def _digest(block: Block) -> str:
    """Return the flat digest of ``block``, 64 hex digits."""
    covered = [_TAG, bytes.fromhex(block.previous)]
    for content in _contents(block):
        covered += (_LENGTH.pack(len(content)), content)
    return hashlib.sha256(b"".join(covered)).hexdigest()


def _contents(block: Block) -> Sequence[bytes]:
    """Return the stored bytes that a block's digest covers, in order."""
    contents = [
        _PLACE.pack(block.partition, block.number),
        "".join(block.cites).encode(),
        block.header,
        block.cursor.encode(),
        block.inputs,
        block.records,
    ]
    for name, arm in sorted(block.arms.items()):
        contents += (name.encode(), arm.leaves)
    return contents
