"""A package: files under a manifest, named by the digest of the manifest, verified when read."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from torghut.artifacts.errors import (
    PackageAlteredError,
    PackageContentError,
    PackageDigestError,
    PackageReferenceError,
)
from torghut.artifacts.manifest import manifest_bytes, read_manifest
from torghut.kernel.digests import sha256_hex
from torghut.schemas.package import PackageFile, PackageManifest, Provenance
from torghut.schemas.types import first_problem

SHORT_DIGEST: Final = 12
"""Digits of the digest in a package's folder name; a load still verifies all 64."""

_REFERENCE: Final = re.compile(
    rf"(?P<name>[a-z][a-z0-9]*(-[a-z0-9]+)*)@(?P<digest>[0-9a-f]{{{SHORT_DIGEST},64}})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageReference:
    """What people write to name a package.

    Attributes:
        name: Its name.
        digest: The first 12 to 64 hexadecimal digits of its digest.
    """

    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file as it was found, or as it is to be kept.

    Attributes:
        body: Its bytes.
        mode: ``0755`` where its owner may execute it, else ``0644``.
    """

    body: bytes
    mode: str = "0644"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A verified package; every byte is the one that its digest names.

    Attributes:
        digest: sha256 of the manifest's canonical bytes, 64 hex digits.
        manifest: Its files, and what they were made from.
        files: The bytes of every file, by path.
    """

    digest: str
    manifest: PackageManifest
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """What people call it; several packages may share a name, never a digest."""
        return self.manifest.name

    @property
    def reference(self) -> PackageReference:
        """Its short reference, which also names its folder."""
        return PackageReference(name=self.name, digest=self.digest[:SHORT_DIGEST])

    def objects(self) -> Sequence[bytes]:
        """Return everything that ``read_package`` needs by its sha256: manifest, then files."""
        return (manifest_bytes(self.manifest), *self.files.values())


def build_package(
    *, kind: str, name: str, files: Mapping[str, StoredFile], created_from: Provenance
) -> Package:
    """Return the package made of ``files``.

    Args:
        kind: What it is for, such as ``regime-model``.
        name: Lower-case words joined by hyphens.
        files: By path, relative and with ``/`` between folders.
        created_from: What it was made from.

    Raises:
        PackageContentError: A path, the name or the kind is not allowed.
    """
    listed = [
        {
            "path": path,
            "size": len(file.body),
            "sha256": sha256_hex(file.body),
            "mode": file.mode,
        }
        for path, file in sorted(files.items())
    ]
    stated = {"kind": kind, "name": name, "files": listed, "created_from": created_from}
    try:
        manifest = PackageManifest.model_validate(stated)
    except ValidationError as error:
        first = first_problem(error)
        reason = f"expected {first.reason}, found {first.place or 'files'} = {first.found}"
        raise PackageContentError(name=name, reason=reason) from error
    return verify_package(manifest_bytes(manifest), files)


def verify_package(
    manifest_body: bytes, found: Mapping[str, StoredFile], *, digest: str = ""
) -> Package:
    """Return the package that a manifest and the files found beside it make.

    Args:
        manifest_body: The manifest's bytes as found.
        found: Every file found, the manifest left out, by path.
        digest: The digest asked for, or its first digits; empty where any package will do.

    Raises:
        PackageDigestError: It is another package than the one asked for.
        ManifestInvalidError: The manifest is not canonical.
        PackageAlteredError: A file is missing, altered or not listed.
    """
    actual = sha256_hex(manifest_body)
    if not actual.startswith(digest):
        raise PackageDigestError(expected=digest, found=actual)
    manifest = read_manifest(manifest_body)
    for file in manifest.files:
        check_file(actual, file, found.get(file.path))
    listed = {file.path for file in manifest.files}
    for path in sorted(found.keys() - listed):
        raise PackageAlteredError(
            package=actual, path=path, expected="only files that are listed", found="another one"
        )
    files = {file.path: found[file.path].body for file in manifest.files}
    return Package(digest=actual, manifest=manifest, files=MappingProxyType(files))


def check_file(package: str, listed: PackageFile, found: StoredFile | None) -> None:
    """Refuse ``found`` unless it is the file that is ``listed``.

    Raises:
        PackageAlteredError: It is missing, or differs in size, bytes or mode.
    """
    if found is None:
        raise _altered(package, listed, "the file", "none")
    if len(found.body) != listed.size:
        raise _altered(package, listed, f"{listed.size} bytes", f"{len(found.body)}")
    if sha256_hex(found.body) != listed.sha256:
        raise _altered(package, listed, f"sha256 {listed.sha256}", sha256_hex(found.body))
    if found.mode != listed.mode:
        raise _altered(package, listed, f"mode {listed.mode}", found.mode)


async def read_package(digest: str, get_object: Callable[[str], Awaitable[bytes]]) -> Package:
    """Return the package named ``digest`` from a store of objects named by their sha256.

    Args:
        digest: sha256 of the package's manifest, 64 hex digits.
        get_object: Returns the object with a digest, or raises its store's own error.

    Raises:
        PackageDigestError: The store returned another manifest.
        ManifestInvalidError: The object is no canonical manifest.
        PackageAlteredError: The store returned other bytes for a file.
    """
    body = await get_object(digest)
    if sha256_hex(body) != digest:
        raise PackageDigestError(expected=digest, found=sha256_hex(body))
    found = {
        file.path: StoredFile(body=await get_object(file.sha256), mode=file.mode)
        for file in read_manifest(body).files
    }
    return verify_package(body, found, digest=digest)


def parse_reference(text: str) -> PackageReference:
    """Return the package that ``text`` names.

    Raises:
        PackageReferenceError: It names none.

    Example:
        >>> parse_reference("fx-intraday@0123456789ab").name
        'fx-intraday'
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise PackageReferenceError(found=text)
    return PackageReference(name=match["name"], digest=match["digest"])


def file_mode(permissions: int) -> str:
    """Return the mode of a file for a manifest, from its permission bits.

    Only whether its owner may execute it counts: other bits differ between checkouts. Set-user,
    set-group and sticky bits are kept, so that no manifest lists such a file.

    Example:
        >>> file_mode(0o664), file_mode(0o700), file_mode(0o4755)
        ('0644', '0755', '4755')
    """
    special = permissions & 0o7000
    return f"{special | (0o755 if permissions & 0o100 else 0o644):04o}"


def _altered(package: str, listed: PackageFile, expected: str, found: str) -> PackageAlteredError:
    """Return the refusal of one file."""
    return PackageAlteredError(package=package, path=listed.path, expected=expected, found=found)
