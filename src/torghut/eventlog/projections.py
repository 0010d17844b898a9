"""Projections: read models folded from a partition's blocks, which can always be folded again.

State and checkpoint are one snapshot, saved in one transaction, so a block is never applied twice
and never left out, wherever a process ends.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from torghut.eventlog.block import Block
from torghut.eventlog.errors import ClaimLostError
from torghut.eventlog.ports import DecisionLog, Snapshot

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection(Generic[S]):
    """A read model as data.

    Attributes:
        key: Its name and version, such as ``projection/counts.v1``; another version starts anew.
        initial: The state before the first block.
        apply: Returns the state after one more block. Pure.
        encode: Returns a state as bytes.
        decode: Returns the state that ``encode`` wrote.
        blocks_per_checkpoint: Blocks after which what was read is saved.
    """

    key: str
    initial: S
    apply: Callable[[S, Block], S]
    encode: Callable[[S], bytes]
    decode: Callable[[bytes], S]
    blocks_per_checkpoint: int = 1000


async def project(log: DecisionLog, projection: Projection[S], *, partition: int = 0) -> S:
    """Return the state as of the partition's head, reading only what is new, and keep it.

    Raises:
        LogIntegrityError: A block or the kept state is not as it was written.
    """
    kept = await log.load_snapshot(partition, projection.key)
    if kept is None:
        return await rebuild(log, projection, partition=partition)
    state = projection.decode(kept.body)
    return await _advance(log, projection, partition, after=kept.block_number, state=state)


async def rebuild(log: DecisionLog, projection: Projection[S], *, partition: int = 0) -> S:
    """Return the state folded from the first block on, and keep it in place of the kept one.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    return await _advance(log, projection, partition, after=-1, state=projection.initial)


async def _advance(
    log: DecisionLog, projection: Projection[S], partition: int, *, after: int, state: S
) -> S:
    """Apply the blocks above ``after``, saving on the way and at the end."""
    number = saved = after
    async for block in log.blocks(partition, after=after):
        state = projection.apply(state, block)
        number = block.number
        if number - saved >= projection.blocks_per_checkpoint:
            await _save(log, projection, partition, number, state)
            saved = number
    if number > saved:
        await _save(log, projection, partition, number, state)
    return state


async def _save(
    log: DecisionLog, projection: Projection[S], partition: int, number: int, state: S
) -> None:
    """Keep ``state`` together with how far it has read, unless the partition is somebody else's.

    It is only a cache: who reads along with the holder of the partition does without.
    """
    with suppress(ClaimLostError):
        await log.save_snapshot(
            Snapshot(
                partition=partition,
                block_number=number,
                key=projection.key,
                body=projection.encode(state),
            )
        )
