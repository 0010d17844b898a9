"""``torghut key``: make a pair of keys, and say what to declare of one."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final, get_args

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from torghut.artifacts.errors import KeyUnusableError
from torghut.artifacts.signatures import (
    fingerprint as fingerprint_of,
)
from torghut.artifacts.signatures import (
    parse_private_key,
    parse_public_key,
    raw_bytes,
)
from torghut.composition import governing
from torghut.entrypoints.cli.console import json_option, print_json
from torghut.kernel.errors import ExitCode
from torghut.schemas.declarations.governance import KeyRole

__all__ = ["fingerprint", "new"]

_ROLES: Final[tuple[KeyRole, ...]] = get_args(KeyRole)
_role_option = click.option(
    "--role", type=click.Choice(_ROLES), default="production", show_default=True, help="It acts in."
)


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@_role_option
@json_option
def new(path: Path, *, role: str, as_json: bool) -> ExitCode:
    """Make a pair of Ed25519 keys: the private one in PATH, the public one in PATH.pub.

    Only this user may read the private one. Neither file is ever overwritten. What is printed goes
    into governance/owners.yaml, below `keys:`.
    """
    _print(governing.new_key_file(path), role, as_json=as_json)
    return ExitCode.YES


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_role_option
@json_option
def fingerprint(path: Path, *, role: str, as_json: bool) -> ExitCode:
    """Say what to declare of the Ed25519 key in PATH, private or public, in PEM."""
    body = path.read_bytes()
    try:
        public = parse_public_key(body).key
    except KeyUnusableError:
        public = parse_private_key(body).public_key()
    _print(public, role, as_json=as_json)
    return ExitCode.YES


def _print(key: Ed25519PublicKey, role: str, *, as_json: bool) -> None:
    """Print a key as it is declared."""
    entry = {
        "role": role,
        "fingerprint": fingerprint_of(key),
        "public_key": base64.b64encode(raw_bytes(key)).decode("ascii"),
    }
    if as_json:
        print_json({**entry})
        return
    first, *others = (f"{name}: {value}" for name, value in entry.items())
    click.echo("\n".join([f"  - {first}", *(f"    {line}" for line in others)]))
