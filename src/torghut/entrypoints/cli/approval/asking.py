"""What the commands of approvals and promotions share: the office, the keys, amounts and spans."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from torghut.artifacts.signatures import parse_private_key, parse_public_key
from torghut.composition import governing, standby
from torghut.governance.approvals.keyring import keyring_of
from torghut.kernel.errors import TorghutError
from torghut.settings import artifact_dir
from torghut.workflows.approving.manifests import CheckedManifest, checked
from torghut.workflows.approving.office import Office
from torghut.workflows.rollout.places import root_of

_NS: Final = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_SPAN: Final = re.compile(r"([1-9][0-9]{0,6})(s|m|h)", re.ASCII)
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?", re.ASCII)


class _Span(click.ParamType):
    """A span of time such as ``24h``, in nanoseconds."""

    name = "SPAN"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        match = _SPAN.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no span such as 24h, 90m or 30s", param, ctx)
        return int(match[1]) * _NS[match[2]]


class _Amount(click.ParamType):
    """A positive amount of money."""

    name = "AMOUNT"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if not _AMOUNT.fullmatch(str(value)) or not Decimal(str(value)):
            self.fail(f"{value!r} is no positive amount such as 25000 or 0.5", param, ctx)
        return Decimal(str(value))


class KeyType(click.ParamType):
    """Somebody's key by its fingerprint, read from a file or given as 64 digits."""

    name = "key"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value)
        if _FINGERPRINT.fullmatch(text):
            return text
        try:
            return parse_public_key(Path(text).read_bytes()).fingerprint
        except (OSError, TorghutError):
            self.fail(f"{text!r} is no public key in a file, nor 64 hexadecimal digits", param, ctx)


SPAN: Final = _Span()
AMOUNT: Final = _Amount()

key_option: Final = click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Your private key, Ed25519 in PEM, whose public one is declared in owners.yaml.",
)
"""The command's parameter is ``key``."""

reason_option: Final = click.option("--reason", required=True, help="Why; it goes on record.")
"""The command's parameter is ``reason``."""


def office(by: str) -> Office:
    """Return where this installation puts approvals and promotions on record, by a command."""
    return Office(
        events=governing.governance_events(artifact_dir()),
        keyring=keyring_of(governing.owners()),
        safety=governing.governing_policies().safety,
        wall=standby.wall_clock(),
        by=by,
    )


def read_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in a file."""
    return parse_private_key(path.read_bytes())


def read_checked(place: Office, path: Path, root: Path | None) -> CheckedManifest:
    """Return the manifest at ``path``, verified with all that it cites.

    Args:
        place: Says which keys are schedulers'.
        path: Of the manifest.
        root: The artifact root that it cites from; by default where it lies.

    Raises:
        ArtifactUnreadableError: It is not there, or no plain file.
        ManifestRefusedError: It does not hold together.
    """
    beside = standby.artifact_root(path.absolute().parent)
    return checked(
        beside.read(path.name),
        standby.artifact_root(root or root_of(path.absolute())),
        beside,
        path.name,
        keyring=place.keyring,
        now_ns=standby.wall_clock().now_ns(),
    )
