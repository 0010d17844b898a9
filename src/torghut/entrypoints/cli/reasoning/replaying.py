"""``torghut reasoning replay``: the advice on a log's record, said again without an endpoint."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import click

from torghut.composition.advice import replaying
from torghut.composition.logs import LogPlace
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
from torghut.workflows.reasoning.replaying import Outcome, ReplayedAdvice

_SHOWN: Final = 20
_COLUMNS: Final = {"context": "left", "status": "left", "log": "left", "replay": "left"}


@click.command()
@place_option
@click.option("--partition", type=click.IntRange(min=0), default=0, show_default=True)
@json_option
def replay(*, log_path: LogPlace, partition: int, as_json: bool) -> ExitCode:
    """Have the program answer each recorded question again, from the replies that are kept.

    Nobody is asked, and no network is used. Ends with 0 if everything is said again as it was, 5 if
    something is not, and 6 where a record is not among the artifacts of TORGHUT_ARTIFACT_DIR: what
    cannot be replayed is never identical.
    """
    with progress() as told:
        found = asyncio.run(_replay(log_path, partition, told))
    counts = Counter(str(one.status) for one in found)
    if as_json:
        print_json({"answers": [_as_json(one) for one in found], "counts": dict(counts)})
    else:
        _print(found)
    if counts["differs"]:
        return ExitCode.DISAGREES
    return ExitCode.NOT_FINAL if counts["missing"] else ExitCode.YES


async def _replay(path: LogPlace, partition: int, told: Progress) -> Sequence[ReplayedAdvice]:
    """Return every answer, replayed."""
    async with followed(path, partition, "Asking the records", told) as (log, tell):
        answers = replaying.replayed(log, partition=partition, progress=tell)
        return [one async for one in answers]


def _print(found: Sequence[ReplayedAdvice]) -> None:
    """Show what is not identical, and how much is."""
    others = [one for one in found if one.status != "identical"]
    if others:
        rows = [(o.context_id, o.status, _said(o.told), _said(o.found)) for o in others[:_SHOWN]]
        print_table(_COLUMNS, rows)
        if len(others) > _SHOWN:
            click.echo(f"and {len(others) - _SHOWN:,} more")
    same = len(found) - len(others)
    click.echo(f"{same:,} of {plural(len(found), 'answer')} identical, from the record alone")


def _said(outcome: Outcome | None) -> str:
    """Return an outcome as people read it."""
    if outcome is None:
        return "no record"
    resolution, factor, confidence, code = outcome
    numbers = [f"{one:g}" for one in (factor, confidence) if one is not None]
    return " ".join([resolution, *numbers, code]).strip()


def _as_json(one: ReplayedAdvice) -> JsonObject:
    """Return one answer, for machines."""
    return {
        "context_id": one.context_id,
        "advice": one.digest,
        "status": one.status,
        "told": list(one.told),
        "found": None if one.found is None else list(one.found),
    }
