"""The manifest as the bytes that name a package: canonical out, and nothing but that back in."""

from __future__ import annotations

from pydantic import ValidationError

from torghut.artifacts.errors import ManifestInvalidError
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.package import PackageManifest
from torghut.schemas.types import first_problem


def manifest_bytes(manifest: PackageManifest) -> bytes:
    """Return the RFC 8785 form of ``manifest``; its sha256 is the package's digest."""
    return canonical_bytes(manifest.model_dump(mode="json"))


def read_manifest(body: bytes) -> PackageManifest:
    """Return the manifest that ``manifest_bytes`` wrote.

    Raises:
        ManifestInvalidError: ``body`` is not exactly what ``manifest_bytes`` writes.
    """
    package = sha256_hex(body)
    try:
        manifest = PackageManifest.model_validate_json(body, strict=True)
    except ValidationError as error:
        found = first_problem(error).at("the document")
        raise ManifestInvalidError(package=package, found=found) from error
    if manifest_bytes(manifest) != body:
        raise ManifestInvalidError(package=package, found="JSON that is not canonical")
    return manifest
