"""Where a broker is and how to be let in; a secret is named by its file and never held here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, TypeVar, get_args

from torghut.kernel.errors import ExitCode, TorghutError

Protocol = Literal["plaintext", "ssl", "sasl-plaintext", "sasl-ssl"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

ChosenT = TypeVar("ChosenT", bound=str)

BOOTSTRAP: Final = "TORGHUT_KAFKA_BOOTSTRAP"
PROTOCOL: Final = "TORGHUT_KAFKA_PROTOCOL"
AUTHORITIES: Final = "TORGHUT_KAFKA_AUTHORITIES_FILE"
CERTIFICATE: Final = "TORGHUT_KAFKA_CERTIFICATE_FILE"
KEY: Final = "TORGHUT_KAFKA_KEY_FILE"
MECHANISM: Final = "TORGHUT_KAFKA_MECHANISM"
USER: Final = "TORGHUT_KAFKA_USER"
PASSWORD: Final = "TORGHUT_KAFKA_PASSWORD_FILE"  # noqa: S105 - the name of a variable

PROTOCOLS: Final[tuple[Protocol, ...]] = get_args(Protocol)
MECHANISMS: Final[tuple[Mechanism, ...]] = get_args(Mechanism)


class BrokerUnnamedError(TorghutError):
    """A broker is to be spoken to, and nobody says where one is."""

    code: ClassVar[str] = "access.broker-unnamed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            f"expected the address of a broker, found none; give --bootstrap HOST:PORT or set "
            f"{BOOTSTRAP}; `make kafka` runs one here"
        )


class BrokerSettingError(TorghutError):
    """A variable about the broker is set to something that it cannot be."""

    code: ClassVar[str] = "access.broker-setting"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, variable: str, expected: tuple[str, ...], found: str) -> None:
        super().__init__(
            f"{variable}: expected one of {', '.join(expected)}, found {found[:80]!r}; "
            "correct it or unset it"
        )
        self.variable = variable
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccess:
    """How to reach a broker.

    Attributes:
        bootstrap: Addresses, host:port, separated by commas.
        protocol: What is spoken there.
        authorities: File of the certificates that vouch for it; None: the system's own.
        certificate: File of our certificate, where it wants one.
        key: File of that certificate's private key.
        mechanism: How our name is proven, where one is wanted.
        user: Our name.
        password_file: File that holds the password, which is its only line.
    """

    bootstrap: str
    protocol: Protocol = "plaintext"
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str = ""
    password_file: Path | None = None


def broker_access(
    variable: Callable[[str], str | None], bootstrap: str | None = None
) -> BrokerAccess:
    """Return where a broker is and how to be let in; no file is opened.

    Args:
        variable: Returns one of the environment; None where it is not set.
        bootstrap: Addresses that come before those of the environment.

    Raises:
        BrokerUnnamedError: Neither says where one is.
        BrokerSettingError: The environment says what cannot be.
    """
    addresses = bootstrap or variable(BOOTSTRAP)
    if not addresses:
        raise BrokerUnnamedError
    return BrokerAccess(
        bootstrap=addresses,
        protocol=_chosen(PROTOCOL, variable(PROTOCOL), PROTOCOLS, PROTOCOLS[0]),
        authorities=_file(variable(AUTHORITIES)),
        certificate=_file(variable(CERTIFICATE)),
        key=_file(variable(KEY)),
        mechanism=_chosen(MECHANISM, variable(MECHANISM), MECHANISMS, "SCRAM-SHA-512"),
        user=variable(USER) or "",
        password_file=_file(variable(PASSWORD)),
    )


def _chosen(
    name: str, found: str | None, among: tuple[ChosenT, ...], otherwise: ChosenT
) -> ChosenT:
    """Return the one of ``among`` that a variable names."""
    if not found:
        return otherwise
    for one in among:
        if one.lower() == found.strip().lower():
            return one
    raise BrokerSettingError(variable=name, expected=among, found=found)


def _file(found: str | None) -> Path | None:
    """Return the file that a variable names; None where it names none."""
    return Path(found).absolute() if found else None
