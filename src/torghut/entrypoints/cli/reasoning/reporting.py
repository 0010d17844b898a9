"""``torghut reasoning report``: how far recorded advice agrees, and what it would be worth."""

from __future__ import annotations

import asyncio
from typing import Final

import click

from torghut.composition import deciding
from torghut.composition.logs import LogPlace
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    plural,
    print_json,
    print_table,
    progress,
)
from torghut.entrypoints.cli.lookup.reading import followed, place_option
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.workflows.reasoning.hindsight import Hindsight, SymbolHindsight, look_back

_COLUMNS: Final = {
    "symbol": "left",
    "asked": "right",
    "heeded": "right",
    "agreed": "right",
    "smaller": "right",
    "larger": "right",
    "unrecorded": "right",
    "without": "right",
    "under": "right",
    "worth": "right",
}


@click.command()
@place_option
@click.option("--partition", type=click.IntRange(min=0), default=0, show_default=True)
@json_option
def report(*, log_path: LogPlace, partition: int, as_json: bool) -> ExitCode:
    """Decide a log once without advice and once under the advice on its record, both on paper.

    Whether it was recorded in shadow or in active mode. Agreed are the targets that are the same
    either way; what both courses come to is paper equity in the symbol's quote currency, and what
    advice is worth the difference. Under advice a position soon is another than it was, so some
    contexts ask about what nobody was asked then (unrecorded): the fallback decides these.
    """
    with progress() as told:
        told.stage("Loading the decision kernel; compiled once for each build")
        kernel = deciding.kernel()
        found = asyncio.run(_look_back(log_path, partition, kernel, told))
    if as_json:
        print_json(_as_json(found))
        return ExitCode.YES
    if not found.symbols:
        click.echo(f"no advice is on record beside {plural(found.contexts, 'context')}")
        return ExitCode.YES
    print_table(_COLUMNS, [_row(name, one) for name, one in sorted(found.symbols.items())])
    click.echo()
    for name, one in sorted(found.symbols.items()):
        said = ", ".join(f"{count:,} {what}" for what, count in one.answers.most_common())
        click.echo(f"{name}: {said}")
    return ExitCode.YES


async def _look_back(
    path: LogPlace, partition: int, kernel: DecisionKernel, told: Progress
) -> Hindsight:
    """Return what the advice of a partition would have been worth."""
    async with followed(path, partition, "Deciding twice", told) as (log, tell):
        return await look_back(log, kernel, partition=partition, progress=tell)


def _row(name: str, one: SymbolHindsight) -> tuple[str, ...]:
    """Return a symbol as people read it."""
    counts = (one.asked, one.heeded, one.agreed, one.smaller, one.larger, one.unrecorded)
    sums = (one.without, one.under, one.under - one.without)
    return name, *(f"{count:,}" for count in counts), *(f"{number:,.2f}" for number in sums)


def _as_json(found: Hindsight) -> JsonObject:
    """Return what was found, for machines."""
    return {
        "contexts": found.contexts,
        "symbols": {
            name: {
                "asked": one.asked,
                "answers": dict(one.answers),
                "heeded": one.heeded,
                "agreed": one.agreed,
                "smaller": one.smaller,
                "larger": one.larger,
                "unrecorded": one.unrecorded,
                "equity_without": one.without,
                "equity_under": one.under,
            }
            for name, one in sorted(found.symbols.items())
        },
    }
