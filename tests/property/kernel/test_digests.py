"""The tree against the recursion of RFC 6962, for every size and every way to grow."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from torghut.kernel.digests import (
    Frontier,
    inclusion_proof,
    proves_inclusion,
    run_root,
    tree_root,
)


def leaves_of(count: int) -> Sequence[bytes]:
    """Return ``count`` different leaf digests."""
    return [hashlib.sha256(b"\0%d" % index).digest() for index in range(count)]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root as the RFC defines it: split at the largest power of two below."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    pair = naive_root(leaves[:split]) + naive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + pair).digest()


@given(st.integers(0, 300))
def test_root_is_that_of_the_recursion(count: int) -> None:
    assert tree_root(leaves_of(count)) == naive_root(leaves_of(count))


@given(st.lists(st.integers(0, 40), max_size=12))
def test_root_does_not_depend_on_how_the_leaves_came(batches: Sequence[int]) -> None:
    leaves = leaves_of(sum(batches))
    frontier = Frontier()
    start = 0
    for size in batches:
        frontier = Frontier.from_bytes(frontier.extend(leaves[start : start + size]).to_bytes())
        start += size

    assert frontier.size == len(leaves)
    assert frontier.root() == naive_root(leaves)


@given(st.integers(0, 130))
def test_appending_one_by_one_is_extending(count: int) -> None:
    leaves = leaves_of(count)
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)

    assert frontier == Frontier().extend(leaves)


@given(st.integers(1, 130).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_every_leaf_can_be_proved_and_no_other(place: tuple[int, int]) -> None:
    count, index = place
    leaves = leaves_of(count)
    root = naive_root(leaves)
    proof = inclusion_proof(leaves, index)

    proved = [
        leaf
        for leaf in leaves
        if proves_inclusion(leaf, index=index, size=count, proof=proof, root=root)
    ]

    assert proved == [leaves[index]]
    assert len(proof) <= count.bit_length()


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.binary(min_size=32, max_size=32)))
def test_run_root_changes_with_every_symbol(roots: dict[str, bytes]) -> None:
    whole = run_root(roots)

    for symbol in roots:
        rest = {name: root for name, root in roots.items() if name != symbol}
        assert run_root(rest) != whole
