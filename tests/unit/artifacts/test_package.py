"""A package is named by all its bytes, and nothing else passes for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tests.support.decisions.packages import made_package
from torghut.artifacts.errors import (
    ManifestInvalidError,
    PackageAlteredError,
    PackageContentError,
    PackageDigestError,
    PackageReferenceError,
)
from torghut.artifacts.manifest import manifest_bytes, read_manifest
from torghut.artifacts.package import (
    Package,
    StoredFile,
    parse_reference,
    read_package,
    verify_package,
)
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode

PACKAGE: Final = made_package()
MANIFEST: Final = manifest_bytes(PACKAGE.manifest)
FOUND: Final = {
    file.path: StoredFile(body=PACKAGE.files[file.path], mode=file.mode)
    for file in PACKAGE.manifest.files
}


def objects_of(package: Package) -> Callable[[str], Awaitable[bytes]]:
    """Return the package's objects as a store that looks them up by digest."""
    objects = {sha256_hex(body): body for body in package.objects()}

    async def get(digest: str) -> bytes:
        return objects[digest]

    return get


def test_package_is_named_by_its_manifest() -> None:
    assert sha256_hex(MANIFEST) == PACKAGE.digest
    assert str(PACKAGE.reference) == f"fx-test@{PACKAGE.digest[:12]}"


def test_same_files_make_the_same_package() -> None:
    assert made_package().digest == PACKAGE.digest


@pytest.mark.parametrize(
    "files",
    [
        {"model.json": StoredFile(body=b"other")},
        {"model.json": FOUND["model.json"], "tools/refit": StoredFile(body=b"#!/bin/sh\n")},
        {"model.json": FOUND["model.json"], "tools/fit": FOUND["tools/refit"]},
    ],
)
def test_other_bytes_mode_or_path_make_another_package(files: dict[str, StoredFile]) -> None:
    assert made_package(files).digest != PACKAGE.digest


def test_files_as_listed_are_the_package() -> None:
    assert verify_package(MANIFEST, FOUND, digest=PACKAGE.digest) == PACKAGE


@pytest.mark.parametrize(
    "change",
    [
        {"model.json": None},
        {"model.json": StoredFile(body=FOUND["model.json"].body + b" ")},
        {"model.json": StoredFile(body=FOUND["model.json"].body[:-1] + b" ")},
        {"model.json": StoredFile(body=FOUND["model.json"].body, mode="0755")},
        {"notes.txt": StoredFile(body=b"")},
    ],
    ids=["missing", "longer", "changed", "executable", "smuggled"],
)
def test_altered_files_are_refused(change: dict[str, StoredFile | None]) -> None:
    merged = {**FOUND, **change}
    found = {path: file for path, file in merged.items() if file is not None}

    with pytest.raises(PackageAlteredError) as refused:
        verify_package(MANIFEST, found)
    assert refused.value.path in change
    assert refused.value.exit_code is ExitCode.INTEGRITY


def test_another_package_is_refused() -> None:
    with pytest.raises(PackageDigestError):
        verify_package(MANIFEST, FOUND, digest="0" * 64)


@pytest.mark.parametrize(
    "body",
    [
        MANIFEST + b"\n",
        MANIFEST.replace(b'"kind"', b' "kind"'),
        MANIFEST.replace(b'"kind":', b'"kind":"other","kind":'),
        json.dumps(json.loads(MANIFEST), indent=1).encode(),
        b"{}",
        b"",
        b"\xff",
    ],
)
def test_manifest_that_is_not_canonical_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestInvalidError):
        read_manifest(body)


@given(st.data())
def test_no_manifest_with_a_changed_byte_is_the_same_package(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(MANIFEST) - 1))
    changed = bytes([MANIFEST[place] ^ data.draw(st.integers(1, 255))])

    with pytest.raises(PackageDigestError):
        verify_package(
            MANIFEST[:place] + changed + MANIFEST[place + 1 :], FOUND, digest=PACKAGE.digest
        )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../model.json",
        "a/../b",
        "./a",
        "a//b",
        "a/",
        ".git/config",
        "a/.hidden",
        "a\\b",
        "a b",
        "manifest.json",
        "MANIFEST.json",
        "manifest.json/a",
        "ä",
        "a\n",
    ],
)
def test_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(PackageContentError):
        made_package({path: StoredFile(body=b"")})


@pytest.mark.parametrize("paths", [("a", "A"), ("a", "a/b"), ("a/b", "A"), ()])
def test_files_that_cannot_stand_side_by_side_are_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(PackageContentError):
        made_package({path: StoredFile(body=b"") for path in paths})


@pytest.mark.parametrize("mode", ["0664", "4755", "0777", "644"])
def test_mode_that_no_manifest_lists_is_refused(mode: str) -> None:
    with pytest.raises(PackageContentError):
        made_package({"a": StoredFile(body=b"", mode=mode)})


@pytest.mark.parametrize("name", ["", "FX", "fx_intraday", "fx@1", "../fx", "fx-", "1fx"])
def test_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(PackageContentError):
        made_package(name=name)


def test_manifest_whose_files_are_out_of_order_is_refused() -> None:
    stated: dict[str, JsonValue] = json.loads(MANIFEST)
    files = stated["files"]
    assert isinstance(files, list)

    with pytest.raises(ManifestInvalidError, match="sorted by path"):
        read_manifest(canonical_bytes({**stated, "files": files[::-1]}))


def test_package_is_read_from_objects() -> None:
    assert asyncio.run(read_package(PACKAGE.digest, objects_of(PACKAGE))) == PACKAGE


def test_store_that_returns_other_bytes_is_caught() -> None:
    async def other_manifest(_: str) -> bytes:
        return manifest_bytes(made_package(name="other").manifest)

    async def other_file(digest: str) -> bytes:
        return MANIFEST if digest == PACKAGE.digest else b"other"

    with pytest.raises(PackageDigestError):
        asyncio.run(read_package(PACKAGE.digest, other_manifest))
    with pytest.raises(PackageAlteredError):
        asyncio.run(read_package(PACKAGE.digest, other_file))


def test_reference_is_name_and_digest() -> None:
    reference = parse_reference(f"fx-test@{'ab' * 32}")

    assert (reference.name, reference.digest) == ("fx-test", "ab" * 32)


@pytest.mark.parametrize(
    "text", ["", "fx-test", "@0123456789ab", "fx-test@0123", "fx@" + "0" * 65, "FX@0123456789ab"]
)
def test_other_text_is_no_reference(text: str) -> None:
    with pytest.raises(PackageReferenceError):
        parse_reference(text)
