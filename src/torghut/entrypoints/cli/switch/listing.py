"""``torghut switch list``: every switch, by files and by what workers last said."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass

import click

from torghut.composition import standby
from torghut.entrypoints.cli.console import json_option, print_json, print_table
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.worker import SwitchStanding
from torghut.workflows.live.switch_ports import SWITCH_NAMES, ThrownSwitch, WorkerSeen

__all__ = ["list"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One switch as it stands.

    Attributes:
        name: Which one.
        state: ``thrown``, ``recorded`` where no file throws it, or ``released``.
        who: Who threw it; empty where nobody knows.
        thrown_wall_ns: When; None where nobody knows.
        reason: Why.
        recorded_by: Workers whose log has it.
        drilled: Whether a drill is under way.
    """

    name: SwitchName
    state: str
    who: str = ""
    thrown_wall_ns: int | None = None
    reason: str = ""
    recorded_by: Sequence[str] = ()
    drilled: bool = False


@click.command()
@json_option
def list(*, as_json: bool) -> ExitCode:  # noqa: A001 - the command's name
    """List the switches: state, who threw them, when and why, and whose log has it.

    Reads the switch files and the workers' pages, never a log.
    """
    folder = standby.switch_folder()
    folder.prepare()
    thrown, workers = folder.thrown(), standby.worker_pages()
    listed = [listed_switch(name, thrown, workers) for name in SWITCH_NAMES]
    if as_json:
        print_json({"switches": [_as_json(one) for one in listed]})
    else:
        _print(listed)
    return ExitCode.YES


def listed_switch(
    name: SwitchName, thrown: Sequence[ThrownSwitch], workers: Sequence[WorkerSeen]
) -> Listed:
    """Return one switch as files and workers show it; what a dead worker last said counts."""
    standing = [
        (worker.worker, one)
        for worker in workers
        if worker.status is not None
        for one in worker.status.switches
        if one.name == name
    ]
    recorded_by = [worker for worker, one in standing if one.recorded]
    drilled = any(one.name == name and one.drill for one in thrown)
    by_file: builtins.list[ThrownSwitch | SwitchStanding] = [
        one for one in thrown if one.name == name and not one.drill
    ]
    shown = by_file or [one for _, one in standing]
    if not shown:
        return Listed(name=name, state="released", drilled=drilled)
    return Listed(
        name=name,
        state="thrown" if by_file else "recorded",
        who=shown[0].who,
        thrown_wall_ns=shown[0].thrown_wall_ns,
        reason=shown[0].reason,
        recorded_by=recorded_by,
        drilled=drilled,
    )


def _as_json(listed: Listed) -> JsonObject:
    """Return one switch for machines."""
    return {
        "name": listed.name,
        "state": listed.state,
        "who": listed.who,
        "thrown_wall_ns": None if listed.thrown_wall_ns is None else str(listed.thrown_wall_ns),
        "reason": listed.reason,
        "recorded_by": [*listed.recorded_by],
        "drilled": listed.drilled,
    }


def _print(listed: Sequence[Listed]) -> None:
    """Print the switches for people."""
    print_table(
        dict.fromkeys(("switch", "state", "who", "when", "reason", "recorded by"), "left"),
        [
            (
                one.name,
                f"{one.state}, drill under way" if one.drilled else one.state,
                one.who,
                "" if one.thrown_wall_ns is None else instant(one.thrown_wall_ns),
                one.reason,
                ", ".join(one.recorded_by),
            )
            for one in listed
        ],
    )
