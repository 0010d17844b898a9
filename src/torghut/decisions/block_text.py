"""A block's header, records and cursor as canonical JSON, written down without their models.

The bytes are those that the models would dump, at a tenth of the time: a live service writes a
block for a handful of contexts, and says in it what the blocks before said. So every name and
lineage is spelled once and kept, and what has no content is a constant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from torghut.decisions.fold.lineage import Lineage
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.kernel.canonical import canonical_bytes, canonical_text
from torghut.market.ports import Cursor
from torghut.schemas.block import BLOCK_RECORDS, BlockHeader, BlockRecords
from torghut.schemas.rows import LEAF_VERSION

_TYPE: Final = canonical_text(BlockHeader.model_fields["type"].default)
_EXACT_BITS: Final = 53
_KEPT: Final = 4096

EMPTY_RECORDS: Final = canonical_bytes(BLOCK_RECORDS.dump_python(BlockRecords(), mode="json"))
"""The records of a block that has contexts and decisions alone."""


class Counts(NamedTuple):
    """What is in a block: contexts + resolved = decisions + quarantined + pending."""

    contexts: int
    control_records: int
    decisions: int
    quarantined: int
    pending: int
    resolved: int


def header_bytes(
    *,
    kernel: DecisionKernel,
    counts: Counts,
    symbols: Mapping[int, str],
    sources: Mapping[int, str],
    lineages: Mapping[str, Lineage],
    genesis: Genesis | None,
) -> bytes:
    """Return the header of a block.

    Args:
        kernel: That decided.
        counts: Of the block.
        symbols: Names by the numbers that the block's rows use.
        sources: Digests of source parts, likewise.
        lineages: Every lineage that the rows name, by digest.
        genesis: What the log begins with, for its first block.
    """
    pending = f',"pending":{counts.pending}' if counts.pending else ""
    resolved = f',"resolved":{counts.resolved}' if counts.resolved else ""
    return (
        f'{{"counts":{{"contexts":{counts.contexts},"control_records":{counts.control_records},'
        f'"decisions":{counts.decisions}{pending},"quarantined":{counts.quarantined}{resolved}}},'
        f'"genesis":{_genesis(genesis) if genesis else "null"},'
        f"{_kernel(kernel.build, kernel.version)},"
        f'"lineages":{_object(map(_lineage, lineages, lineages.values()))},'
        f'"sources":{_object(map(_name, sources, sources.values()))},'
        f'"symbols":{_object(map(_name, symbols, symbols.values()))},"type":{_TYPE}}}'
    ).encode()


def cursor_text(cursor: Cursor) -> str:
    """Return a cursor as canonical JSON.

    Raises:
        JsonNotCanonicalError: A number is beyond those that JSON holds exactly.
    """
    part, record, offset = cursor.part, cursor.record, cursor.offset
    if cursor.beside:
        spelled = {"offset": offset, "part": part, "record": record}
        return canonical_text({"beside": dict(cursor.beside), **spelled})
    if (part | record | offset) >> _EXACT_BITS:
        return canonical_text({"offset": offset, "part": part, "record": record})
    return f'{{"offset":{offset},"part":{part},"record":{record}}}'


def _object(members: Iterable[str]) -> str:
    """Return members as one object: no key holds anything below the quote that ends it."""
    return f"{{{','.join(sorted(members))}}}"


@lru_cache(maxsize=_KEPT)
def _name(number: int, name: str) -> str:
    """Return the member that gives a number its name."""
    return canonical_text({str(number): name})[1:-1]


@lru_cache(maxsize=_KEPT)
def _lineage(digest: str, lineage: Lineage) -> str:
    """Return the member that spells a lineage."""
    return canonical_text({digest: lineage.spelled()})[1:-1]


@lru_cache(maxsize=8)
def _kernel(build: str, version: int) -> str:
    """Return the members that name a kernel and the layout of its rows."""
    return canonical_text(
        {"kernel_build": build, "kernel_version": version, "leaf_version": LEAF_VERSION}
    )[1:-1]


def _genesis(genesis: Genesis) -> str:
    """Return what a log begins with."""
    return canonical_text(
        {
            "declarations": genesis.declarations.digest,
            "packages": dict(genesis.packages),
            "shadow_router": genesis.shadow_router,
        }
    )
