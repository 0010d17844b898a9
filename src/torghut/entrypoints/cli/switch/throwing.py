"""``torghut switch throw`` and ``drill``: one person, no prompt, and every worker's answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import click

from torghut import standby
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.switch.asking import (
    Answer,
    Asking,
    ask,
    stands,
    throw_ids_of,
)
from torghut.entrypoints.cli.switch.naming import (
    name_argument,
    new_throw,
    reason_option,
    switch_named,
    told,
)
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.live.delivery import SwitchName
from torghut.workflows.live.switch_ports import SwitchThrower, ThrownSwitch, WorkerSeen

_BUDGET_MS: Final = 3000
"""Waited for acknowledgements where the declarations cannot be read."""

_DRILL: Final = "drill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a throw or a drill went.

    Attributes:
        name: Of the switch.
        before: As it stood, in words.
        after: As it stands, in words.
        drill: Whether nothing was put in force.
        kept: Whether it was thrown already and a worker says that it holds.
        dry_run: Whether nothing was done.
        answers: Of every worker that lived; empty where nothing was done.
        asked: Those workers.
        faults: What else went wrong; nothing that keeps the switch from being thrown.
        undo: The command that takes it back; empty where there is nothing to take back.
    """

    name: SwitchName
    before: str
    after: str
    drill: bool = False
    kept: bool = False
    dry_run: bool = False
    answers: Sequence[Answer] = ()
    asked: Sequence[WorkerSeen] = ()
    faults: Sequence[str] = ()
    undo: str = ""

    @property
    def missing(self) -> Sequence[Answer]:
        """Workers that live and have not acknowledged."""
        return [one for one in self.answers if one.became in {"hangs", "silent"}]

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with."""
        return ExitCode.NOT_FINAL if self.missing or self.faults else ExitCode.YES


@click.command()
@name_argument
@reason_option
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@json_option
def throw(*, name: str, reason: str, dry_run: bool, as_json: bool) -> ExitCode:
    """Throw a switch: every worker puts it in force at once, whatever else is broken.

    Works with the log locked, full or away, the API down and the disk full. Ends with 0 if every
    worker that lives has acknowledged, with 6 and their names if some have not: they put it in
    force before their next decision. It holds, whatever restarts, until torghut switch release.
    """
    switch = switch_named(name)
    folder = standby.switch_folder()
    found = [one for one in folder.thrown() if one.name == switch and not one.drill]
    workers, faults = _living()
    before = _before(found, switch, workers)
    if dry_run:
        after = f"thrown by {standby.person()}: {reason}"
        return _print(
            Report(name=switch, before=before, after=after, dry_run=True, asked=workers),
            as_json=as_json,
        )
    since_ns = standby.steady_clock().now_ns()
    kept = any(stands(one, throw_ids_of(found, switch)) for one in workers)
    again = partial(_throw, folder, switch, reason)
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
    report = Report(
        name=switch,
        before=before,
        after=_after(folder.thrown(), switch, found),
        kept=kept,
        answers=answers,
        asked=workers,
        faults=faults,
        undo=f"torghut switch release {switch} --reason TEXT",
    )
    folder.prepare()
    return _print(report, as_json=as_json)


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
    return _print(report, as_json=as_json)


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


def _throw(folder: SwitchThrower, switch: SwitchName, reason: str) -> None:
    """Throw a switch now."""
    folder.throw(new_throw(switch, reason))


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
    known = {one.throw_id for one in before}
    throws = [one for one in found if one.name == switch and not one.drill]
    newest = [one for one in throws if one.throw_id not in known] or throws
    return told(newest[-1]) if newest else "released meanwhile by somebody else"


def _print(report: Report, *, as_json: bool) -> ExitCode:
    """Print a report and return what the command ends with."""
    if as_json:
        print_json(
            {
                "switch": report.name,
                "before": report.before,
                "after": report.after,
                "drill": report.drill,
                "kept": report.kept,
                "dry_run": report.dry_run,
                "asked": [one.worker for one in report.asked],
                "workers": [
                    {
                        "worker": one.worker,
                        "pid": one.pid,
                        "became": one.became,
                        "acknowledged_ms": None if one.after_ms is None else round(one.after_ms, 1),
                    }
                    for one in report.answers
                ],
                "missing": [one.worker for one in report.missing],
                "faults": list(report.faults),
                "undo": report.undo or None,
            }
        )
    else:
        _print_for_people(report)
    return report.exit_code


def _print_for_people(report: Report) -> None:
    """Print before and after, each worker's answer, and how to take it back."""
    would = "would be " if report.dry_run else ""
    change = f"{report.before} → {would}{report.after}"
    if report.kept:
        change = f"{report.after} (thrown already; the first throw holds)"
    elif report.drill:
        change = f"{report.before} (a drill changes nothing)"
    print_fields({f"switch {report.name}": change, **_answers(report)})
    for fault in report.faults:
        click.echo(f"who serves cannot be told: {fault}")
    if not report.asked and not report.faults:
        click.echo("nobody is serving; whoever starts reads it before its first decision")
    if report.missing:
        names = ", ".join(one.worker for one in report.missing)
        click.echo(f"not acknowledged by {names}; look at torghut status")
    if report.dry_run:
        click.echo("nothing was written")
    if report.undo:
        click.echo(f"undo: {report.undo}")


def _answers(report: Report) -> dict[str, str]:
    """Return what there is to say about each worker."""
    if report.dry_run:
        return {one.worker: f"would be asked (process {one.pid})" for one in report.asked}
    return {one.worker: _answer(one) for one in report.answers}


def _answer(answer: Answer) -> str:
    """Return one worker's answer in words."""
    match answer.became:
        case "acknowledged":
            return f"acknowledged after {answer.after_ms or 0.0:.0f} ms"
        case "ended":
            return "ended meanwhile; it reads the switch before it decides again"
        case "hangs":
            return f"not acknowledged: process {answer.pid} is there and says nothing; it hangs"
        case "silent":
            return f"not acknowledged: process {answer.pid} answers, but not to this"
