"""Where a database is, with the password kept apart so that no message can ever say it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from torghut.kernel.errors import ExitCode, TorghutError

SCHEMES: Final = ("postgresql", "postgres")
DATABASE_URL: Final = "TORGHUT_DATABASE_URL"
PASSWORD_FILE: Final = "TORGHUT_DATABASE_PASSWORD_FILE"  # noqa: S105 -- a name


class AddressInvalidError(TorghutError):
    """The text is no address of a database; what it says is not repeated, it may hold a secret."""

    code: ClassVar[str] = "postgres.address-invalid"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected postgresql://user@host:port/database, found {found}; "
            "the password comes from the environment or a file"
        )
        self.found = found


class PasswordUnreadableError(TorghutError):
    """The file that is to hold the database's password cannot be read."""

    code: ClassVar[str] = "postgres.password-unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, path: str) -> None:
        super().__init__(
            f"expected a file that holds the database's password, found {path}, which cannot be "
            f"read; correct {PASSWORD_FILE} or unset it"
        )
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A database.

    Attributes:
        dsn: Its address without a password, as the driver reads it; may be shown.
        password: To be used; None for the driver's own ways: a password file, or none at all.
    """

    dsn: str
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return the address as one would type it."""
        return self.dsn

    @property
    def name(self) -> str:
        """Return the database's name."""
        return unquote(urlsplit(self.dsn).path.lstrip("/"))

    def hidden(self, text: str) -> str:
        """Return ``text`` without the password, wherever it may have come from."""
        return text.replace(self.password, "***") if self.password else text


def parse_address(text: str, *, password: str | None = None) -> Address:
    """Return the address that ``text`` writes.

    Args:
        text: As people type it.
        password: Takes precedence over one in ``text``.

    Raises:
        AddressInvalidError: It is none.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressInvalidError(found="a malformed address") from error
    if parts.scheme not in SCHEMES:
        raise AddressInvalidError(found="another scheme")
    if not parts.path.strip("/"):
        raise AddressInvalidError(found="no name of a database")
    query = parse_qsl(parts.query, keep_blank_values=True)
    inside = [value for name, value in query if name == "password"]
    kept = urlencode([pair for pair in query if pair[0] != "password"], quote_via=quote, safe="/")
    user = f"{quote(unquote(parts.username), safe='')}@" if parts.username else ""
    place = f"[{host}]" if host and ":" in host else host or ""
    written = f"{user}{place}{f':{port}' if port else ''}"
    given = parts.password if parts.password is None else unquote(parts.password)
    return Address(
        dsn=urlunsplit(("postgresql", written, parts.path, kept, "")),
        password=password or given or (inside[0] if inside else None),
    )


def with_password(address: Address) -> Address:
    """Return ``address`` with the password that this process's environment has for it.

    Raises:
        AddressInvalidError: The environment's own address is none.
        PasswordUnreadableError: The file that is to hold the password cannot be read.
    """
    named = os.environ.get(PASSWORD_FILE)
    if named:
        return replace(address, password=_password_in(Path(named)))
    known = os.environ.get(DATABASE_URL)
    kept = parse_address(known) if known else None
    return replace(address, password=kept.password) if kept and kept.dsn == address.dsn else address


def _password_in(path: Path) -> str:
    """Return the password that a file holds.

    Raises:
        PasswordUnreadableError: The file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PasswordUnreadableError(path=str(path)) from error
