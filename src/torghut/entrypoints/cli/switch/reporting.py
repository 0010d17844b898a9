"""How a throw or a drill went, in words and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from torghut.entrypoints.cli.console import print_fields, print_json, shown
from torghut.entrypoints.cli.switch.asking import Answer
from torghut.entrypoints.cli.switch.leaving import Left
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.schemas.live.delivery import SwitchName
from torghut.workflows.live.switch_ports import WorkerSeen


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
        left: What the throw left behind; None where nothing was thrown.
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
    left: Left | None = None

    @property
    def missing(self) -> Sequence[Answer]:
        """Workers that live and have not acknowledged."""
        return [one for one in self.answers if one.became in {"hangs", "silent"}]

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with."""
        return ExitCode.NOT_FINAL if self.missing or self.faults else ExitCode.YES


def print_report(report: Report, *, as_json: bool) -> ExitCode:
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
                "incident": None if report.left is None else _incident_json(report.left),
            }
        )
    else:
        _print_for_people(report)
    return report.exit_code


def _incident_json(left: Left) -> JsonObject:
    """Return what a throw left behind for machines."""
    found = left.incident
    return {
        "id": None if found is None else found.incident_id,
        "path": shown(left.path),
        "content_hash": None if found is None else found.content_hash,
        "complete": None if found is None else found.complete,
        "patch": None if found is None or found.patch is None else found.patch.path,
        "applied": None if found is None or found.patch is None else found.patch.applied,
        "faults": [*left.faults],
        "next": [] if found is None else [*found.next],
    }


def _print_left(left: Left) -> None:
    """Print what a throw left behind."""
    found = left.incident
    if found is not None:
        click.echo(f"incident: {shown(left.path)}{'' if found.complete else ', open still'}")
        if found.patch is not None:
            how = "applied" if found.patch.applied else "not applied"
            click.echo(f"traffic to {found.patch.revision}: {how}: {found.patch.detail}")
    for fault in left.faults:
        click.echo(fault)


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
    _print_last(report)


def _print_last(report: Report) -> None:
    """Print what was written, and how to take the throw back."""
    if report.dry_run:
        click.echo("nothing was written")
    if report.left is not None:
        _print_left(report.left)
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
