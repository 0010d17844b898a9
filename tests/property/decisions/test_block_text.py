"""A block's JSON, written down directly, is what its models dump, byte for byte."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import reference
from torghut.decisions.block_text import EMPTY_RECORDS, Counts, cursor_text, header_bytes
from torghut.decisions.fold.lineage import Lineage
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.recording import parse_cursor
from torghut.kernel.canonical import JsonNotCanonicalError, canonical_bytes, canonical_text
from torghut.market.ports import Cursor
from torghut.schemas.block import (
    BLOCK_HEADER,
    BlockCounts,
    BlockGenesis,
    BlockHeader,
    BlockLineage,
    BlockRecords,
    read_block_header,
    read_block_records,
)
from torghut.schemas.rows import LEAF_VERSION

COUNTS = st.integers(0, 2**53 - 1)
DIGESTS = st.integers(0, 2**256 - 1).map("{:064x}".format)
OPTIONAL = st.just("") | DIGESTS
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SYMBOLS = st.builds(
    "{}:{}".format,
    st.text(LETTERS, min_size=1, max_size=32),
    st.text(LETTERS.upper() + "._-", min_size=1, max_size=31).map("X{}".format),
)
NAMES = st.text(LETTERS + "._:@/-", max_size=30).map("a{}".format)
NUMBERS = st.integers(0, 30) | COUNTS
LINEAGES = st.builds(
    Lineage,
    arm=NAMES,
    kernel_version=COUNTS,
    declarations=DIGESTS,
    package=OPTIONAL,
    control=OPTIONAL,
)
GENESES = st.none() | st.builds(
    Genesis,
    declarations=st.just(shipped()),
    packages=st.dictionaries(NAMES, DIGESTS, max_size=3),
    shadow_router=st.booleans(),
)


def dumped_genesis(genesis: Genesis | None) -> BlockGenesis | None:
    if genesis is None:
        return None
    return BlockGenesis(
        declarations=genesis.declarations.digest,
        packages=dict(genesis.packages),
        shadow_router=genesis.shadow_router,
    )


@given(
    build=DIGESTS,
    version=COUNTS,
    counts=st.builds(Counts, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
    symbols=st.dictionaries(NUMBERS, SYMBOLS, max_size=20),
    sources=st.dictionaries(NUMBERS, DIGESTS, max_size=20),
    lineages=st.lists(LINEAGES, max_size=6),
    genesis=GENESES,
)
def test_header_is_what_its_model_dumps(  # noqa: PLR0913 -- each is one member of the header
    *,
    build: str,
    version: int,
    counts: Counts,
    symbols: dict[int, str],
    sources: dict[int, str],
    lineages: list[Lineage],
    genesis: Genesis | None,
) -> None:
    model = BlockHeader(
        kernel_version=version,
        kernel_build=build,
        leaf_version=LEAF_VERSION,
        symbols=symbols,
        sources=sources,
        lineages={
            one.digest: BlockLineage(
                arm=one.arm,
                kernel_version=one.kernel_version,
                declarations=one.declarations,
                package=one.package,
                control=one.control,
            )
            for one in lineages
        },
        counts=BlockCounts.model_validate(counts._asdict()),
        genesis=dumped_genesis(genesis),
    )

    header = header_bytes(
        kernel=replace(reference(), build=build, version=version),
        counts=counts,
        symbols=symbols,
        sources=sources,
        lineages={one.digest: one for one in lineages},
        genesis=genesis,
    )

    assert header == canonical_bytes(BLOCK_HEADER.dump_python(model, mode="json"))
    assert read_block_header(header) == model


@given(
    part=COUNTS,
    record=COUNTS,
    offset=COUNTS,
    beside=st.dictionaries(st.text(st.characters(codec="ascii"), max_size=8), COUNTS, max_size=3),
)
@example(part=0, record=0, offset=2**53 - 1, beside={})
def test_cursor_is_what_its_model_dumps_and_reads_back(
    part: int, record: int, offset: int, beside: dict[str, int]
) -> None:
    cursor = Cursor(part=part, record=record, offset=offset, beside=beside)
    dumped = TypeAdapter(Cursor).dump_python(cursor, mode="json")
    if not beside:
        del dumped["beside"]  # it says nothing, and no log before it was known has it

    assert cursor_text(cursor) == canonical_text(dumped)
    assert parse_cursor(cursor_text(cursor)) == cursor


@pytest.mark.parametrize(
    "cursor",
    [
        Cursor(part=2**53),
        Cursor(record=2**53),
        Cursor(offset=2**53),
        Cursor(record=2**53, beside={"topic": 1}),
        Cursor(beside={"topic": 2**53}),
    ],
)
def test_cursor_beyond_what_json_holds_is_refused(cursor: Cursor) -> None:
    with pytest.raises(JsonNotCanonicalError):
        cursor_text(cursor)


def test_empty_records_read_back_as_none() -> None:
    assert read_block_records(EMPTY_RECORDS) == BlockRecords()
