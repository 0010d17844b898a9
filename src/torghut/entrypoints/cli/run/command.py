"""The command itself: prepare, decide, sum up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click
from typing_extensions import Unpack

from torghut.composition import logs, machine, standby
from torghut.decisions.recording import parse_cursor
from torghut.entrypoints.cli.console import Progress, json_option, plural, print_json, progress
from torghut.entrypoints.cli.lookup.reading import LogType
from torghut.entrypoints.cli.run.ending import Ended, ended_as_json, facts_of, print_ended
from torghut.entrypoints.cli.run.options import InstantType, Options, SpeedType
from torghut.entrypoints.cli.run.playing import player_of, window_of
from torghut.entrypoints.cli.run.preparing import Prepared, prepare
from torghut.entrypoints.report.page import page
from torghut.eventlog.columns import ROWS_MAX
from torghut.kernel.errors import ExitCode
from torghut.workflows.decision_loop import Committed, LoopSettings
from torghut.workflows.run_report import RunReport, run_report
from torghut.workflows.run_summary import summarise
from torghut.workflows.running.lifecycle import Begun, RunRequest, begin, finish
from torghut.workflows.survey import bytes_read, bytes_total

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--source", required=True, metavar="URI", help="What to decide; see source check.")
@click.option(
    "--log",
    type=LogType(),
    help="File or database to write; by default a file named after the source.",
)
@click.option("--control", type=_FILE, help="Control records, one JSON object a line.")
@click.option("--speed", type=SpeedType(), default="max", show_default=True, help="Of playing.")
@click.option("--from", "from_", type=InstantType(ends=False), help="Earliest receive time.")
@click.option("--to", type=InstantType(ends=True), help="Latest receive time.")
@click.option("--fresh", is_flag=True, help="Set an existing log aside, renamed, and begin anew.")
@click.option(
    "--batch",
    type=click.IntRange(1, ROWS_MAX),
    default=LoopSettings().batch_records,
    show_default=True,
    help="Most records of a block.",
)
@click.option(
    "--router-mode", type=click.Choice(["static", "shadow", "live"]), help="Whose weights."
)
@click.option(
    "--mode", type=click.Choice(["shadow", "paper", "live"]), help="What decisions may do."
)
@click.option("--package", multiple=True, metavar="NAME@DIGEST", help="Router package to serve.")
@click.option("--report", type=_FILE, help="HTML page to write; by default beside the log.")
@click.option("--no-report", is_flag=True, help="Write no page.")
@json_option
def run(**options: Unpack[Options]) -> ExitCode:
    """Decide every context of a source; taken up where the log ends.

    Ctrl-C and SIGTERM finish the block in flight. Nothing that was shown is ever lost.
    """
    with progress() as told:
        with machine.end_on_terminate():
            prepared = prepare(options, told)
        ended = asyncio.run(_decide(options, prepared, told))
    if options["as_json"]:
        print_json(ended_as_json(options, prepared, ended))
    else:
        print_ended(options, prepared, ended)
    return ExitCode.NOT_FINAL if ended.interrupted else ExitCode.YES


async def _decide(options: Options, prepared: Prepared, told: Progress) -> Ended:
    """Take the run up, decide to its end or until asked to stop, and sum it up."""
    told.stage("Reading what was decided before")
    log = logs.writable_log(prepared.log)
    try:
        with machine.stop_on_signals() as stopping:
            request = _request(options, prepared, stopping)
            begun = await begin(log, request)
            before = begun.standing.counts.contexts
            if before and not options["as_json"]:
                told.say(f"resuming after {plural(before, 'context')}")
            report = await _report(prepared, begun)
            description = prepared.source.description
            told.stage("Deciding", total=bytes_total(description))

            def tell(committed: Committed) -> None:
                cursor = parse_cursor(committed.head.cursor)
                contexts = begun.standing.counts.contexts
                told.at(bytes_read(description, cursor), plural(contexts, "context"))

            observers = [tell] if report is None else [report.observe, tell]
            head = await finish(begun, request, observers)
        told.stage("Summing up")
        summary = None
        if report is not None and prepared.page is not None:
            summary = summarise(report, facts_of(prepared, begun, head))
            machine.write_text(prepared.page, page(summary))
        return Ended(
            begun=begun,
            head=head,
            before=before,
            stopped=stopping.asked.is_set(),
            interrupted=stopping.interrupted,
            summary=summary,
        )
    finally:
        await log.close()


def _request(options: Options, prepared: Prepared, stopping: machine.Stopping) -> RunRequest:
    """Return what is asked for, as the workflow takes it."""
    return RunRequest(
        source=prepared.source,
        setup=prepared.setup,
        window=window_of(options["from_"], options["to"]),
        loop=LoopSettings(batch_records=options["batch"]),
        player=player_of(options["speed"], stopping),
        asked_to_stop=stopping.asked.is_set,
        clock=standby.steady_clock(),
        mode=options["mode"],
        router_mode=options["router_mode"],
        offered=prepared.offered,
        packages=prepared.packages,
    )


async def _report(prepared: Prepared, begun: Begun) -> RunReport | None:
    """Return the report that follows the run, with what the log already holds; None if unwanted."""
    if prepared.page is None:
        return None
    report = run_report(
        begun.run.fold,
        standby.wall_clock(),
        static_trend=True,
        parts={part.digest: part.name for part in prepared.source.description.parts},
    )
    if begun.standing.counts.blocks:
        await report.recall(begun.run.log)
    return report
