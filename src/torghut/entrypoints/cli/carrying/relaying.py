"""``torghut relay``: governance's events sent on to Kafka, for those who look from outside."""

from __future__ import annotations

import asyncio
from typing import Final

import click

from torghut.composition import brokering, governing, machine
from torghut.entrypoints.cli.broker_options import answer_budget_option, bootstrap_option
from torghut.entrypoints.cli.console import Progress, plural, progress
from torghut.kernel.errors import ExitCode
from torghut.settings import settings
from torghut.workflows.carrying.relaying import EventRelay

_PAUSE_MS: Final = 500


@click.command()
@bootstrap_option
@click.option(
    "--until-end",
    is_flag=True,
    help="End once everything that is there was sent, or with 7 after --budget-ms without success.",
)
@answer_budget_option
def relay(bootstrap: str | None, *, until_end: bool, budget_ms: int) -> ExitCode:
    """Send governance's events to their topic, each once and in the order of the log.

    It goes on after the topic's last record, whatever ended it. One relay speaks at a time, the one
    that was started last: another that still runs ends with 5 at its next event. Where no broker
    answers when it begins it ends with 7; one that goes away later it tries to reach again, and
    says so.
    """
    with progress() as told:
        asyncio.run(_relayed(bootstrap, told, until_end=until_end, budget_ms=budget_ms))
    return ExitCode.YES


async def _relayed(address: str | None, told: Progress, *, until_end: bool, budget_ms: int) -> None:
    """Send until asked to stop, or until the end."""
    broker = brokering.broker(address, name="torghut-relay", budget_ms=budget_ms)
    voice = broker.voice(brokering.carried_topics().governance, 0)
    told.stage("Sending")
    sent = plural(0, "event")

    def at(position: int) -> None:
        """Say how far it is."""
        nonlocal sent
        sent = plural(position, "event")
        told.at(position, sent)

    sending = EventRelay(
        feed=governing.governance_events(settings().trading_autonomy_artifact_dir),
        voice=voice,
        pause_ms=_PAUSE_MS,
        until_end=until_end,
        patience_ms=budget_ms if until_end else None,
        told=at,
        troubled=lambda error: told.at(0, f"{sent}; waiting, {error.code}: {error}"),
    )
    try:
        with machine.stop_on_signals() as stopping:
            work = asyncio.ensure_future(sending.relay())
            asked = asyncio.ensure_future(stopping.asked.wait())
            await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if work.done():
                await work
            work.cancel()
    finally:
        await voice.fall_silent()
