"""Reads the declaration folders: opens files and hands their text to the parsers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from torghut.decisions.declarations import Declarations, assemble
from torghut.governance.declarations import (
    parse_gate_policies,
    parse_owners,
    parse_reasoning_policy,
)
from torghut.market.calendars import expand, parse_calendar
from torghut.market.instruments import parse_instrument
from torghut.router.declarations import parse_expert, parse_router_policy
from torghut.schemas.declarations.errors import DeclarationMissingError, Problem

INSTRUMENTS: Final = "streams/instruments"
CALENDARS: Final = "streams/calendars"
EXPERTS: Final = "router/experts"
ROUTER_POLICY: Final = "router/policy.yaml"
GATES: Final = "governance/policies/gates.yaml"
REASONING: Final = "governance/policies/reasoning.yaml"
OWNERS: Final = "governance/owners.yaml"

_BYTES_MAX: Final = 1 << 20


def load(root: Path) -> Declarations:
    """Return everything declared below ``root``.

    Raises:
        DeclarationError: A file is missing, is no plain YAML, does not fit its model, or
            contradicts another one. The message names file, key, expected and found.
        ZoneUnknownError: A calendar's zone has no data on this machine.
    """
    governance = (
        parse_gate_policies(_read(root, GATES), file=GATES),
        parse_reasoning_policy(_read(root, REASONING), file=REASONING),
        parse_owners(_read(root, OWNERS), file=OWNERS),
    )
    return assemble(
        instruments=[
            parse_instrument(_read(root, file), file=file) for file in _files(root, INSTRUMENTS)
        ],
        calendars=[
            expand(parse_calendar(_read(root, file), file=file)) for file in _files(root, CALENDARS)
        ],
        experts=[parse_expert(_read(root, file), file=file) for file in _files(root, EXPERTS)],
        router=parse_router_policy(_read(root, ROUTER_POLICY), file=ROUTER_POLICY),
        governance=governance,
    )


def _files(root: Path, folder: str) -> Sequence[str]:
    """Return the YAML files of ``folder`` below ``root``, sorted, as paths below it."""
    files = sorted(path.name for path in (root / folder).glob("*.yaml"))
    if not files:
        raise _missing(folder, "at least one .yaml file", "none")
    return [f"{folder}/{name}" for name in files]


def _read(root: Path, file: str) -> str:
    """Return the text of ``file`` below ``root``."""
    try:
        body = (root / file).read_bytes()
        if len(body) > _BYTES_MAX:
            raise _missing(file, f"at most {_BYTES_MAX} bytes", str(len(body)))
        return body.decode("utf-8")
    except OSError as error:
        raise _missing(file, "a file that can be read", error.strerror or "none") from error
    except UnicodeDecodeError as error:
        raise _missing(file, "UTF-8", f"byte {error.start} that is none") from error


def _missing(file: str, expected: str, found: str) -> DeclarationMissingError:
    """Return the refusal of a file or folder that is not there or cannot be read."""
    problem = Problem(
        key="the file",
        expected=expected,
        found=found,
        advice="restore it, or point TORGHUT_DECLARATIONS_DIR at a folder that has it",
    )
    return DeclarationMissingError(file=file, problems=[problem])
