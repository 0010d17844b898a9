"""Packages as folders ``<name>@<first 12 digits>``, each with its manifest and its files."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from typing_extensions import override

from torghut.adapters.filesystem.writing import sync_folder
from torghut.artifacts.errors import (
    PackageAlteredError,
    PackageDigestError,
    PackageMissingError,
    PackageReferenceError,
    PackageStoreError,
)
from torghut.artifacts.manifest import manifest_bytes, read_manifest
from torghut.artifacts.package import (
    SHORT_DIGEST,
    Package,
    PackageReference,
    StoredFile,
    file_mode,
    parse_reference,
    verify_package,
)
from torghut.artifacts.ports import PackageStore
from torghut.kernel.digests import sha256_hex
from torghut.schemas.package import MANIFEST_NAME, PackageFile

_MANIFEST_BYTES_MAX: Final = 1 << 20
_MANIFEST_MODE: Final = "0644"
_INCOMING: Final = ".incoming-"


class FolderPackageStore(PackageStore):
    """Packages below one folder, such as ``router/baselines``.

    Args:
        root: The folder; made when the first package is saved.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @override
    def references(self) -> Sequence[PackageReference]:
        with self._translated():
            names = [path.name for path in self._root.iterdir()] if self._root.exists() else []
        found = []
        for name in sorted(names):
            with contextlib.suppress(PackageReferenceError):
                found.append(parse_reference(name))
        return found

    @override
    def load(self, reference: PackageReference, /) -> Package:
        folder = self._folder(reference)
        with self._translated():
            if not _is_folder(folder):
                raise PackageMissingError(reference=str(reference), place=str(self._root))
            package = _read(folder, reference)
        if package.name != reference.name:
            raise PackageDigestError(expected=str(reference), found=str(package.reference))
        return package

    @override
    def save(self, package: Package, /) -> None:
        folder = self._folder(package.reference)
        with self._translated():
            self._root.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(folder):
                _write(folder, package)
        kept = self.load(package.reference)
        if kept.digest != package.digest:
            raise PackageDigestError(expected=package.digest, found=kept.digest)

    def _folder(self, reference: PackageReference) -> Path:
        """Return where the package is kept."""
        return self._root / f"{reference.name}@{reference.digest[:SHORT_DIGEST]}"

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn an operating system's error into the port's."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise PackageStoreError(place=str(self._root), reason=reason) from error


def _is_folder(path: Path) -> bool:
    """Say whether ``path`` is a folder itself, not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _read(folder: Path, reference: PackageReference) -> Package:
    """Return the package in ``folder``, having read nothing that its manifest does not list."""
    body = _read_manifest(folder, reference)
    digest = sha256_hex(body)
    if not digest.startswith(reference.digest):
        raise PackageDigestError(expected=str(reference), found=digest)
    listed = {file.path: file for file in read_manifest(body).files}
    found = {
        path: _read_listed(folder, path, listed, reference)
        for path in _paths(folder, reference, set(_folders(listed)))
        if path != MANIFEST_NAME
    }
    return verify_package(body, found, digest=digest)


def _read_manifest(folder: Path, reference: PackageReference) -> bytes:
    """Return the manifest's bytes, if it is a plain file of a size that manifests have."""
    try:
        found = (folder / MANIFEST_NAME).lstat()
    except FileNotFoundError:
        raise _altered(reference, MANIFEST_NAME, "the manifest", "none") from None
    if not stat.S_ISREG(found.st_mode):
        raise _altered(reference, MANIFEST_NAME, "a plain file", _kind(found.st_mode))
    if file_mode(found.st_mode & 0o7777) != _MANIFEST_MODE:
        raise _altered(reference, MANIFEST_NAME, f"mode {_MANIFEST_MODE}", oct(found.st_mode))
    if found.st_size > _MANIFEST_BYTES_MAX:
        expected = f"at most {_MANIFEST_BYTES_MAX} bytes"
        raise _altered(reference, MANIFEST_NAME, expected, f"{found.st_size}")
    return _read_file(folder / MANIFEST_NAME, _MANIFEST_BYTES_MAX)[0]


def _read_listed(
    folder: Path, path: str, listed: dict[str, PackageFile], reference: PackageReference
) -> StoredFile:
    """Return the file at ``path``, unless it is not listed or not as long as listed."""
    file = listed.get(path)
    if file is None:
        raise _altered(reference, path, "only files that are listed", "another one")
    body, found = _read_file(folder / path, file.size)
    if found.st_size != file.size:
        raise _altered(reference, path, f"{file.size} bytes", f"{found.st_size}")
    return StoredFile(body=body, mode=file_mode(found.st_mode & 0o7777))


def _read_file(path: Path, size_max: int) -> tuple[bytes, os.stat_result]:
    """Return what a file says of itself, and its first ``size_max`` bytes; no link is followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        return file.read(size_max), os.fstat(descriptor)


def _paths(folder: Path, reference: PackageReference, allowed: set[str]) -> Iterator[str]:
    """Yield every regular file below ``folder``, and refuse whatever else is there."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(folder / below) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = f"{below}/{entry.name}".lstrip("/")
                kind = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISREG(kind):
                    yield path
                elif stat.S_ISDIR(kind) and path in allowed:
                    waiting.append(path)
                else:
                    raise _altered(reference, path, "only files that are listed", _kind(kind))


def _folders(paths: dict[str, PackageFile]) -> Iterator[str]:
    """Yield every folder that the listed files stand in."""
    for path in paths:
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            yield "/".join(parts[:depth])


def _kind(mode: int) -> str:
    """Return what is neither a listed file nor a folder of one, in words."""
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "another folder" if stat.S_ISDIR(mode) else "a device, socket or pipe"


def _altered(
    reference: PackageReference, path: str, expected: str, found: str
) -> PackageAlteredError:
    """Return the refusal of what stands at ``path``."""
    return PackageAlteredError(package=str(reference), path=path, expected=expected, found=found)


def _write(folder: Path, package: Package) -> None:
    """Write ``package`` beside ``folder`` and put it there in one step, durably.

    A rename onto a folder that another writer has put there meanwhile changes nothing.
    """
    incoming = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=folder.parent))
    try:
        incoming.chmod(0o755)
        modes = {file.path: int(file.mode, 8) for file in package.manifest.files}
        for path, content in package.files.items():
            _write_file(incoming / path, content, modes[path])
        _write_file(
            incoming / MANIFEST_NAME, manifest_bytes(package.manifest), int(_MANIFEST_MODE, 8)
        )
        for below, _, _ in os.walk(incoming):
            sync_folder(Path(below))
        with contextlib.suppress(FileExistsError):
            _rename(incoming, folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _rename(incoming: Path, folder: Path) -> None:
    """Rename a folder, telling a place that is taken from other failures.

    Raises:
        FileExistsError: A package stands there already.
    """
    try:
        incoming.rename(folder)
    except OSError as error:
        if folder.is_dir():
            raise FileExistsError(error.errno, error.strerror, str(folder)) from error
        raise


def _write_file(path: Path, body: bytes, permissions: int) -> None:
    """Write a new file and make it durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(body)
        file.flush()
        os.fchmod(file.fileno(), permissions)
        os.fsync(file.fileno())
