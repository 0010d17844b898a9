"""Where a broker is and how to be let in; a secret is named by its file and never held here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Protocol = Literal["plaintext", "ssl", "sasl-plaintext", "sasl-ssl"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FaustChoices:
    """What may be chosen of a worker on Faust.

    Attributes:
        web: Where Faust's own pages are, host and port; None for none.
    """

    web: tuple[str, int] | None = None
