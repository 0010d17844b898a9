"""Where the environment says a broker is, and how to be let in; secrets are named by their file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar, Final

from torghut.access.broker import (
    AUTHORITIES,
    BOOTSTRAP,
    CERTIFICATE,
    KEY,
    MECHANISM,
    MECHANISMS,
    PASSWORD,
    PROTOCOL,
    PROTOCOLS,
    USER,
    BrokerAccess,
    broker_access,
)
from torghut.access.faust import FaustChoices
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.settings import Variable

GUARANTEE: Final = "TORGHUT_FAUST_PROCESSING_GUARANTEE"
WEB: Final = "TORGHUT_FAUST_WEB"

_AT_LEAST_ONCE: Final = "at_least_once"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_PORT_MAX: Final = 65_535

VARIABLES: Final = (
    Variable(
        name=BOOTSTRAP,
        default="none: commands that speak to a broker ask for `--bootstrap`",
        meaning="Addresses of the Kafka brokers to begin with: `host:port`, separated by commas.",
    ),
    Variable(
        name=PROTOCOL,
        default=f"`{PROTOCOLS[0]}`",
        meaning=f"What is spoken there: {', '.join(f'`{one}`' for one in PROTOCOLS)}.",
    ),
    Variable(
        name=AUTHORITIES,
        default="those that the system trusts",
        meaning="File of the certificates (PEM) that vouch for the broker.",
    ),
    Variable(
        name=CERTIFICATE,
        default="none",
        meaning="File of the certificate (PEM) that the client shows.",
    ),
    Variable(
        name=KEY,
        default="in the same file as the certificate",
        meaning="File of that certificate's private key (PEM), without a passphrase.",
    ),
    Variable(
        name=MECHANISM,
        default="`SCRAM-SHA-512`",
        meaning=f"How the name is proven, with SASL: {', '.join(MECHANISMS)}.",
    ),
    Variable(name=USER, default="none", meaning="Name to be let in under, with SASL."),
    Variable(
        name=PASSWORD,
        default="none",
        meaning="File whose only line is the password for it; it is never printed.",
    ),
    Variable(
        name=GUARANTEE,
        default=f"`{_AT_LEAST_ONCE}`",
        meaning="Of a worker on Faust; anything else is refused: the log alone decides once.",
    ),
    Variable(
        name=WEB,
        default="none: Faust serves no pages",
        meaning="Where a worker on Faust shows its pages: `127.0.0.1:PORT`; they ask nobody who "
        "he is, so no other address is taken.",
    ),
)
"""All of them; ``docs/reference/settings.md`` shows them with the others."""


class FaustGuaranteeError(TorghutError):
    """Faust is to process exactly once, which it does not do."""

    code: ClassVar[str] = "settings.faust-guarantee"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, variable: str, found: str) -> None:
        super().__init__(
            f"{variable}: expected {_AT_LEAST_ONCE}, found {found[:80]!r}; unset it: Faust's "
            "exactly_once sends outside its transaction, commits offsets in another one and does "
            "not end when asked to, while here every context is decided once because the log "
            "holds its offset beside its decision"
        )
        self.variable = variable
        self.found = found


class FaustWebError(TorghutError):
    """Faust's pages are to be where others reach them, or nowhere that is an address."""

    code: ClassVar[str] = "settings.faust-web"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"{WEB}: expected HOST:PORT with a host out of {', '.join(_LOOPBACK)}, found "
            f"{found[:80]!r}; Faust's pages ask nobody who he is: /readyz and /metrics at --listen "
            "are for others"
        )
        self.found = found


def named_broker(bootstrap: str | None) -> BrokerAccess:
    """Return where this process's environment says a broker is; no file is opened.

    Args:
        bootstrap: Addresses that come before those of the environment.

    Raises:
        BrokerUnnamedError: Neither says where one is.
        BrokerSettingError: The environment says what cannot be.
    """
    return broker_access(os.environ.get, bootstrap)


def faust_choices(environment: Mapping[str, str] | None = None) -> FaustChoices:
    """Return what the environment says of a worker on Faust.

    Args:
        environment: This process's own if None.

    Raises:
        FaustGuaranteeError: It asks for a guarantee that Faust does not keep; Faust's own
            variable for it counts as well, so that nobody believes in what is not so.
        FaustWebError: Its pages would be where others reach them.
    """
    read = os.environ if environment is None else environment
    for variable in (GUARANTEE, "PROCESSING_GUARANTEE"):
        found = read.get(variable)
        if found and found.strip().lower() != _AT_LEAST_ONCE:
            raise FaustGuaranteeError(variable=variable, found=found)
    return FaustChoices(web=_web(read.get(WEB)))


def _web(found: str | None) -> tuple[str, int] | None:
    """Return the address of this machine alone that a variable names."""
    if not found:
        return None
    host, _, port = found.strip().rpartition(":")
    if host not in _LOOPBACK or not port.isdecimal() or not 0 < int(port) <= _PORT_MAX:
        raise FaustWebError(found=found)
    return host.strip("[]"), int(port)
