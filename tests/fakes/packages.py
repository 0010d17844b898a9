"""Packages in memory, held to the same contract as the folders."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from torghut.artifacts.errors import PackageDigestError, PackageMissingError
from torghut.artifacts.package import Package, PackageReference
from torghut.artifacts.ports import PackageStore


class InMemoryPackageStore(PackageStore):
    """Packages by their short reference."""

    def __init__(self) -> None:
        self._packages: dict[str, Package] = {}

    @override
    def references(self) -> Sequence[PackageReference]:
        return [self._packages[key].reference for key in sorted(self._packages)]

    @override
    def load(self, reference: PackageReference, /) -> Package:
        short = PackageReference(name=reference.name, digest=reference.digest[:12])
        package = self._packages.get(str(short))
        if package is None:
            raise PackageMissingError(reference=str(reference), place="memory")
        if not package.digest.startswith(reference.digest):
            raise PackageDigestError(expected=str(reference), found=package.digest)
        return package

    @override
    def save(self, package: Package, /) -> None:
        kept = self._packages.setdefault(str(package.reference), package)
        if kept.digest != package.digest:
            raise PackageDigestError(expected=package.digest, found=kept.digest)
