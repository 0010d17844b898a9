"""``torghut decision tail``: the stream of outcomes that a trading loop gets, for a shell."""

from __future__ import annotations

import click
from typing_extensions import Unpack

from torghut.client import Delivery
from torghut.entrypoints.cli.live.asking import Tailed, print_stream, tail_options
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant

__all__ = ["tail"]


@click.command()
@tail_options
def tail(**asked: Unpack[Tailed]) -> ExitCode:
    """Print every outcome of a live service, each once: decisions, and refusals with their code."""
    print_stream(
        asked,
        lambda client, after: client.decisions(after, follow=asked["follow"]),
        _line,
    )
    return ExitCode.YES


def _line(delivery: Delivery) -> str:
    """Return an outcome on one line: where, when, what about, what to do, and whether to act."""
    outcome = delivery.decision or delivery.refusal
    if outcome is None:
        return str(delivery.position)
    what = delivery.detail
    if delivery.decision is not None:
        target = delivery.decision.target_position
        to = "" if target is None else f" to {target:+g} {delivery.decision.unit}"
        what = f"{delivery.decision.intent}{to}"
    when = instant(outcome.receive_ns)
    return f"{delivery.position}  {when}  {outcome.symbol}  {what}  {delivery.verdict}"
