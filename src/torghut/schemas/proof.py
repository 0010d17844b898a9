"""The file that proves one decision: its row, its way to the run's root, and where it stood."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from torghut.schemas.block import BlockLineage
from torghut.schemas.context import DecisionIdText
from torghut.schemas.leaf import ROW_BYTES
from torghut.schemas.types import Identifier, Message, SafeCount, Sha256, Symbol

HexRow = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{2 * ROW_BYTES}}}$")]


class ProofTree(Message):
    """Where the leaf stands in the hash tree of its symbol."""

    index: Annotated[SafeCount, Field(description="Of the leaf, from 0: its sequence less one.")]
    size: Annotated[SafeCount, Field(description="Leaves of the tree when this was written.")]
    path: Annotated[tuple[Sha256, ...], Field(description="Beside the way up, lowest first.")]


class ProofBlock(Message):
    """Which block of the log holds the row; checked by nothing in this file."""

    partition: SafeCount
    number: SafeCount
    digest: Sha256
    previous: Sha256
    row: Annotated[SafeCount, Field(description="Of the arm's rows in the block, from 0.")]
    kernel_build: Sha256


class ProofHead(Message):
    """The end of a partition's chain when this was written; checked by nothing in this file."""

    partition: SafeCount
    number: SafeCount
    digest: Sha256


class ProofContent(Message):
    """Everything in a proof but its own digest."""

    type: Literal["decisions.decision-proof.v1"] = "decisions.decision-proof.v1"
    decision_id: DecisionIdText
    symbol: Symbol
    arm: Identifier
    row: Annotated[HexRow, Field(description="As stored; its first byte is 0x00.")]
    leaf: Annotated[Sha256, Field(description="sha256 of the row.")]
    lineage: BlockLineage
    tree: ProofTree
    roots: Annotated[
        dict[Symbol, Sha256], Field(description="Of every symbol's tree, this one's included.")
    ]
    run_root: Annotated[Sha256, Field(description="Over the roots, sorted by symbol.")]
    block: ProofBlock
    heads: tuple[ProofHead, ...]


class Proof(ProofContent):
    """A proof as it stands in its file."""

    content_hash: Annotated[Sha256, Field(description="sha256 of the RFC 8785 form without it.")]
