"""What can be wrong with packages and with the places that keep them."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class PackageContentError(TorghutError):
    """A package cannot be made of these files: a path, a name or a figure is not allowed."""

    code: ClassVar[str] = "artifacts.content-refused"

    def __init__(self, *, name: str, reason: str) -> None:
        super().__init__(f"package {name!r} cannot be made: {reason}")
        self.name = name
        self.reason = reason


class PackageReferenceError(TorghutError):
    """A text names no package; write ``<name>@<digest>`` with 12 to 64 hexadecimal digits."""

    code: ClassVar[str] = "artifacts.reference-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected <name>@<digest> with 12 to 64 hexadecimal digits, found {found!r}"
        )
        self.found = found


class PackageMissingError(TorghutError):
    """A package that is cited is not where packages are kept."""

    code: ClassVar[str] = "artifacts.package-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, reference: str, place: str) -> None:
        super().__init__(f"expected package {reference} in {place}, found none; restore it there")
        self.reference = reference
        self.place = place


class ManifestInvalidError(TorghutError):
    """A package's manifest is not the canonical manifest that was written."""

    code: ClassVar[str] = "artifacts.manifest-invalid"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, package: str, found: str) -> None:
        super().__init__(
            f"package {package}: expected the canonical manifest that was written, found {found}; "
            "restore the package"
        )
        self.package = package
        self.found = found


class PackageDigestError(TorghutError):
    """A package is sound, but it is another one than was asked for."""

    code: ClassVar[str] = "artifacts.digest-mismatch"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(
            f"expected package {expected}, found {found} in its place; restore the package"
        )
        self.expected = expected
        self.found = found


class PackageAlteredError(TorghutError):
    """A package's files are not exactly those that its manifest lists."""

    code: ClassVar[str] = "artifacts.package-altered"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, package: str, path: str, expected: str, found: str) -> None:
        super().__init__(
            f"package {package}, {path}: expected {expected}, found {found}; restore the package"
        )
        self.package = package
        self.path = path
        self.expected = expected
        self.found = found


class PackageStoreError(TorghutError):
    """The place that keeps packages cannot be read or written now."""

    code: ClassVar[str] = "artifacts.store-unavailable"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, place: str, reason: str) -> None:
        super().__init__(f"packages in {place}: {reason}; make the place readable and writable")
        self.place = place
        self.reason = reason


class ReadFault(StrEnum):
    """Why a file below an artifact root is not to be had."""

    MISSING = "missing"
    OUTSIDE = "outside-root"
    LINKED = "symlink"
    NOT_A_FILE = "not-a-file"
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"


class ArtifactUnreadableError(TorghutError):
    """A file below an artifact root is not there, or not to be read in good faith."""

    code: ClassVar[str] = "artifacts.unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, path: str, fault: ReadFault) -> None:
        super().__init__(f"{path}: expected a plain file below the artifact root, found: {fault}")
        self.path = path
        self.fault = fault


class ArtifactExistsError(TorghutError):
    """A file that is written once is there already, with other bytes."""

    code: ClassVar[str] = "artifacts.exists"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, path: str, expected: str, found: str) -> None:
        super().__init__(
            f"{path}: expected no such file, or sha256 {expected}, found {found}; "
            "it is never overwritten: keep both, and find out who wrote it"
        )
        self.path = path
        self.expected = expected
        self.found = found


class ArtifactUnwritableError(TorghutError):
    """A file below an artifact root cannot be written; what was there before still is."""

    code: ClassVar[str] = "artifacts.unwritable"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, path: str, reason: str) -> None:
        super().__init__(f"{path}: expected to write it below the artifact root, found: {reason}")
        self.path = path
        self.reason = reason


class KeyUnusableError(TorghutError):
    """A file that should hold an Ed25519 key in PEM does not."""

    code: ClassVar[str] = "artifacts.key-unusable"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class EnvelopeMalformedError(TorghutError):
    """A file that should hold a signature is no DSSE envelope."""

    code: ClassVar[str] = "artifacts.envelope-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected a DSSE envelope, found {found}")
        self.found = found
