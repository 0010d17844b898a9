"""A decision's proof: one file that shows, without the log, that a run's root covers the decision.

The row hashes to its leaf, the leaf leads to the root of its symbol's tree (RFC 6962), that root
and those of the other symbols to the run's root. Whoever got the run's root elsewhere needs nothing
else. The file is canonical JSON that holds its own digest, so no byte of it can change unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from pydantic import ValidationError

from torghut.kernel.canonical import canonical_bytes, parse_json_object
from torghut.kernel.digests import (
    DIGEST_BYTES,
    Frontier,
    leaf_digest,
    proves_inclusion,
    run_root,
    sha256_hex,
)
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.ids import parse_decision_id, source_key_of_words, symbol_key
from torghut.schemas.codes import Stream, published_name
from torghut.schemas.leaf import decision_fields, leaf_version
from torghut.schemas.proof import Proof, ProofContent
from torghut.schemas.types import first_problem

NOT_CHECKED: Final = (
    "that the block named here holds the row: `torghut log verify` checks the log",
    "that the context and the lineage lead to this decision: `torghut replay --verify` redoes it",
    "that the context, its times and its source are genuine: they are as they were received",
)
"""What no proof of this kind can show, whatever its verdict."""

_UNALTERED: Final = "every byte is as it was written"


class ProofUnmadeError(TorghutError):
    """What was gathered for a proof does not hold together, so none was written."""

    code: ClassVar[str] = "decisions.proof-unmade"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, failed: str) -> None:
        super().__init__(
            f"expected a proof that verifies, found {failed} to fail; "
            "the log is not as it was written: run `torghut log verify`"
        )
        self.failed = failed


@dataclass(slots=True, kw_only=True)
class InclusionPath:
    """What stands beside one leaf's way to the root, gathered while the leaves go by.

    Memory grows with the height of the tree only.

    Attributes:
        index: Of the leaf.
        before: The tree of the leaves before it, whose peaks are the left siblings.
        size: Leaves taken, those before it and itself included.
        after: The trees of its right siblings, by level.
    """

    index: int
    before: Frontier
    size: int = 0
    after: dict[int, Frontier] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.size = self.index + 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Take the leaves that follow, 32 bytes each."""
        done = 0
        while done < len(leaves):
            level = (self.size ^ self.index).bit_length() - 1
            end = ((self.index >> level) + 2) << level
            count = min(len(leaves) - done, end - self.size)
            tree = self.after.get(level, Frontier())
            self.after[level] = tree.extend(leaves[done : done + count])
            done += count
            self.size += count

    def digests(self) -> tuple[bytes, ...]:
        """Return the siblings, lowest first."""
        left = list(self.before.peaks)
        levels = max(self.index.bit_length(), 1 + max(self.after, default=-1))
        found: list[bytes] = []
        for level in range(levels):
            if self.index >> level & 1:
                found.append(left.pop())
            elif level in self.after:
                found.append(self.after[level].root())
        return tuple(found)


def seal_proof(content: ProofContent) -> bytes:
    """Return the file of a proof.

    Raises:
        ProofUnmadeError: It would not verify.
    """
    stated = content.model_dump(mode="json")
    digest = sha256_hex(canonical_bytes(stated))
    body = canonical_bytes({**stated, "content_hash": digest})
    for check in verify_proof(body).checks:
        if not check.passed:
            raise ProofUnmadeError(failed=check.name)
    return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: In one word.
        says: What holds if it passed; what was found if not.
    """

    name: str
    passed: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofVerdict:
    """What a proof shows.

    Attributes:
        checks: In order; after a file that cannot be read there are no others.
        proof: As parsed; None if it could not be.
        anchored: Whether the run's root is the one expected; None if none was.
    """

    checks: tuple[Check, ...]
    proof: Proof | None
    anchored: bool | None

    @property
    def sound(self) -> bool:
        """Whether the file holds together, whatever root was expected."""
        return all(check.passed for check in self.checks)

    @property
    def exit_code(self) -> ExitCode:
        """What a command ends with: without an expected root nothing is acknowledged."""
        if not self.sound:
            return ExitCode.INTEGRITY
        if self.anchored is None:
            return ExitCode.NOT_FINAL
        return ExitCode.YES if self.anchored else ExitCode.DISAGREES


def verify_proof(body: bytes, *, root: str | None = None) -> ProofVerdict:
    """Return what the proof in ``body`` shows, without asking anything else.

    Args:
        body: Of the file.
        root: The run's root as known from elsewhere, 64 hex digits.
    """
    proof, fault = _parse(body)
    checks = [Check(name="file", passed=proof is not None, says=fault or _UNALTERED)]
    if proof is None:
        return ProofVerdict(checks=tuple(checks), proof=None, anchored=None)
    row = bytes.fromhex(proof.row)
    for name, holds, test in _CHECKS:
        failure = test(proof, row)
        checks.append(Check(name=name, passed=not failure, says=failure or holds))
    return ProofVerdict(
        checks=tuple(checks),
        proof=proof,
        anchored=None if root is None else root == proof.run_root,
    )


def _parse(body: bytes) -> tuple[Proof | None, str]:
    """Return the proof in ``body``, or why it is not exactly a file that was written."""
    try:
        stated = parse_json_object(body)
        if canonical_bytes(stated) != body:
            return None, "expected canonical JSON (RFC 8785), found another spelling"
        proof = Proof.model_validate_json(body, strict=True)
        parse_decision_id(proof.decision_id)
        leaf_version(bytes.fromhex(proof.row))
    except ValidationError as error:
        first = first_problem(error)
        return None, f"expected {first.reason}, found {first.place or 'file'} = {first.found}"
    except TorghutError as error:
        return None, str(error)
    content = {key: value for key, value in stated.items() if key != "content_hash"}
    found = sha256_hex(canonical_bytes(content))
    if found != proof.content_hash:
        return None, f"expected content with digest {proof.content_hash}, found {found}"
    return proof, ""


def _row_fault(_proof: Proof, row: bytes) -> str:
    return "" if row[0] == 0 else f"expected tag 0, found {row[0]}"


def _leaf_fault(proof: Proof, row: bytes) -> str:
    if row[:1] != b"\0":
        return f"expected a row that begins with 0x00, found {row[:1].hex()}"
    found = leaf_digest(row).hex()
    return "" if found == proof.leaf else f"expected {proof.leaf}, found {found}"


def _names_fault(proof: Proof, row: bytes) -> str:
    head = decision_fields(row)
    named = parse_decision_id(proof.decision_id)
    context = named.context
    expected = (named.role, context.symbol, symbol_key(context.symbol), context.source_key)
    found = (
        proof.arm,
        proof.symbol,
        head.symbol_key,
        source_key_of_words(head.source_low, head.source_high),
    )
    if expected != found or head.stream >= len(Stream):
        return f"expected {proof.decision_id}, found a row of another symbol, source or arm"
    stream = published_name(Stream(head.stream))
    if (context.stream, context.sequence) != (stream, head.source_sequence):
        return f"expected {proof.decision_id}, found {stream}:{head.source_sequence}"
    return ""


def _lineage_fault(proof: Proof, row: bytes) -> str:
    named = parse_decision_id(proof.decision_id)
    if proof.lineage.arm != proof.arm:
        return f"expected a lineage of {proof.arm}, found one of {proof.lineage.arm}"
    if named.package and named.package != proof.lineage.package:
        return f"expected package {named.package}, found {proof.lineage.package or 'none'}"
    expected = row[-DIGEST_BYTES:].hex()
    found = sha256_hex(canonical_bytes(proof.lineage.model_dump(mode="json")))
    return "" if found == expected else f"expected {expected}, found {found}"


def _tree_fault(proof: Proof, row: bytes) -> str:
    tree = proof.tree
    sequence = decision_fields(row).sequence
    if sequence != tree.index + 1:
        return f"expected sequence {tree.index + 1} at leaf {tree.index}, found {sequence}"
    root = proof.roots.get(proof.symbol)
    if root is None:
        return f"expected the root of {proof.symbol}, found none"
    proven = proves_inclusion(
        bytes.fromhex(proof.leaf),
        index=tree.index,
        size=tree.size,
        proof=[bytes.fromhex(digest) for digest in tree.path],
        root=bytes.fromhex(root),
    )
    return "" if proven else f"expected a way to {root}, found none"


def _run_fault(proof: Proof, _row: bytes) -> str:
    found = run_root({name: bytes.fromhex(root) for name, root in proof.roots.items()})
    return "" if found == proof.run_root else f"expected {proof.run_root}, found {found}"


_Test = Callable[[Proof, bytes], str]
"""Returns what is wrong; nothing if it holds."""

_CHECKS: Final[Sequence[tuple[str, str, _Test]]] = (
    ("row", "it is a decision of a layout known here", _row_fault),
    ("leaf", "it is the sha256 of the row", _leaf_fault),
    ("names", "the row names the symbol, source, stream and sequence of the id", _names_fault),
    ("lineage", "it has the digest that stands in the row", _lineage_fault),
    ("tree", "the leaf leads to its symbol's root, at the place of its sequence", _tree_fault),
    ("run", "the symbols' roots make the run's root", _run_fault),
)
