"""What is inside a file is told by its bytes, and a broken archive is an error with a name."""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
from pathlib import Path

import pytest

from torghut.adapters.sources.errors import (
    SourceArchiveError,
    SourceChangedError,
    SourceEmptyError,
    SourceExpansionError,
    SourceUnreadableError,
)
from torghut.adapters.sources.reading.archives import expanded_size, member_name, open_bytes
from torghut.adapters.sources.reading.files import digest_file, find_files
from torghut.adapters.sources.reading.limits import ReadLimits

CONTENT = b"".join(b"%d,1.38701,1.38703\n" % index for index in range(5_000))


def read_all(path: Path, limits: ReadLimits | None = None) -> bytes:
    """Return everything inside a file."""
    with open_bytes(digest_file(path), limits or ReadLimits()) as stream:
        return b"".join(iter(lambda: stream.read(1_000), b""))


def zipped(path: Path, *names: str, content: bytes = CONTENT) -> Path:
    """Write a zip with a file of each name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.zip", "a.gz"])
def test_bytes_come_out_whatever_the_name(tmp_path: Path, name: str) -> None:
    plain, packed = tmp_path / name, tmp_path / f"{name}.gz.zip"
    plain.write_bytes(CONTENT)
    packed.write_bytes(gzip.compress(CONTENT))

    assert read_all(plain) == read_all(packed) == CONTENT


def test_zip_of_one_file_gives_that_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "a.csv")

    assert read_all(path) == CONTENT
    assert member_name(digest_file(path)) == "a.csv"


def test_folders_inside_a_zip_do_not_count(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "folder/a.csv")
    with zipfile.ZipFile(path, "a") as archive:
        archive.mkdir("other")

    assert read_all(path) == CONTENT


@pytest.mark.parametrize("names", [(), ("a.csv", "b.csv")])
def test_zip_of_another_number_of_files_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = zipped(tmp_path / "a.zip", *names)

    with pytest.raises(SourceArchiveError, match="zip of one file") as refused:
        read_all(path)
    assert refused.value.found == f"{len(names)} files"


def test_cut_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "a.csv")
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(SourceArchiveError):
        read_all(path)


def test_flipped_bit_in_a_zip_is_noticed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "a.csv")
    stored = bytearray(path.read_bytes())
    stored[len(stored) // 2] ^= 1
    path.write_bytes(stored)

    with pytest.raises(SourceArchiveError, match="whole"):
        read_all(path)


def test_zip_with_a_password_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "a.csv")
    stored = bytearray(path.read_bytes())
    directory = stored.rindex(b"PK\x01\x02")
    struct.pack_into("<H", stored, directory + 8, 1)
    path.write_bytes(stored)

    with pytest.raises(SourceArchiveError, match="without password"):
        read_all(path)


def test_zip_packed_in_an_unknown_way_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "a.csv")
    stored = bytearray(path.read_bytes())
    directory = stored.rindex(b"PK\x01\x02")
    struct.pack_into("<H", stored, directory + 10, 97)
    struct.pack_into("<H", stored, 8, 97)
    path.write_bytes(stored)

    with pytest.raises(SourceArchiveError):
        read_all(path)


def test_no_byte_of_a_small_zip_can_be_changed_into_a_crash(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "a.csv", content=b"1,1.3,1.4\n")
    whole = path.read_bytes()

    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        try:
            read_all(path)
        except SourceArchiveError:
            continue


@pytest.mark.parametrize("cut", [3, 12, -9, -1])
def test_cut_gzip_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(CONTENT)[:cut])

    with pytest.raises(SourceArchiveError, match="cut off"):
        read_all(path)


def test_gzip_with_another_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    stored = bytearray(gzip.compress(CONTENT))
    stored[-8] ^= 1
    path.write_bytes(stored)

    with pytest.raises(SourceArchiveError, match="incorrect data check"):
        read_all(path)


def test_gzip_with_something_behind_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(CONTENT) + b"rest")

    with pytest.raises(SourceArchiveError):
        read_all(path)


@pytest.mark.parametrize("suffix", [".gz", ".zip"])
def test_bomb_is_refused_once_it_has_grown(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".zip":
        zipped(path, "a.csv", content=bytes(1_000_000))
    else:
        path.write_bytes(gzip.compress(bytes(1_000_000)))

    assert len(read_all(path)) == 1_000_000
    with pytest.raises(SourceExpansionError) as refused:
        read_all(path, ReadLimits(expansion_floor_bytes=300_000, expansion_ratio=100))
    assert 300_000 < refused.value.expanded_bytes <= 301_000


def test_file_that_changed_after_its_digest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CONTENT)
    file = digest_file(path)
    path.write_bytes(CONTENT[:-1] + b"x")
    os.utime(path, ns=(0, file.modified_ns + 1))

    with pytest.raises(SourceChangedError), open_bytes(file, ReadLimits()):
        pass


def test_file_that_is_gone_is_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CONTENT)
    file = digest_file(path)
    path.unlink()

    with pytest.raises(SourceUnreadableError) as gone, open_bytes(file, ReadLimits()):
        pass
    assert gone.value.retryable
    with pytest.raises(SourceUnreadableError):
        digest_file(path)


def test_expanded_size_is_what_the_container_says(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "a.gz"
    plain.write_bytes(CONTENT)
    packed.write_bytes(gzip.compress(CONTENT))
    stub = tmp_path / "b.gz"
    stub.write_bytes(b"\x1f\x8b\x08")
    archive = zipped(tmp_path / "a.zip", "a.csv")

    sizes = [expanded_size(digest_file(path)) for path in (plain, packed, archive, stub)]
    assert sizes == [len(CONTENT)] * 3 + [0]


def test_files_below_a_folder_are_found_in_order(tmp_path: Path) -> None:
    for name in ("b/2.csv", "b/1.csv", "a.csv", "c.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")

    found = [path.relative_to(tmp_path).as_posix() for path in find_files(tmp_path, (".csv",))]
    assert found == ["a.csv", "b/1.csv", "b/2.csv"]
    assert find_files(tmp_path / "c.txt", (".csv",)) == [tmp_path / "c.txt"]
    with pytest.raises(SourceEmptyError):
        find_files(tmp_path, (".zip",))
    with pytest.raises(SourceUnreadableError):
        find_files(tmp_path / "none", (".csv",))
