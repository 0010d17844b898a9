"""``torghut control tail``: what a live service takes, and where each record applied."""

from __future__ import annotations

import click
from typing_extensions import Unpack

from torghut.client.stream.controls import ControlEvent
from torghut.client.wire.messages import ControlRecorded
from torghut.entrypoints.cli.live.asking import Tailed, print_stream, tail_options
from torghut.kernel.errors import ExitCode

__all__ = ["tail"]


@click.command()
@tail_options
def tail(**asked: Unpack[Tailed]) -> ExitCode:
    """Print what a live service takes of control records, and where each one applied."""
    print_stream(
        asked,
        lambda client, after: client.controls(after, follow=asked["follow"]),
        lambda one: _line(one.event),
    )
    return ExitCode.YES


def _line(event: ControlEvent) -> str:
    """Return what happened to a record on one line."""
    if isinstance(event, ControlRecorded):
        code = f"  {event.code}" if event.code else ""
        return f"{event.position}  {event.status}  {event.control_id}{code}"
    where = f"{event.symbol} after {event.contexts_before:,} contexts"
    return f"{event.position}  applied  {event.control_id}  {where}"
