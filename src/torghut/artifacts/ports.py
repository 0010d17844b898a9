"""What the core asks of the places that keep packages and other artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torghut.artifacts.package import Package, PackageReference


class PackageStore(Protocol):
    """Packages under their digests: written once, never overwritten, verified at every load."""

    def references(self) -> Sequence[PackageReference]:
        """Return the short references of all packages, sorted; none of them is verified here."""
        ...

    def load(self, reference: PackageReference, /) -> Package:
        """Return the package that ``reference`` names, verified to the last byte.

        Raises:
            PackageMissingError: There is none.
            PackageDigestError: Another package stands in its place.
            ManifestInvalidError: Its manifest is not the one that was written.
            PackageAlteredError: Its files are not exactly those listed.
            PackageStoreError: The place cannot be read.
        """
        ...

    def save(self, package: Package, /) -> None:
        """Keep ``package`` durably and whole, or not at all; once is enough.

        Raises:
            PackageDigestError: Another package already stands in its place.
            ManifestInvalidError: What stands there is no package.
            PackageAlteredError: It already stands there, but altered.
            PackageStoreError: The place cannot be written.
        """
        ...


class ArtifactStore(Protocol):
    """Files below one root, by relative paths with ``/``; nothing leads out of it.

    A reader sees a file as it was or as it is now, never a part of it. No link is followed,
    neither as the file nor as a folder on the way.
    """

    def read(self, path: str, /) -> bytes:
        """Return the bytes of a file.

        Raises:
            ArtifactUnreadableError: There is none, or it is not to be read.
        """
        ...

    def names(self, folder: str, /) -> Sequence[str]:
        """Return the names of the plain files in ``folder``, sorted; none where it is missing.

        Raises:
            ArtifactUnreadableError: It is no folder, or is not to be read.
        """
        ...

    def replace(self, path: str, body: bytes, /) -> None:
        """Put ``body`` there, durably, in place of what there was.

        Raises:
            ArtifactUnwritableError: It cannot be written.
        """
        ...

    def create(self, path: str, body: bytes, /) -> None:
        """Put ``body`` there, durably, where nothing was; the same bytes again change nothing.

        Raises:
            ArtifactExistsError: Another file is there.
            ArtifactUnwritableError: It cannot be written.
        """
        ...
