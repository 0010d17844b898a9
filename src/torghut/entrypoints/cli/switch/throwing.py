"""``torghut switch throw`` and ``drill``: one person, no prompt, and every worker's answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Final

import click

from torghut.composition import standby
from torghut.entrypoints.cli.console import json_option
from torghut.entrypoints.cli.switch.asking import (
    Asking,
    ask,
    stands,
    throw_ids_of,
)
from torghut.entrypoints.cli.switch.leaving import Went, leave
from torghut.entrypoints.cli.switch.naming import (
    name_argument,
    new_throw,
    newest_throw,
    reason_option,
    switch_named,
    told,
)
from torghut.entrypoints.cli.switch.reporting import Report, print_report
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.live.delivery import SwitchName
from torghut.workflows.live.switch_ports import SwitchThrower, ThrownSwitch, WorkerSeen
from torghut.workflows.switches.incidents import status_of

_BUDGET_MS: Final = 3000
"""Waited for acknowledgements where the declarations cannot be read."""

_DRILL: Final = "drill"


@click.command()
@name_argument
@reason_option
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@click.option(
    "--revision",
    multiple=True,
    metavar="REVISION",
    help="Of last-stable-revision: fenced; by default every one that serves.",
)
@click.option(
    "--stable",
    default="",
    metavar="REVISION",
    help="Of last-stable-revision: gets the traffic; by default the one that served before.",
)
@json_option
def throw(
    *, name: str, reason: str, dry_run: bool, revision: tuple[str, ...], stable: str, as_json: bool
) -> ExitCode:
    """Throw a switch: every worker puts it in force at once, whatever else is broken.

    Works with the log locked, full or away, the API down and the disk full. Ends with 0 if every
    worker that lives has acknowledged, with 6 and their names if some have not: they put it in
    force before their next decision. It holds, whatever restarts, until torghut switch release.
    What is known of it is written to incidents/ below the artifact folder.
    """
    switch = switch_named(name)
    folder = standby.switch_folder()
    found = [one for one in folder.thrown() if one.name == switch and not one.drill]
    workers, faults = _living()
    before = _before(found, switch, workers)
    if dry_run:
        after = f"thrown by {standby.person()}: {reason}"
        return print_report(
            Report(name=switch, before=before, after=after, dry_run=True, asked=workers),
            as_json=as_json,
        )
    since_ns = standby.steady_clock().now_ns()
    kept = any(stands(one, throw_ids_of(found, switch)) for one in workers)
    fenced = revision or _serving(workers) if switch == "last-stable-revision" else ()
    again = partial(_throw, folder, switch, reason, fenced)
    if not kept:
        again()
    asking = Asking(
        name=switch,
        drill=False,
        since_ns=since_ns,
        budget_ms=_budget_ms(),
        steady=standby.steady_clock(),
        thrown=folder.thrown,
        pages=standby.worker_pages,
        again=again,
        pause=time.sleep,
    )
    answers = ask(asking, workers)
    standing = folder.thrown()
    after, newest = _after(standing, switch, found), newest_throw(standing, switch, found)
    left = None
    if newest is not None:
        left = leave(
            Went(
                thrown=newest,
                before=before,
                after=after,
                answers=answers,
                asked=workers,
                stable=stable,
            )
        )
    report = Report(
        name=switch,
        before=before,
        after=after,
        kept=kept,
        left=left,
        answers=answers,
        asked=workers,
        faults=faults,
        undo=f"torghut switch release {switch} --reason TEXT",
    )
    folder.prepare()
    return print_report(report, as_json=as_json)


@click.command()
@name_argument
@json_option
def drill(*, name: str, as_json: bool) -> ExitCode:
    """See every worker acknowledge a switch, without putting it in force.

    Ends as torghut switch throw does.
    """
    switch = switch_named(name)
    folder = standby.switch_folder()
    workers, faults = _living()
    found = [one for one in folder.thrown() if one.name == switch and not one.drill]
    thrown = new_throw(switch, _DRILL, drill=True)
    asking = Asking(
        name=switch,
        drill=True,
        since_ns=standby.steady_clock().now_ns(),
        budget_ms=_budget_ms(),
        steady=standby.steady_clock(),
        thrown=folder.thrown,
        pages=standby.worker_pages,
        again=partial(folder.drill, thrown),
        pause=time.sleep,
    )
    folder.drill(thrown)
    try:
        answers = ask(asking, workers)
    finally:
        folder.end_drill(switch, thrown.throw_id)
    before = _before(found, switch, workers)
    report = Report(
        name=switch,
        before=before,
        after=before,
        drill=True,
        answers=answers,
        asked=workers,
        faults=faults,
    )
    folder.prepare()
    return print_report(report, as_json=as_json)


def _living() -> tuple[Sequence[WorkerSeen], Sequence[str]]:
    """Return the workers that live, and why that cannot be told: nobody need know it to throw."""
    try:
        return [one for one in standby.worker_pages() if one.alive], ()
    except TorghutError as error:
        return (), [f"{error.code}: {error}"]


def _budget_ms() -> int:
    """Return how long to wait for acknowledgements."""
    try:
        return standby.live_policy().switching.acknowledge_ms
    except TorghutError as error:
        click.echo(f"{error.code}: {error}; waiting {_BUDGET_MS} ms", err=True)
        return _BUDGET_MS


def _throw(
    folder: SwitchThrower, switch: SwitchName, reason: str, revisions: Sequence[str]
) -> None:
    """Throw a switch now."""
    folder.throw(new_throw(switch, reason, revisions=revisions))


def _serving(workers: Sequence[WorkerSeen]) -> Sequence[str]:
    """Return the revisions of the workers that live, as far as they say; none: whoever reads it."""
    said = [status_of(one) for one in workers]
    if None in said:
        return ()
    return sorted({one.revision for one in said if one is not None and one.revision})


def _before(
    found: Sequence[ThrownSwitch], switch: SwitchName, workers: Sequence[WorkerSeen]
) -> str:
    """Return how a switch stands, in words."""
    if found:
        return told(found[0])
    statuses = [one.status for one in workers if one.status is not None]
    recorded = [one for status in statuses for one in status.switches if one.name == switch]
    return f"thrown on the record: {recorded[0].reason}" if recorded else "not thrown"


def _after(
    found: Sequence[ThrownSwitch], switch: SwitchName, before: Sequence[ThrownSwitch]
) -> str:
    """Return how a switch stands now, the newest throw first."""
    newest = newest_throw(found, switch, before)
    return "released meanwhile by somebody else" if newest is None else told(newest)
