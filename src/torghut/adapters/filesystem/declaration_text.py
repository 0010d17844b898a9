"""The text of one declaration; and those that are of use without all the others."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from torghut.governance.declarations import parse_live_policy, parse_owners
from torghut.schemas.declarations.errors import DeclarationMissingError, Problem
from torghut.schemas.declarations.governance import Owners
from torghut.schemas.declarations.live import LivePolicy

LIVE: Final = "governance/policies/live.yaml"
OWNERS: Final = "governance/owners.yaml"

_BYTES_MAX: Final = 1 << 20


def load_live_policy(root: Path) -> LivePolicy:
    """Return what the live service is declared below ``root`` to be bound by.

    Raises:
        DeclarationError: The file is missing, is no plain YAML, or does not fit its model.
    """
    return parse_live_policy(read_declaration(root, LIVE), file=LIVE)


def load_owners(root: Path) -> Owners:
    """Return the roles declared below ``root``, and the keys that act in them.

    Raises:
        DeclarationError: The file is missing, is no plain YAML, or does not fit its model.
    """
    return parse_owners(read_declaration(root, OWNERS), file=OWNERS)


def read_declaration(root: Path, file: str) -> str:
    """Return the text of ``file`` below ``root``.

    Raises:
        DeclarationMissingError: It is not there or cannot be read.
    """
    try:
        body = (root / file).read_bytes()
        if len(body) > _BYTES_MAX:
            raise declaration_missing(file, f"at most {_BYTES_MAX} bytes", str(len(body)))
        return body.decode("utf-8")
    except OSError as error:
        raise declaration_missing(
            file, "a file that can be read", error.strerror or "none"
        ) from error
    except UnicodeDecodeError as error:
        raise declaration_missing(file, "UTF-8", f"byte {error.start} that is none") from error


def declaration_missing(file: str, expected: str, found: str) -> DeclarationMissingError:
    """Return the refusal of a file or folder that is not there or cannot be read."""
    problem = Problem(
        key="the file",
        expected=expected,
        found=found,
        advice="restore it, or point TORGHUT_DECLARATIONS_DIR at a folder that has it",
    )
    return DeclarationMissingError(file=file, problems=[problem])
