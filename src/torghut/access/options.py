"""How a client proves who it is, and who vouches for the broker; secrets are read from files."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, TypedDict

from torghut.access.broker import AUTHORITIES, CERTIFICATE, PASSWORD, USER, BrokerAccess
from torghut.kernel.errors import ExitCode, TorghutError

_BYTES_MAX: Final = 64 << 10


class AccessFileError(TorghutError):
    """A certificate, key or password is not in the file that was named for it."""

    code: ClassVar[str] = "access.file"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, variable: str, file: Path | None, expected: str, found: str) -> None:
        super().__init__(
            f"{variable}: {file or 'the system'}: expected {expected}, found {found}; "
            "name the right file"
        )
        self.variable = variable
        self.file = file
        self.expected = expected
        self.found = found


class AccessIncompleteError(TorghutError):
    """A broker asks for a name and a password, and not both were given."""

    code: ClassVar[str] = "access.incomplete"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, protocol: str, missing: str) -> None:
        super().__init__(
            f"{protocol}: expected user and password file, found no {missing}; "
            f"set {USER} and {PASSWORD}"
        )
        self.protocol = protocol
        self.missing = missing


class ClientOptions(TypedDict):
    """What every client of aiokafka is told of a broker, by its own names."""

    bootstrap_servers: str
    security_protocol: str
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None


KEPT_ONCE: Final[Mapping[str, object]] = MappingProxyType(
    {"acks": "all", "enable_idempotence": True}
)
"""What every producer of aiokafka is told, by its own names: a record counts once all copies in
step have it, and stands there once however often it is sent. Whoever sends relies on both."""


@dataclass(frozen=True, slots=True)
class _Login:
    """A name and its password, which no message and no rendering ever shows."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)


def client_options(access: BrokerAccess) -> ClientOptions:
    """Return what a client is told, with the files of ``access`` read.

    Raises:
        AccessFileError: One of them cannot be read, or is not what it should be.
        AccessIncompleteError: Name or password is wanted and was not given.
    """
    login = _login(access)
    return ClientOptions(
        bootstrap_servers=access.bootstrap,
        security_protocol=access.protocol.upper().replace("-", "_"),
        ssl_context=_tls(access) if access.protocol.endswith("ssl") else None,
        sasl_mechanism=access.mechanism,
        sasl_plain_username=login.user,
        sasl_plain_password=login.password,
    )


def _login(access: BrokerAccess) -> _Login:
    """Return name and password where the protocol wants them."""
    if not access.protocol.startswith("sasl"):
        return _Login()
    if not access.user or access.password_file is None:
        missing = "password file" if access.user else "user"
        raise AccessIncompleteError(protocol=access.protocol, missing=missing)
    return _Login(access.user, _only_line(access.password_file))


def _only_line(file: Path) -> str:
    """Return the one line of a file."""
    refused = partial(
        AccessFileError, variable=PASSWORD, file=file, expected="one line that is not empty"
    )
    try:
        with file.open("rb") as opened:
            lines = opened.read(_BYTES_MAX).decode("utf-8").splitlines()
    except OSError as error:
        raise refused(found=_why(error)) from error
    except UnicodeDecodeError as error:
        raise refused(found="no UTF-8") from error
    if len(lines) != 1 or not lines[0]:
        raise refused(found=f"{len(lines)} lines")
    return lines[0]


def _tls(access: BrokerAccess) -> ssl.SSLContext:
    """Return what a TLS connection is made with; the broker's name is always checked."""
    try:
        context = ssl.create_default_context(cafile=access.authorities)
    except OSError as error:  # what is no certificate is told so too
        raise AccessFileError(
            variable=AUTHORITIES,
            file=access.authorities,
            expected="certificates, PEM",
            found=_why(error),
        ) from error
    if access.certificate is not None:
        expected = "a certificate and its key, PEM, without a passphrase"
        try:
            # A passphrase would be asked for on the terminal; an empty one is simply wrong.
            context.load_cert_chain(access.certificate, access.key, password="")
        except OSError as error:
            raise AccessFileError(
                variable=CERTIFICATE, file=access.certificate, expected=expected, found=_why(error)
            ) from error
    return context


def _why(error: OSError) -> str:
    """Return what the system says, without anything out of the file."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "nothing of the kind"
    return error.strerror or type(error).__name__
