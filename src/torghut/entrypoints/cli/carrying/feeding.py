"""``torghut feed``: a source sent to Kafka, and control records, to be decided by workers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

import click
from typing_extensions import Unpack

from torghut.carrying.controls import control_message
from torghut.carrying.messages import Outgoing
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
from torghut.workflows.reasoning.offering import passage_message

_FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True)
_AT_ONCE: Final = 100
"""Items that are sent at once, each of which may be long."""


class FeedOptions(TypedDict):
    """What was typed."""

    source: str | None
    control: Path | None
    passages: Path | None
    bootstrap: str | None
    speed: Speed
    from_: Instant | None
    to: Instant | None
    budget_ms: int
    as_json: bool


@click.command()
@click.option("--source", help="A recorded source; see source check.")
@click.option("--control", type=_FILE, help="Control records, JSON lines; they are sent before.")
@click.option(
    "--passages", type=_FILE, help="News and fundamentals to be shown to a model, JSON lines."
)
@bootstrap_option
@click.option("--speed", type=SpeedType(), default="max", show_default=True, help="Of the source.")
@click.option("--from", "from_", type=InstantType(ends=False), help="Earliest receive time.")
@click.option("--to", type=InstantType(ends=True), help="Latest receive time.")
@answer_budget_option
@json_option
def feed(**options: Unpack[FeedOptions]) -> ExitCode:
    """Send market contexts to the topic that workers decide, and what is beside them to its own.

    Everything that a decision rests on is fixed here: ids, receive times, the source's digest. The
    same source sent again is known again, and refused context by context.
    """
    if all(options[name] is None for name in ("source", "control", "passages")):
        message = "expected --source, --control or --passages, found none"
        raise click.UsageError(message)
    control, file = options["control"], options["passages"]
    records = [] if control is None else [one.record for one in read_controls(control)]
    passages = [] if file is None else _read_passages(file)
    with progress() as told:
        sent = asyncio.run(_fed(options, records, passages, told))
    controls = len(records)
    if options["as_json"]:
        print_json(
            {
                "contexts": sent.contexts,
                "left_out": sent.left_out,
                "control_records": controls,
                "passages": len(passages),
            }
        )
    else:
        click.echo(f"sent      {plural(sent.contexts, 'context')}")
        click.echo(f"left out  {plural(sent.left_out, 'record')} that no message can say")
        click.echo(f"controls  {plural(controls, 'control record')}")
        click.echo(f"passages  {plural(len(passages), 'item')} of news and fundamentals")
    return ExitCode.YES


def _read_passages(file: Path) -> Sequence[Outgoing]:
    """Return the items of a file as messages.

    Raises:
        PassageMalformedError: A line is no item.
    """
    lines = enumerate(file.read_bytes().split(b"\n"), 1)
    return [passage_message(line, f"{file.name}, line {n}") for n, line in lines if line.strip()]


async def _fed(
    options: FeedOptions,
    records: Sequence[ControlRecord],
    passages: Sequence[Outgoing],
    told: Progress,
) -> Sent:
    """Send what was asked for; return how much of the source that was."""
    broker = brokering.broker(
        options["bootstrap"], name="torghut-feed", budget_ms=options["budget_ms"]
    )
    sender = broker.sender()
    try:
        with machine.stop_on_signals() as stopping:
            await _send_passages(sender, passages)  # what a record says became known is there then
            await _send_controls(sender, records)
            if options["source"] is None:
                return Sent(0, 0, Cursor())
            told.stage("Taking digests of the source's files")
            source = deciding.source(options["source"], deciding.declarations())
            sending = _sending(options, source, sender, stopping, told)
            return await sending.send(after=Cursor())
    finally:
        await sender.close()


async def _send_controls(sender: Sender, records: Sequence[ControlRecord]) -> None:
    """Send control records, each to its topic, in their order."""
    topics = brokering.carried_topics()
    for record in records:
        made = control_message(record, wall_ns=standby.wall_clock().now_ns())
        await sender.send(topics.of(record), [made])


async def _send_passages(sender: Sender, passages: Sequence[Outgoing]) -> None:
    """Send news and fundamentals to the topic of those who ask a model."""
    for begin in range(0, len(passages), _AT_ONCE):
        some = passages[begin : begin + _AT_ONCE]
        await sender.send(brokering.carried_topics().passages, some)


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
