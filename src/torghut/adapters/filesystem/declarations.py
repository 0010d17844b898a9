"""Reads the declaration folders: opens files and hands their text to the parsers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.declaration_text import (
    declaration_missing,
    load_owners,
    read_declaration,
)
from torghut.decisions.declarations import Declarations, assemble
from torghut.governance.declarations import (
    parse_gate_policies,
    parse_reasoning_policy,
)
from torghut.market.calendars import expand, parse_calendar
from torghut.market.instruments import parse_instrument
from torghut.router.declarations import parse_expert, parse_router_policy

INSTRUMENTS: Final = "streams/instruments"
CALENDARS: Final = "streams/calendars"
EXPERTS: Final = "router/experts"
ROUTER_POLICY: Final = "router/policy.yaml"
GATES: Final = "governance/policies/gates.yaml"
REASONING: Final = "governance/policies/reasoning.yaml"


def load(root: Path) -> Declarations:
    """Return everything declared below ``root``.

    Raises:
        DeclarationError: A file is missing, is no plain YAML, does not fit its model, or
            contradicts another one. The message names file, key, expected and found.
        ZoneUnknownError: A calendar's zone has no data on this machine.
    """
    governance = (
        parse_gate_policies(read_declaration(root, GATES), file=GATES),
        parse_reasoning_policy(read_declaration(root, REASONING), file=REASONING),
        load_owners(root),
    )
    return assemble(
        instruments=[
            parse_instrument(read_declaration(root, file), file=file)
            for file in _files(root, INSTRUMENTS)
        ],
        calendars=[
            expand(parse_calendar(read_declaration(root, file), file=file))
            for file in _files(root, CALENDARS)
        ],
        experts=[
            parse_expert(read_declaration(root, file), file=file) for file in _files(root, EXPERTS)
        ],
        router=parse_router_policy(read_declaration(root, ROUTER_POLICY), file=ROUTER_POLICY),
        governance=governance,
    )


def _files(root: Path, folder: str) -> Sequence[str]:
    """Return the YAML files of ``folder`` below ``root``, sorted, as paths below it."""
    files = sorted(path.name for path in (root / folder).glob("*.yaml"))
    if not files:
        raise declaration_missing(folder, "at least one .yaml file", "none")
    return [f"{folder}/{name}" for name in files]
