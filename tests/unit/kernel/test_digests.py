"""Digests of known bytes, and what a tree must not take for a leaf or a proof."""

from __future__ import annotations

import hashlib

import pytest

from torghut.kernel.digests import (
    EMPTY_ROOT,
    Frontier,
    inclusion_proof,
    leaf_digest,
    node_digest,
    proves_inclusion,
    run_root,
    sha256_hex,
    tree_root,
)

# Entries and root of the test tree of the Certificate Transparency project.
KNOWN_ENTRIES = (
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
)
KNOWN_LEAVES = tuple(leaf_digest(b"\0" + entry) for entry in KNOWN_ENTRIES)
KNOWN_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_sha256_is_sha256() -> None:
    assert sha256_hex(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_the_known_tree_has_its_known_root() -> None:
    assert tree_root(KNOWN_LEAVES).hex() == KNOWN_ROOT


def test_a_tree_without_leaves_has_the_root_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_a_tree_of_one_leaf_is_that_leaf() -> None:
    assert Frontier().append(KNOWN_LEAVES[0]).root() == KNOWN_LEAVES[0]


def test_a_row_that_could_be_an_inner_node_is_no_leaf() -> None:
    with pytest.raises(ValueError, match="begins with 0x00"):
        leaf_digest(b"\x01" + bytes(64))
    with pytest.raises(ValueError, match="begins with 0x00"):
        leaf_digest(b"")


def test_an_inner_node_is_marked_as_one() -> None:
    left, right = KNOWN_LEAVES[:2]

    assert node_digest(left, right) == hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        bytes(8) + bytes(32),
        (3).to_bytes(8, "big") + bytes(32),
        (1).to_bytes(8, "big") + bytes(31),
        (2**63).to_bytes(8, "big") + bytes(32),
    ],
)
def test_what_is_no_frontier_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"frontier|no tree"):
        Frontier.from_bytes(data)


@pytest.mark.parametrize("index", [-1, 8])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        inclusion_proof(KNOWN_LEAVES, index)
    assert not proves_inclusion(
        KNOWN_LEAVES[0], index=index, size=8, proof=(), root=bytes.fromhex(KNOWN_ROOT)
    )


def test_an_altered_proof_proves_nothing() -> None:
    root = bytes.fromhex(KNOWN_ROOT)
    proof = inclusion_proof(KNOWN_LEAVES, 3)
    leaf = KNOWN_LEAVES[3]

    assert proves_inclusion(leaf, index=3, size=8, proof=proof, root=root)
    assert not proves_inclusion(leaf, index=2, size=8, proof=proof, root=root)
    assert not proves_inclusion(leaf, index=3, size=9, proof=proof, root=root)
    assert not proves_inclusion(leaf, index=3, size=8, proof=proof[:-1], root=root)
    assert not proves_inclusion(leaf, index=3, size=8, proof=(*proof, root), root=root)
    assert not proves_inclusion(KNOWN_LEAVES[2], index=3, size=8, proof=proof, root=root)
    assert not proves_inclusion(leaf, index=3, size=8, proof=proof, root=bytes(32))


def test_the_root_of_a_run_does_not_depend_on_the_order_of_symbols() -> None:
    one, two = bytes(32), bytes([1]) * 32

    assert run_root({"a:X": one, "b:Y": two}) == run_root({"b:Y": two, "a:X": one})
    assert run_root({"a:X": one, "b:Y": two}) != run_root({"a:X": two, "b:Y": one})
    assert run_root({"a:X": one}) != run_root({"a:X": one, "b:Y": two})
    assert run_root({}) == hashlib.sha256(b"torghut.run-root.v1\0").hexdigest()
