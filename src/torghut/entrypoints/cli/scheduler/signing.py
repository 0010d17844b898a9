"""The key that governance signs with, and a word about it where nobody would know it."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.signatures import fingerprint, parse_private_key
from torghut.composition import governing
from torghut.entrypoints.cli.console import shown
from torghut.governance.approvals.keyring import keyring_of
from torghut.kernel.errors import TorghutError


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file, and say so on stderr where no scheduler is declared by it.

    It is taken all the same: it may be declared later, and what is signed counts from then on.

    Raises:
        KeyUnusableError: The file holds none.
    """
    key = parse_private_key(path.read_bytes())
    own = fingerprint(key.public_key())
    try:
        declared = {one.fingerprint for one in keyring_of(governing.owners()).schedulers}
    except TorghutError as error:
        click.echo(
            f"{shown(path)}: who is declared cannot be told: {error.code}: {error}", err=True
        )
        return key
    if own not in declared:
        asking = f"torghut key fingerprint {shlex.quote(shown(path))} --role scheduler"
        click.echo(
            f"{shown(path)}: governance/owners.yaml declares no scheduler with this key, so what "
            f"it signs speaks for nobody; `{asking}` prints what to declare",
            err=True,
        )
    return key
