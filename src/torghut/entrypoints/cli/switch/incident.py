"""``torghut switch incident show``: what a throw left behind, its newest file, verified."""

from __future__ import annotations

import click

from torghut.composition import standby
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, shown
from torghut.entrypoints.cli.switch.finding import incident_argument, incident_named
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.live.incident import OrderCancelled, SwitchIncident, WorkerAnswer
from torghut.settings import artifact_dir
from torghut.workflows.switches.incidents import incident_path, read_incident

__all__ = ["print_incident", "show"]


@click.command()
@incident_argument
@json_option
def show(*, incident: str, as_json: bool) -> ExitCode:
    """Show the incident INCIDENT: who threw what, why, and what is open still.

    INCIDENT is the beginning of its name, or a switch: then its newest. Ends with 0 if nothing is
    open, with 6 if something is, with 4 if a file is not as it was written.
    """
    store = standby.artifact_root(artifact_dir())
    found = read_incident(store, incident_named(incident, standby.incident_names(), store))
    return print_incident(found, as_json=as_json)


def print_incident(found: SwitchIncident, *, as_json: bool) -> ExitCode:
    """Print an incident and return what its command ends with."""
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print_fields(_fields(found))
        for command in found.next:
            click.echo(f"next: {command}")
    return ExitCode.YES if found.complete else ExitCode.NOT_FINAL


def _fields(found: SwitchIncident) -> dict[str, str]:
    """Return an incident for people."""
    when = "" if found.thrown_wall_ns is None else instant(found.thrown_wall_ns)
    path = artifact_dir() / incident_path(found.incident_id, found.extension)
    fields = {
        "incident": found.incident_id,
        "file": f"{shown(path)}, content {found.content_hash}",
        "switch": f"{found.switch}, thrown by {found.who or 'nobody knows whom'} {when}".rstrip(),
        "why": found.reason,
        "change": f"{found.before} \u2192 {found.after}",
        "complete": "yes" if found.complete else "no",
    }
    fields |= {one.worker: _answered(one) for one in found.workers}
    if found.fenced:
        fields["fenced"] = ", ".join(found.fenced)
    if found.patch is not None:
        how = "applied" if found.patch.applied else "not applied"
        fields["traffic"] = f"to {found.patch.revision}, {how}: {found.patch.detail}"
    if found.orders_cancelled is None:
        fields["orders"] = "unknown: a worker did not say which stood"
    else:
        fields["orders"] = ", ".join(map(_ordered, found.orders_cancelled)) or "none stood"
    return fields


def _answered(one: WorkerAnswer) -> str:
    """Return one worker's answer for people."""
    after = "" if one.acknowledged_ms is None else f" after {one.acknowledged_ms:.0f} ms"
    return f"{one.became}{after}"


def _ordered(one: OrderCancelled) -> str:
    """Return what became of one order for people."""
    return f"{one.symbol} {one.result or 'not reported yet'}"
