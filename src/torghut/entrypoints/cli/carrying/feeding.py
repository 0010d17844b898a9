"""``torghut feed``: a source sent to Kafka, and control records, to be decided by workers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

import click
from typing_extensions import Unpack

from torghut.carrying.controls import control_message
from torghut.carrying.ports import Sender
from torghut.composition import brokering, deciding, machine, standby
from torghut.entrypoints.cli.broker_options import answer_budget_option, bootstrap_option
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    plural,
    print_json,
    progress,
)
from torghut.entrypoints.cli.controls import read_controls
from torghut.entrypoints.cli.run.options import Instant, InstantType, Speed, SpeedType
from torghut.entrypoints.cli.run.playing import player_of, window_of
from torghut.kernel.errors import ExitCode
from torghut.market.ports import Cursor, Source
from torghut.schemas.control import ControlRecord
from torghut.workflows.carrying.sending import Sent, SourceSending

_FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True)


class FeedOptions(TypedDict):
    """What was typed."""

    source: str | None
    control: Path | None
    bootstrap: str | None
    speed: Speed
    from_: Instant | None
    to: Instant | None
    budget_ms: int
    as_json: bool


@click.command()
@click.option("--source", help="A recorded source; see source check.")
@click.option("--control", type=_FILE, help="Control records, JSON lines; they are sent first.")
@bootstrap_option
@click.option("--speed", type=SpeedType(), default="max", show_default=True, help="Of the source.")
@click.option("--from", "from_", type=InstantType(ends=False), help="Earliest receive time.")
@click.option("--to", type=InstantType(ends=True), help="Latest receive time.")
@answer_budget_option
@json_option
def feed(**options: Unpack[FeedOptions]) -> ExitCode:
    """Send market contexts to the topic that workers decide, and control records to theirs.

    Everything that a decision rests on is fixed here: ids, receive times, the source's digest. The
    same source sent again is known again, and refused context by context.
    """
    if options["source"] is None and options["control"] is None:
        message = "expected --source or --control, found neither"
        raise click.UsageError(message)
    with progress() as told:
        sent, controls = asyncio.run(_fed(options, told))
    if options["as_json"]:
        print_json(
            {"contexts": sent.contexts, "left_out": sent.left_out, "control_records": controls}
        )
    else:
        click.echo(f"sent      {plural(sent.contexts, 'context')}")
        click.echo(f"left out  {plural(sent.left_out, 'record')} that no message can say")
        click.echo(f"controls  {plural(controls, 'control record')}")
    return ExitCode.YES


async def _fed(options: FeedOptions, told: Progress) -> tuple[Sent, int]:
    """Send what was asked for; return how much that was."""
    file = options["control"]
    records = [] if file is None else [one.record for one in read_controls(file)]
    broker = brokering.broker(
        options["bootstrap"], name="torghut-feed", budget_ms=options["budget_ms"]
    )
    sender = broker.sender()
    try:
        with machine.stop_on_signals() as stopping:
            await _send_controls(sender, records)
            if options["source"] is None:
                return Sent(0, 0, Cursor()), len(records)
            told.stage("Taking digests of the source's files")
            source = deciding.source(options["source"], deciding.declarations())
            sending = _sending(options, source, sender, stopping, told)
            return await sending.send(after=Cursor()), len(records)
    finally:
        await sender.close()


async def _send_controls(sender: Sender, records: Sequence[ControlRecord]) -> None:
    """Send control records, each to its topic, in their order."""
    topics = brokering.carried_topics()
    for record in records:
        made = control_message(record, wall_ns=standby.wall_clock().now_ns())
        await sender.send(topics.of(record), [made])


def _sending(
    options: FeedOptions,
    source: Source,
    sender: Sender,
    stopping: machine.Stopping,
    told: Progress,
) -> SourceSending:
    """Return a source that is about to be sent."""
    told.stage("Sending", total=0)
    return SourceSending(
        source=source,
        window=window_of(options["from_"], options["to"]),
        player=player_of(options["speed"], stopping),
        sender=sender,
        topic=brokering.carried_topics().contexts,
        wall=standby.wall_clock(),
        told=lambda sent: told.at(sent.contexts, f"{sent.contexts:,} contexts"),
    )
