"""How a trading loop is let in by brokers: the same variables as every command of the service."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, TypedDict

from torghut.kernel.errors import ExitCode, TorghutError

PROTOCOL: Final = "TORGHUT_KAFKA_PROTOCOL"
AUTHORITIES: Final = "TORGHUT_KAFKA_AUTHORITIES_FILE"
CERTIFICATE: Final = "TORGHUT_KAFKA_CERTIFICATE_FILE"
KEY: Final = "TORGHUT_KAFKA_KEY_FILE"
MECHANISM: Final = "TORGHUT_KAFKA_MECHANISM"
USER: Final = "TORGHUT_KAFKA_USER"
PASSWORD: Final = "TORGHUT_KAFKA_PASSWORD_FILE"  # noqa: S105 - the name of a variable

_PROTOCOLS: Final = ("plaintext", "ssl", "sasl-plaintext", "sasl-ssl")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_BYTES_MAX: Final = 65_536


class BrokerAccessError(TorghutError):
    """What lets in at a broker is not what its variable promises."""

    code: ClassVar[str] = "client.broker-access"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, variable: str, expected: str, found: str) -> None:
        super().__init__(f"{variable}: expected {expected}, found {found}; correct it or unset it")
        self.variable = variable


class Options(TypedDict):
    """What every client of aiokafka is told of a broker, by its own names."""

    bootstrap_servers: str
    security_protocol: str
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Brokers, and the environment that says how they are spoken to.

    Attributes:
        brokers: host:port, separated by commas.
        variable: Returns one of the environment; None where it is not set.
    """

    brokers: str
    variable: Callable[[str], str | None]

    def options(self) -> Options:
        """Return what a client is told; files are read anew each time.

        Raises:
            BrokerAccessError: A variable or its file is not what it should be.
        """
        protocol = self._chosen(PROTOCOL, _PROTOCOLS, "plaintext")
        named = protocol.startswith("sasl")
        return Options(
            bootstrap_servers=self.brokers,
            security_protocol=protocol.upper().replace("-", "_"),
            ssl_context=self._tls() if protocol.endswith("ssl") else None,
            sasl_mechanism=self._chosen(MECHANISM, _MECHANISMS, "SCRAM-SHA-512"),
            sasl_plain_username=self._user() if named else None,
            sasl_plain_password=self._password() if named else None,
        )

    def _chosen(self, variable: str, among: tuple[str, ...], otherwise: str) -> str:
        """Return the one of ``among`` that a variable names."""
        found = (self.variable(variable) or otherwise).strip()
        for one in among:
            if one.lower() == found.lower():
                return one
        raise BrokerAccessError(
            variable=variable, expected=f"one of {', '.join(among)}", found=repr(found[:80])
        )

    def _user(self) -> str:
        """Return under which name we are let in."""
        if user := self.variable(USER):
            return user
        raise BrokerAccessError(variable=USER, expected="a name", found="none")

    def _password(self) -> str:
        """Return the only line of the file of the password."""
        expected = "a file with one line that is not empty"
        try:
            with self._file(PASSWORD, expected).open("rb") as file:
                lines = file.read(_BYTES_MAX).decode().splitlines()
        except OSError as error:
            found = error.strerror or "none"
            raise BrokerAccessError(variable=PASSWORD, expected=expected, found=found) from error
        except UnicodeDecodeError as error:
            found = "no UTF-8"
            raise BrokerAccessError(variable=PASSWORD, expected=expected, found=found) from error
        if len(lines) != 1 or not lines[0]:
            found = f"{len(lines)} lines"
            raise BrokerAccessError(variable=PASSWORD, expected=expected, found=found)
        return lines[0]

    def _file(self, variable: str, expected: str) -> Path:
        """Return the file that a variable names."""
        if found := self.variable(variable):
            return Path(found)
        raise BrokerAccessError(variable=variable, expected=expected, found="none")

    def _tls(self) -> ssl.SSLContext:
        """Return what a TLS connection is made with; the broker's name is always checked."""
        get = self.variable
        try:
            context = ssl.create_default_context(cafile=get(AUTHORITIES))
        except OSError as error:  # what is no certificate is told so too
            found = _why(error)
            raise BrokerAccessError(
                variable=AUTHORITIES, expected="a file of certificates, PEM", found=found
            ) from error
        if certificate := get(CERTIFICATE):
            try:
                # A passphrase would be asked for on the terminal; an empty one is simply wrong.
                context.load_cert_chain(certificate, get(KEY), password="")
            except OSError as error:
                raise BrokerAccessError(
                    variable=CERTIFICATE,
                    expected="a file of a certificate and its key, PEM, without a passphrase",
                    found=_why(error),
                ) from error
        return context


def _why(error: OSError) -> str:
    """Return what the system says, without anything out of the file."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "nothing of the kind"
    return error.strerror or type(error).__name__
