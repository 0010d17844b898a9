"""What can be wrong with packages and with the places that keep them."""

from __future__ import annotations

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
