"""Digests that stand for bytes: sha256, and hash trees over many of them (RFC 6962).

A tree's leaves are digests of stored rows whose first byte is 0x00, so the stored row is the
RFC's leaf input as it stands; an inner node is sha256(0x01, left, right).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DIGEST_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of a tree without leaves."""

_NODE: Final = b"\x01"
_RUN_TAG: Final = b"torghut.run-root.v1\0"
_COUNT: Final = struct.Struct(">Q")


def sha256_hex(data: bytes) -> str:
    """Return the sha256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def leaf_digest(row: bytes) -> bytes:
    """Return the leaf, 32 bytes, of a stored row.

    Raises:
        ValueError: The row does not begin with 0x00, so an inner node could pass for it.
    """
    if row[:1] != b"\0":
        message = f"a leaf's row begins with 0x00, found {row[:1].hex() or 'no bytes'}"
        raise ValueError(message)
    return hashlib.sha256(row).digest()


def node_digest(left: bytes, right: bytes) -> bytes:
    """Return the digest of the inner node above ``left`` and ``right``."""
    return hashlib.sha256(_NODE + left + right).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """All that a growing tree has to remember: the roots of its complete subtrees.

    Attributes:
        size: Number of leaves.
        peaks: Roots of the complete subtrees, largest first: one per set bit of ``size``.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse peaks that no tree of that size has."""
        sound = 0 <= self.size < 2**63 and len(self.peaks) == self.size.bit_count()
        if not sound or any(len(peak) != DIGEST_BYTES for peak in self.peaks):
            message = f"no tree of {self.size} leaves has {len(self.peaks)} such peaks"
            raise ValueError(message)

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier with one more leaf, 32 bytes."""
        return self.extend((leaf,))

    def extend(self, leaves: Sequence[bytes]) -> Frontier:
        """Return the frontier with ``leaves``, 32 bytes each, after those it has."""
        peaks = list(self.peaks)
        size = self.size
        position = 0
        while position < len(leaves):
            # The largest complete subtree that may start at this size, whole levels at a time.
            room = size & -size if size else len(leaves)
            count = 1 << (min(room, len(leaves) - position).bit_length() - 1)
            peaks.append(_root_of_complete(leaves[position : position + count]))
            position += count
            size += count
            for _ in range(_trailing_zeros(size) - _trailing_zeros(count)):
                right = peaks.pop()
                peaks[-1] = node_digest(peaks[-1], right)
        return Frontier(size=size, peaks=tuple(peaks))

    def root(self) -> bytes:
        """Return the RFC 6962 root over all leaves, 32 bytes."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = node_digest(peak, root)
        return root

    def to_bytes(self) -> bytes:
        """Return the frontier as its size, 8 bytes big-endian, and its peaks."""
        return _COUNT.pack(self.size) + b"".join(self.peaks)

    @staticmethod
    def from_bytes(data: bytes) -> Frontier:
        """Return the frontier that ``to_bytes`` wrote.

        Raises:
            ValueError: ``data`` is no frontier.
        """
        if len(data) < _COUNT.size:
            message = f"a frontier has at least {_COUNT.size} bytes, found {len(data)}"
            raise ValueError(message)
        (size,) = _COUNT.unpack_from(data)
        starts = range(_COUNT.size, len(data), DIGEST_BYTES)
        return Frontier(size=size, peaks=tuple(data[i : i + DIGEST_BYTES] for i in starts))


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the RFC 6962 root, 32 bytes, over leaf digests of 32 bytes each."""
    return Frontier().extend(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the digests that lead from leaf ``index`` to the root, lowest first.

    Raises:
        IndexError: There is no such leaf.
    """
    if not 0 <= index < len(leaves):
        message = f"leaf {index} of a tree of {len(leaves)}"
        raise IndexError(message)
    proof: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        level = _level_above(level)
        index >>= 1
    return tuple(proof)


def proves_inclusion(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Say whether ``proof`` shows ``leaf`` at ``index`` of the tree of ``size`` under ``root``."""
    if not 0 <= index < size:
        return False
    rest = list(reversed(proof))
    digest, last = leaf, size - 1
    while last > 0:
        if index & 1 or index < last:  # there is a sibling on this level
            if not rest:
                return False
            sibling = rest.pop()
            digest = node_digest(sibling, digest) if index & 1 else node_digest(digest, sibling)
        index >>= 1
        last >>= 1
    return not rest and digest == root


def run_root(roots: Mapping[str, bytes]) -> str:
    """Return the digest, 64 hex digits, over every symbol's tree root, sorted by symbol.

    Args:
        roots: Root of each symbol's tree, 32 bytes.
    """
    hasher = hashlib.sha256(_RUN_TAG)
    for symbol in sorted(roots, key=str.encode):
        name = symbol.encode()
        hasher.update(_COUNT.pack(len(name)) + name + roots[symbol])
    return hasher.hexdigest()


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    """Return the nodes above ``level``; one without a sibling moves up as it is."""
    sha256 = hashlib.sha256
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [sha256(_NODE + left + right).digest() for left, right in pairs]
    if len(level) % 2:
        above.append(level[-1])
    return above


def _root_of_complete(leaves: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of leaves."""
    level = leaves
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def _trailing_zeros(number: int) -> int:
    """Return how often 2 divides ``number``, which is above 0."""
    return (number & -number).bit_length() - 1
