"""How a run ended, on one screen or as JSON."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import click

from torghut.entrypoints.cli.console import plural, print_fields, shown
from torghut.entrypoints.cli.lookup.reading import shown_place
from torghut.entrypoints.cli.run.options import Options, again_with
from torghut.entrypoints.cli.run.preparing import Prepared
from torghut.entrypoints.report.plain import as_json
from torghut.entrypoints.report.screen import print_screen
from torghut.eventlog.block import Head
from torghut.kernel.canonical import JsonObject
from torghut.workflows.report.summary import RunFacts, Summary
from torghut.workflows.running.lifecycle import Begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended.

    Attributes:
        before: Contexts that the log held before it.
        interrupted: Whether by Ctrl-C.
        stopped: Whether it was asked to stop, in whatever way.
    """

    begun: Begun
    head: Head
    before: int
    stopped: bool
    interrupted: bool
    summary: Summary | None


def facts_of(prepared: Prepared, begun: Begun, head: Head) -> RunFacts:
    """Return what only this command knows of the run."""
    description = prepared.source.description
    return RunFacts(
        source_kind=description.kind,
        parts=[part.name for part in description.parts],
        licence=description.licence,
        assumptions=description.assumptions,
        log=shown_place(prepared.log),
        page="" if prepared.page is None else shown(prepared.page),
        root=begun.standing.root,
        head_number=head.number,
        head_digest=head.digest,
        commands=next_commands(prepared),
    )


def next_commands(prepared: Prepared) -> list[str]:
    """Return what to type next."""
    log = shlex.quote(shown_place(prepared.log))
    return [
        f"torghut decision why --log {log} --last",
        f"torghut log verify --log {log}",
        f"torghut replay --verify --log {log}",
    ]


def print_ended(options: Options, prepared: Prepared, ended: Ended) -> None:
    """Print how a run ended, for people."""
    standing = ended.begun.standing
    counts = standing.counts
    if ended.summary is not None:
        print_screen(ended.summary)
    else:
        sums = (
            f"{counts.contexts:,} = {counts.decisions:,} decided + {counts.quarantined:,} refused"
        )
        fields = {
            "contexts": sums,
            "controls": plural(counts.control_records, "control record"),
            "blocks": f"{counts.blocks:,}",
            "root": standing.root,
            "head": f"{ended.head.number}:{ended.head.digest}",
            "log": shown_place(prepared.log),
            "try": "\n".join(next_commands(prepared)),
        }
        print_fields(fields)
    if prepared.aside is not None:
        click.echo(f"set aside {shown(prepared.aside)}")
    if ended.begun.repeated:
        click.echo(f"{plural(ended.begun.repeated, 'control record')} had been taken before")
    if ended.stopped:
        click.echo("stopped as asked, behind the last block; nothing is lost. To go on:")
        click.echo(f"    {again_with(options, prepared.log)}")
    elif counts.contexts == ended.before:
        click.echo("nothing new: the log holds the whole source")


def ended_as_json(options: Options, prepared: Prepared, ended: Ended) -> JsonObject:
    """Return how a run ended, for machines."""
    standing = ended.begun.standing
    counts = standing.counts
    return {
        "source": options["source"],
        "log": str(prepared.log),
        "set_aside": None if prepared.aside is None else str(prepared.aside),
        "page": None if prepared.page is None else str(prepared.page),
        "contexts": counts.contexts,
        "decided": counts.decisions,
        "refused": counts.quarantined,
        "control_records": counts.control_records,
        "blocks": counts.blocks,
        "contexts_before": ended.before,
        "control_records_taken_before": ended.begun.repeated,
        "root": standing.root,
        "head": {
            "partition": ended.head.partition,
            "number": ended.head.number,
            "digest": ended.head.digest,
        },
        "kernel_version": ended.begun.run.fold.kernel.version,
        "packages": dict(ended.begun.run.fold.served),
        "declarations": ended.begun.run.fold.declared,
        "stopped": ended.stopped,
        "resume": again_with(options, prepared.log),
        "summary": None if ended.summary is None else as_json(ended.summary),
    }
