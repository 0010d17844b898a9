"""``torghut log migrate``, ``archive``, ``upgrade``: a log into a database, and parts out of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from torghut.composition import logs
from torghut.composition.logs import Address, LogPlace
from torghut.entrypoints.cli.console import json_option, plural, print_json, progress
from torghut.entrypoints.cli.lookup.heads import head_text
from torghut.entrypoints.cli.lookup.reading import LogType, log_option, place_option
from torghut.kernel.errors import ExitCode


@click.command()
@log_option
@click.option("--to", type=LogType(), required=True, metavar="ADDRESS", help="Database to fill.")
@json_option
def migrate(*, log_path: Path, to: LogPlace, as_json: bool) -> ExitCode:
    """Copy blocks, events, objects and snapshots into a database, then verify both.

    Cut short, it is taken up where it stopped when it is run again. The file is left as it is. Ends
    with 4 if the log is damaged, and 5 if the database holds anything else.
    """
    if not isinstance(to, Address):
        message = "--to: expected the address of a database, postgresql://user@host/database"
        raise click.UsageError(message)
    with progress() as told:
        stages: list[str] = []

        def tell(what: str, done: int, total: int) -> None:
            if stages != [what]:
                stages[:] = [what]
                told.stage(f"Copying: {what}", total=total)
            told.at(done, f"{done:,} {what}")

        told.stage("Opening both")
        moved = asyncio.run(logs.copy_log(log_path, to, tell))
    report = moved.report
    if as_json:
        print_json(
            {
                "copied": {"blocks": moved.copied_blocks, "events": moved.copied_events},
                "blocks": report.blocks,
                "decisions": report.decisions,
                "events": report.events,
                "objects": report.objects,
                "heads": [head_text(head) for head in report.heads],
                "intact": report.intact,
            }
        )
    else:
        click.echo(
            f"copied {plural(moved.copied_blocks, 'block')} and "
            f"{plural(moved.copied_events, 'event')} this time"
        )
        click.echo(
            f"both hold {plural(report.blocks, 'block')}, {plural(report.decisions, 'decision')}, "
            f"{plural(report.events, 'event')}, {plural(report.objects, 'object')}, the same"
        )
        for head in report.heads:
            click.echo(f"head {head_text(head)}")
    return ExitCode.YES if report.intact else ExitCode.INTEGRITY


@click.command()
@place_option
@click.option(
    "--keep-blocks",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Newest blocks of each partition that stay.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go; write nothing.")
@json_option
def archive(*, log_path: LogPlace, keep_blocks: int, dry_run: bool, as_json: bool) -> ExitCode:
    """Move closed blocks out of a database into Parquet files below the folder of artifacts.

    Closed are those up to a partition's newest snapshot; its first one stays. Each file is read
    back and verified before its blocks go. Cut short, it is taken up when it is run again.
    """
    if not isinstance(log_path, Address):
        message = "a log in a file is not archived; name a database"
        raise click.UsageError(message)
    with progress() as told:
        told.stage("Archiving")

        def tell(done: int, total: int) -> None:
            if done:
                told.at(done, plural(done, "block"))
            else:
                told.stage("Archiving", total=total)

        plan, files = asyncio.run(
            logs.archive_log(log_path, keep_blocks=keep_blocks, dry_run=dry_run, told=tell)
        )
    if as_json:
        print_json(
            {
                "closed": [
                    {"partition": one.partition, "first": one.first, "last": one.last}
                    for one in plan
                ],
                "archived": [one.model_dump(mode="json") for one in files],
            }
        )
        return ExitCode.YES
    for one in plan if dry_run else ():
        click.echo(f"partition {one.partition}: blocks {one.first} to {one.last} would go")
    for file in files:
        click.echo(
            f"partition {file.partition}: blocks {file.first} to {file.last} went to "
            f"{file.file_digest}.parquet"
        )
    if not plan:
        click.echo("no closed blocks: nothing to archive")
    return ExitCode.YES


@click.command()
@place_option
@json_option
def upgrade(*, log_path: LogPlace, as_json: bool) -> ExitCode:
    """Bring the layout of a log in a database up to this version's.

    End all writers first, and have a copy at hand. Ends with 1 if there was nothing to do.
    """
    if not isinstance(log_path, Address):
        message = "a log in a file is upgraded when it is opened; name a database"
        raise click.UsageError(message)
    before, after = logs.upgrade_log(log_path)
    if as_json:
        print_json({"before": before, "after": after})
    else:
        click.echo(
            f"layout {after} already: nothing was changed"
            if before == after
            else f"layout {before} became {after}"
        )
    return ExitCode.NO if before == after else ExitCode.YES
