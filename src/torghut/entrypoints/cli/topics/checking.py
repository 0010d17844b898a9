"""``torghut topics check``: declarations by themselves, and against what was promised."""

from __future__ import annotations

from collections.abc import Sequence

import click

from torghut.carrying.promises import Promise, promises, to_release
from torghut.composition.brokering import declared_topics, released
from torghut.entrypoints.cli.console import json_option, plural, print_json
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode


@click.command()
@json_option
def check(*, as_json: bool) -> ExitCode:
    """Check the declared topics, and that records once released can still be read.

    No broker is asked. Ends with 3 where a declaration contradicts itself or another, or where a
    schema no longer takes what its released form allowed.
    """
    declared = declared_topics()
    kept = promises(released())
    known = {one.released for one in kept}
    new = [path for path in to_release(declared) if path not in known]
    broken = [one for one in kept if one.broken]
    if as_json:
        print_json(_json(len(declared.declared), kept, new))
    else:
        _print(len(declared.declared), kept, new)
    return ExitCode.CONTRACT if broken else ExitCode.YES


def _print(topics: int, kept: Sequence[Promise], new: Sequence[str]) -> None:
    """Print what is broken, what is new, and how much was looked at."""
    for one in kept:
        for broken in one.broken:
            click.echo(f"broken: {one.released}: {broken}")
    for path in new:
        click.echo(f"new: {path}, not released yet")
    broken_count = sum(bool(one.broken) for one in kept)
    click.echo(
        f"{plural(topics, 'topic')}, {plural(len(kept), 'released schema')}, "
        f"{broken_count} of them broken"
    )


def _json(topics: int, kept: Sequence[Promise], new: Sequence[str]) -> JsonObject:
    """Return the same for machines."""
    return {
        "topics": topics,
        "released": len(kept),
        "broken": [
            {
                "schema": one.released,
                "read_as": one.read_as,
                "place": broken.place,
                "reason": broken.reason,
            }
            for one in kept
            for broken in one.broken
        ],
        "new": list(new),
    }
