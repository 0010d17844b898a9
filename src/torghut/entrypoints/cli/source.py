"""``torghut source check``: what a source is and what deciding it would do."""

from __future__ import annotations

import shlex

import click

from torghut.composition import deciding
from torghut.entrypoints.cli.console import (
    json_option,
    plural,
    print_fields,
    print_json,
    print_table,
    progress,
)
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.market.ports import Cursor
from torghut.workflows.survey import Survey, bytes_read, bytes_total, survey

_PARTS_SHOWN = 8


@click.command()
@click.argument("uri")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many records.")
@json_option
def check(uri: str, *, limit: int | None, as_json: bool) -> ExitCode:
    """Say what URI is and what deciding it would do; write nothing.

    Every record is decoded and judged by the real kernel, on newborn states. Ends with 0 if
    anything would be decided, else with 1.
    """
    with progress() as told:
        told.stage("Taking digests of the source's files")
        declared = deciding.declarations()
        source = deciding.source(uri, declared)
        told.stage("Loading the decision kernel; compiled once for each build")
        kernel = deciding.kernel()
        description = source.description
        told.stage("Judging", total=bytes_total(description))

        def tell(cursor: Cursor, records: int) -> None:
            told.at(bytes_read(description, cursor), plural(records, "record"))

        found = survey(source, kernel, declared, limit=limit, told=tell)
    command = f"torghut run --source {shlex.quote(uri)}" if found.decided else ""
    if as_json:
        print_json(_as_json(uri, found, command))
    else:
        _print(found, command)
    return ExitCode.YES if found.decided else ExitCode.NO


def _print(found: Survey, command: str) -> None:
    """Print a survey for people."""
    description = found.description
    print_fields(
        {
            "kind": description.kind,
            "licence": description.licence or "not stated",
            "parts": "\n".join(_parts(found)),
            "columns": ", ".join(description.columns),
            "assumed": "\n".join(
                f"{name}: {value}" for name, value in description.assumptions.items()
            )
            or "nothing",
            "span": f"{instant(found.first_ns)} to {instant(found.last_ns)}, by receive time"
            if found.decided
            else "nothing would be decided",
            "marked": ", ".join(f"{mark} {count:,}" for mark, count in found.marks.items())
            or "nothing",
            "read": _totals(found),
        }
    )
    if found.symbols:
        click.echo()
        print_table(
            {"symbol": "left", "contexts": "right", "decided": "right", "gaps": "right"}
            | {"messages": "left"},
            [
                (
                    one.symbol,
                    f"{one.contexts:,}",
                    f"{one.decided:,}",
                    f"{one.gaps:,}",
                    ", ".join(f"{kind} {count:,}" for kind, count in one.streams.items()),
                )
                for one in found.symbols
            ],
        )
        click.echo()
    for refused in found.refusals:
        click.echo(f"{refused.code}: {plural(refused.count, 'record')}, found by {refused.judge}")
        for example in refused.examples:
            click.echo(f"    {example}")
    click.echo(f"Next: {command}" if command else "Nothing of this would be decided.")


def _parts(found: Survey) -> list[str]:
    """Return one line for each of the first parts, and how many more there are."""
    parts = found.description.parts
    lines = [
        f"{part.digest[:16]}  {f'{part.bytes_total:,} bytes expanded' if part.bytes_total else ''}"
        f"  {part.name}"
        for part in parts[:_PARTS_SHOWN]
    ]
    rest = len(parts) - len(lines)
    return lines + ([f"and {rest:,} more; --json lists all"] if rest else [])


def _totals(found: Survey) -> str:
    """Return what was read and what would become of it."""
    controls = sum(found.controls.values())
    sums = f"{plural(found.contexts, 'context')} = {found.decided:,} decided"
    sums += f" + {found.refused:,} refused ({found.undecodable:,} undecodable)"
    sums += f"; {plural(controls, 'control record')}"
    return sums if found.whole else f"{sums}; stopped at --limit"


def _as_json(uri: str, found: Survey, command: str) -> JsonObject:
    """Return a survey for machines."""
    description = found.description
    return {
        "source": uri,
        "kind": description.kind,
        "licence": description.licence,
        "parts": [
            {
                "name": part.name,
                "digest": part.digest,
                "bytes": part.bytes_total or None,
                "records": part.records_total or None,
            }
            for part in description.parts
        ],
        "columns": list(description.columns),
        "assumptions": dict(description.assumptions),
        "first_ns": str(found.first_ns) if found.decided else None,
        "last_ns": str(found.last_ns) if found.decided else None,
        "contexts": found.contexts,
        "decided": found.decided,
        "refused": found.refused,
        "undecodable": found.undecodable,
        "control_records": dict(found.controls),
        "marks": dict(found.marks),
        "whole": found.whole,
        "symbols": [
            {
                "symbol": one.symbol,
                "contexts": one.contexts,
                "decided": one.decided,
                "gaps": one.gaps,
                "messages": dict(one.streams),
                "first_ns": str(one.first_ns) if one.decided else None,
                "last_ns": str(one.last_ns) if one.decided else None,
            }
            for one in found.symbols
        ],
        "refusals": [
            {
                "code": one.code,
                "judge": one.judge,
                "count": one.count,
                "examples": list(one.examples),
            }
            for one in found.refusals
        ],
        "command": command or None,
    }
