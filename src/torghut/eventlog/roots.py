"""Roots: one hash tree per arm and symbol over its decisions, and one digest over all of them.

The trees' frontiers are a projection: advanced from the leaves in the blocks when somebody asks,
never while blocks are being appended.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

import numpy as np

from torghut.eventlog.block import Arm, Block
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.projections import Projection, project
from torghut.eventlog.verification import block_place
from torghut.kernel.digests import DIGEST_BYTES, Frontier, run_root
from torghut.kernel.ids import SERVING, symbol_key
from torghut.schemas.block import read_block_header
from torghut.schemas.leaf import leaf_version
from torghut.schemas.rows import decision_dtype

Frontiers = Mapping[str, Frontier]
"""Of each symbol's tree, by symbol."""

_LENGTH: Final = struct.Struct(">I")


def frontiers_of(arm: str) -> Projection[Frontiers]:
    """Return the projection of the trees over the decisions of ``arm``."""
    return Projection(
        key=f"projection/frontiers.v1/{arm}",
        initial={},
        apply=lambda frontiers, block: add_leaves(frontiers, block, arm=arm),
        encode=encode_frontiers,
        decode=decode_frontiers,
    )


async def root_of_run(log: DecisionLog, *, arm: str = SERVING) -> str:
    """Return the root over all decisions of ``arm``, in whatever partitions they are.

    Raises:
        LogIntegrityError: A block is not as it was written, or two partitions name one symbol.
    """
    trees = {
        partition: await project(log, frontiers_of(arm), partition=partition)
        for partition in await log.partitions()
    }
    return run_root(roots_of(trees))


def roots_of(trees: Mapping[int, Frontiers]) -> dict[str, bytes]:
    """Return the root of every symbol's tree.

    Args:
        trees: By partition, then symbol.

    Raises:
        LogIntegrityError: Two partitions hold decisions about one symbol.
    """
    roots: dict[str, bytes] = {}
    for partition, frontiers in trees.items():
        for symbol, frontier in frontiers.items():
            if symbol in roots:
                raise LogIntegrityError(
                    place=f"partition {partition}",
                    expected="symbols of its own",
                    found=f"{symbol}, decided in another partition too",
                )
            roots[symbol] = frontier.root()
    return roots


def add_leaves(frontiers: Frontiers, block: Block, *, arm: str) -> Frontiers:
    """Return ``frontiers`` with the leaves of ``arm`` in ``block`` added, in the order decided.

    Raises:
        LogIntegrityError: A row names a symbol that the block's header does not name, or is of
            another layout.
        LeafVersionError: The rows are of a layout that is not known here.
    """
    decided = block.arms.get(arm)
    if decided is None or not decided.count:
        return frontiers
    place = block_place(block.partition, block.number)
    header = read_block_header(block.header)
    version = leaf_version(decided.rows)
    if version != header.leaf_version:
        raise LogIntegrityError(
            place=place,
            expected=f"rows of layout {header.leaf_version}, as its header says",
            found=f"rows of layout {version}",
        )
    names = {symbol_key(name): name for name in header.symbols.values()}
    result = dict(frontiers)
    for key, leaves in leaves_by_symbol(decided).items():
        if key not in names:
            raise LogIntegrityError(
                place=place,
                expected=f"symbols out of {sorted(names.values())}",
                found=f"a row of the symbol with key {key}",
            )
        name = names[key]
        result[name] = result.get(name, Frontier()).extend(leaves)
    return result


def leaves_by_symbol(arm: Arm) -> Mapping[int, list[bytes]]:
    """Return the leaf digests of ``arm`` by symbol key, in the order decided.

    Raises:
        LeafVersionError: The rows are of a layout that is not known here.
        LogIntegrityError: They are not all of the layout that the first of them names.
    """
    layout = decision_dtype(arm.rows)
    if len(arm.rows) != arm.count * layout.itemsize:
        raise LogIntegrityError(
            place="rows of a block",
            expected=f"{arm.count} rows of {layout.itemsize} bytes",
            found=f"{len(arm.rows)} bytes",
        )
    rows = np.frombuffer(arm.rows, layout)
    if len(versions := set(rows["version"].tolist())) > 1:
        raise LogIntegrityError(
            place="rows of a block",
            expected="rows of one layout",
            found=f"layouts {sorted(versions)}",
        )
    leaves: dict[int, list[bytes]] = {}
    for index, key in enumerate(rows["symbol_key"].tolist()):
        start = index * DIGEST_BYTES
        leaves.setdefault(key, []).append(arm.leaves[start : start + DIGEST_BYTES])
    return leaves


def encode_frontiers(frontiers: Frontiers) -> bytes:
    """Return ``frontiers`` as bytes: name and frontier of each symbol, with their lengths."""
    parts: list[bytes] = []
    for symbol, frontier in sorted(frontiers.items()):
        for content in (symbol.encode(), frontier.to_bytes()):
            parts += [_LENGTH.pack(len(content)), content]
    return b"".join(parts)


def decode_frontiers(data: bytes) -> Frontiers:
    """Return the frontiers that ``encode_frontiers`` wrote.

    Raises:
        ValueError: ``data`` is something else.
    """
    contents: list[bytes] = []
    start = 0
    while start < len(data):
        if len(data) < start + _LENGTH.size:
            message = f"frontiers end in the middle of a length, at {start}"
            raise ValueError(message)
        (length,) = _LENGTH.unpack_from(data, start)
        start += _LENGTH.size
        contents.append(data[start : start + length])
        start += length
    if start != len(data) or len(contents) % 2:
        message = f"frontiers end at {len(data)}, expected {start} in pairs"
        raise ValueError(message)
    pairs = zip(contents[::2], contents[1::2], strict=True)
    return {symbol.decode(): Frontier.from_bytes(frontier) for symbol, frontier in pairs}
