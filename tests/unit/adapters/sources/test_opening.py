"""A URI says what to open; a bare path is opened by what it holds; nothing is guessed."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.contract.sources.examples import (
    EXAMPLES,
    SNAPSHOT,
    T0_NS,
    csv_lines,
    open_example,
    read,
    same,
    write_gzip,
    write_text,
)
from torghut.adapters.sources.errors import (
    SourceKindError,
    SourceOptionError,
    SourcePartsError,
    SourceUnreadableError,
)
from torghut.adapters.sources.opening import SUPPORTED
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.kernel.errors import ExitCode
from torghut.market.ports import SourceError
from torghut.schemas.rows import CONTEXT


@pytest.mark.parametrize("kind", sorted(EXAMPLES.keys() - {"demo"}))
def test_bare_path_is_opened_by_what_it_holds(kind: str, tmp_path: Path) -> None:
    uri = EXAMPLES[kind](tmp_path)
    _, _, path = uri.partition(":")
    named, bare = open_example(uri), open_example(path)

    assert bare.description == named.description
    assert same(read(bare)[0], read(named)[0])


def test_file_is_told_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    recorded = write_text(tmp_path / "spot" / "btcusdt_20240808.txt", SNAPSHOT)
    packed = write_text(tmp_path / "spot" / "quotes.bin", gzip.compress(csv_lines(3)))

    assert open_example(str(recorded)).description.kind == "binance-recording"
    assert open_example(str(packed)).description.kind == "csv"


@pytest.mark.parametrize("content", [b"", b"hello\n", b"DATE,OPEN\n1,2\n", bytes(100), b"\xff\xfe"])
def test_file_of_no_kind_is_refused_with_what_is_supported(tmp_path: Path, content: bytes) -> None:
    path = write_text(tmp_path / "a.bin", content)

    with pytest.raises(SourceKindError) as refused:
        open_example(str(path))
    assert refused.value.supported == SUPPORTED
    assert all(kind in str(refused.value) for kind in SUPPORTED)
    assert refused.value.exit_code is ExitCode.USAGE


def test_folder_of_two_kinds_must_be_named(tmp_path: Path) -> None:
    write_text(tmp_path / "a.csv", csv_lines(3))
    write_gzip(tmp_path / "spot/btcusdt_20240808.gz", SNAPSHOT)

    with pytest.raises(SourceKindError):
        open_example(str(tmp_path))
    assert open_example(f"csv:{tmp_path}").description.kind == "csv"


@pytest.mark.parametrize("uri", ["kafka:market", "http://localhost/a.csv", "s3:bucket"])
def test_scheme_of_no_kind_is_refused(uri: str) -> None:
    with pytest.raises(SourceKindError):
        open_example(uri)


@pytest.mark.parametrize("scheme", ["", "csv:", "lean:", "binance:", "parquet:"])
def test_path_that_is_not_there_is_unreachable(tmp_path: Path, scheme: str) -> None:
    with pytest.raises(SourceUnreadableError) as refused:
        open_example(f"{scheme}{tmp_path / 'none'}")

    assert refused.value.exit_code is ExitCode.UNREACHABLE


@pytest.mark.parametrize("scheme", ["csv", "lean", "binance", "parquet"])
def test_empty_folder_is_refused(tmp_path: Path, scheme: str) -> None:
    with pytest.raises(SourceError, match="found none"):
        open_example(f"{scheme}:{tmp_path}")


def test_question_mark_in_a_name_that_exists_belongs_to_the_name(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a?time=ns.csv", csv_lines(3))

    assert len(open_example(f"csv:{path}").description.parts) == 1
    assert len(open_example(str(path)).description.parts) == 1
    source = open_example(f"csv:{path}?time=ns")
    assert source.description.assumptions["event_time"] == "ns, as declared"


def test_option_of_another_kind_is_refused(tmp_path: Path) -> None:
    uri = EXAMPLES["lean-tick"](tmp_path)

    with pytest.raises(SourceOptionError, match="resolution"):
        open_example(f"{uri}?time=ns")
    with pytest.raises(SourceOptionError, match="no options"):
        open_example("demo:sp500?time=ns")


def test_colon_in_a_path_is_no_scheme(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a:b.csv", f"symbol,event_time,bid,ask\nx,{T0_NS},1,2".encode())

    assert open_example(str(path)).description.parts[0].name == "a:b.csv"


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        ("csv", ["a.csv", "b.csv.gz"]),
        ("parquet", ["a.parquet", "b.parquet"]),
        ("binance", ["spot/btcusdt_20240808.gz", "usdm/btcusdt_20240808.gz"]),
    ],
)
def test_more_files_than_a_context_can_tell_apart_are_refused_unread(
    tmp_path: Path, scheme: str, names: list[str]
) -> None:
    for name in names:
        write_text(tmp_path / name, b"")

    with pytest.raises(SourcePartsError, match="at most 1 files in one source") as refused:
        open_example(f"{scheme}:{tmp_path}", ReadLimits(parts=1))
    assert refused.value.exit_code is ExitCode.USAGE


def test_only_zips_that_are_read_count_as_parts(tmp_path: Path) -> None:
    uri = EXAMPLES["lean-tick"](tmp_path)
    EXAMPLES["lean-minute"](tmp_path)
    whole = f"lean:{tmp_path}?resolution=tick"

    assert len(open_example(whole, ReadLimits(parts=4)).description.parts) == 4
    with pytest.raises(SourcePartsError):
        open_example(uri, ReadLimits(parts=3))


def test_a_source_has_as_many_parts_as_a_context_can_number() -> None:
    assert ReadLimits().parts == np.iinfo(CONTEXT["source"]).max + 1
