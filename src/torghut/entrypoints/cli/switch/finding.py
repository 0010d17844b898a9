"""Which incident is meant: by the beginning of its name, or by the switch that was thrown last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Final

import click

from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.workflows.live.switch_ports import SWITCH_NAMES
from torghut.workflows.switches.incidents import IncidentUnreadableError, read_incident

_FILE: Final = re.compile(r"(switch-[0-9a-f]{64})\.0\.json")

incident_argument: Final = click.argument("incident", metavar="INCIDENT")
"""The argument INCIDENT."""


class IncidentUnknownError(TorghutError):
    """No incident, or more than one, is meant."""

    code: ClassVar[str] = "switch.incident-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, asked: str, found: Sequence[str]) -> None:
        super().__init__(
            f"{asked}: expected a switch that was thrown, or the beginning of one incident's "
            f"name, found {', '.join(found) or 'none'}; the files stand in incidents/ below the "
            "artifact folder"
        )
        self.asked = asked
        self.found = found


def incident_named(asked: str, files: Sequence[str], store: ArtifactStore) -> str:
    """Return the name of the incident that is meant.

    Args:
        asked: A switch, or the beginning of a name.
        files: Names of all files among the incidents.
        store: Where they are.

    Raises:
        IncidentUnknownError: None is, or several are.
    """
    names = [match[1] for match in map(_FILE.fullmatch, files) if match is not None]
    if asked in SWITCH_NAMES:
        own = []
        for name in names:
            try:
                found = read_incident(store, name)
            except IncidentUnreadableError:
                continue  # another one's damage does not keep this one from being shown
            if found.switch == asked:
                own.append((found.thrown_wall_ns or 0, name))
        matching = [max(own)[1]] if own else []
    else:
        matching = [name for name in names if name.startswith(asked)]
    if len(matching) != 1:
        raise IncidentUnknownError(asked=asked, found=matching)
    return matching[0]
