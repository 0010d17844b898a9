"""The token file: made for its user alone at the first start, followed while it changes."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from typing_extensions import override

from torghut.adapters.filesystem.writing import FileWriteError
from torghut.kernel.clock import SteadyClock
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.workflows.live.access.tokens import (
    Keyring,
    Role,
    TokenSource,
    parse_tokens,
    secrets_in,
)

_LOOK_NS: Final = 1_000_000_000
"""The file is looked at at most so often."""

_LINE_WORDS: Final = 3
_OTHERS: Final = 0o077
_TOKEN_BYTES: Final = 32
_FILE_BYTES_MAX: Final = 65_536
_HEAD: Final = """\
# Who may use the API: role, name, token, one token a line. Roles: read; report (also reads);
# operate (also reads). Changes hold within seconds. Keep it readable by its owner alone.
"""


class TokenFileUnsafeError(TorghutError):
    """A token file cannot be trusted: it is missing, of another user, or others may use it."""

    code: ClassVar[str] = "filesystem.tokens-unsafe"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, path: Path, found: str) -> None:
        super().__init__(
            f"{path}: expected a file of this user that nobody else may read or write, "
            f"found {found}; correct its owner and mode (chmod 600)"
        )
        self.path = path
        self.found = found


@dataclass(slots=True, kw_only=True)
class TokenFile(TokenSource):
    """The tokens in a file; while it cannot be read and trusted, no token is good.

    Attributes:
        path: Of the file.
        steady: Tells when to look again.
        hide: Told of each token that is read, so that it is never written down.
    """

    path: Path
    steady: SteadyClock
    hide: Callable[[str], None] = lambda _: None
    _keyring: Keyring = field(default_factory=lambda: Keyring(callers=()))
    _as_read: tuple[int, ...] = ()
    _as_seen: tuple[int, ...] = ()
    _looked_ns: int | None = None

    @override
    def keyring(self) -> Keyring:
        now_ns = self.steady.now_ns()
        if self._looked_ns is None or now_ns - self._looked_ns >= _LOOK_NS:
            self._look()
            self._looked_ns = now_ns
        return self._keyring

    def _look(self) -> None:
        """Read the file if it changed since.

        Raises:
            TokenFileUnsafeError: It cannot be trusted.
            TokensMalformedError: It does not say what it should.
        """
        with _opened(self.path) as descriptor:
            found = os.fstat(descriptor)
            _check_safe(self.path, found)
            as_found = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            settled = not self._as_read or as_found == self._as_seen
            self._as_seen = as_found
            if as_found == self._as_read or not settled:
                return  # of a file that is being written, half the tokens would be missing
            self._as_read, self._keyring = (), Keyring(callers=())
            text = os.read(descriptor, _FILE_BYTES_MAX).decode("utf-8", errors="replace")
        for secret in secrets_in(text):
            self.hide(secret)
        self._keyring = parse_tokens(text, str(self.path))
        self._as_read = as_found


def make_tokens(path: Path) -> bool:
    """Write a file of one random token for each role, unless there is one; return whether it did.

    Raises:
        FileWriteError: It cannot be written.
    """
    lines = (f"{role} {role} {secrets.token_urlsafe(_TOKEN_BYTES)}\n" for role in Role)
    body = (_HEAD + "".join(lines)).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _put(path, body)
    except OSError as error:
        raise FileWriteError(path=path, reason=error.strerror or str(error)) from error


def operating_token(path: Path) -> str | None:
    """Return the token that operates out of a service's own file; None where that is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == _LINE_WORDS and words[0] == "operate":
            return words[-1]
    return None


def _put(path: Path, body: bytes) -> bool:
    """Put a file whole where there is none; return whether there was none."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        return False
    finally:
        Path(name).unlink()
    return True


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a file for reading.

    Raises:
        TokenFileUnsafeError: It cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise TokenFileUnsafeError(path=path, found=error.strerror or str(error)) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _check_safe(path: Path, found: os.stat_result) -> None:
    """Go on only with a file that is this user's alone.

    Raises:
        TokenFileUnsafeError: It is not.
    """
    if not stat.S_ISREG(found.st_mode):
        raise TokenFileUnsafeError(path=path, found="something that is no file")
    if found.st_uid != os.geteuid():
        raise TokenFileUnsafeError(path=path, found=f"a file of user {found.st_uid}")
    if found.st_mode & _OTHERS:
        raise TokenFileUnsafeError(
            path=path, found=f"mode {stat.S_IMODE(found.st_mode):o}, open to others"
        )
