"""A new pair of keys as files: the private one its user's alone, and neither in another's place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from torghut.adapters.filesystem.writing import FileWriteError, sync_folder
from torghut.kernel.errors import ExitCode, TorghutError


class KeyFileExistsError(TorghutError):
    """A file is where a key was to be put; none is overwritten, for it may be the only copy."""

    code: ClassVar[str] = "filesystem.key-exists"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, path: Path) -> None:
        super().__init__(f"{path}: expected no file, found one; name another place")
        self.path = path


def new_key_file(path: Path) -> Ed25519PublicKey:
    """Make a pair of keys, write it to ``path`` and ``<path>.pub``, and return the public one.

    Raises:
        KeyFileExistsError: One of the files is there already.
        FileWriteError: They cannot be written.
    """
    public_path = path.with_name(path.name + ".pub")
    key = Ed25519PrivateKey.generate()
    public = key.public_key()
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if public_path.exists():
        raise KeyFileExistsError(path=public_path)
    _create(path, private_pem, 0o600)
    _create(public_path, public_pem, 0o644)
    return public


def _create(path: Path, body: bytes, mode: int) -> None:
    """Write a new file durably; it is never readable by more than ``mode`` says."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(_made(path, mode), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        raise FileWriteError(path=path, reason=error.strerror or str(error)) from error


def _made(path: Path, mode: int) -> int:
    """Return a descriptor of a file that was not there before.

    Raises:
        KeyFileExistsError: It was.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, mode)
    except FileExistsError as error:
        raise KeyFileExistsError(path=path) from error
