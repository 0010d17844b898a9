"""``torghut switch incident update``: what became known of a throw since, as a further file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click

from torghut.composition import logs, standby
from torghut.entrypoints.cli.console import json_option
from torghut.entrypoints.cli.switch.finding import incident_argument, incident_named
from torghut.entrypoints.cli.switch.incident import print_incident
from torghut.entrypoints.cli.switch.leaving import Went, leave
from torghut.entrypoints.cli.switch.naming import told
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.live.incident import SwitchIncident, WorkerAnswer
from torghut.schemas.live.position import parse_position
from torghut.settings import artifact_dir
from torghut.workflows.switches.incidents import Results, amend, read_incident
from torghut.workflows.switches.orders import order_results

__all__ = ["update"]


@click.command()
@incident_argument
@json_option
def update(*, incident: str, as_json: bool) -> ExitCode:
    """Write what is known of the incident INCIDENT by now, beside what was written of it.

    Reads the workers' pages, and of their logs what the consumer reported of orders. For a switch
    whose throw left no incident, as on a full disk, that is written first. Ends as
    torghut switch incident show does.
    """
    _leave_missing(incident)
    store = standby.artifact_root(artifact_dir())
    name = incident_named(incident, standby.incident_names(), store)
    standing = read_incident(store, name)
    found = amend(store, name, standby.worker_pages(), asyncio.run(_results(standing)))
    return print_incident(found, as_json=as_json)


def _leave_missing(name: str) -> None:
    """Write the incident of each throw of a switch that stands and has left none."""
    for thrown in standby.switch_folder().thrown():
        if thrown.name == name and not thrown.drill:
            left = leave(Went(thrown=thrown, before="not known any more", after=told(thrown)))
            for fault in left.faults:
                click.echo(fault, err=True)


async def _results(incident: SwitchIncident) -> Results:
    """Return what became of an incident's orders, by the log of each worker."""
    found: dict[str, Mapping[str, str]] = {}
    for worker in incident.workers:
        orders = {
            one.decision_id: one.quantity
            for one in incident.orders_cancelled or ()
            if one.worker == worker.worker and one.result is None
        }
        if orders:
            found[worker.worker] = await _reported(worker, orders)
    return found


async def _reported(worker: WorkerAnswer, orders: Mapping[str, float]) -> Mapping[str, str]:
    """Return what a worker's log says of orders; nothing where it cannot be read."""
    after = parse_position(worker.position).block - 1 if worker.position else -1
    try:
        log = logs.readable_log(Path(worker.log))
        try:
            return await order_results(log, orders, after=after)
        finally:
            await log.close()
    except TorghutError as error:
        click.echo(f"{worker.worker}: {error.code}: {error}", err=True)
        return {}
