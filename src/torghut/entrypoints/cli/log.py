"""``torghut log``: count, show heads, verify, export, and accept a loss on the record."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from torghut.composition import logs
from torghut.composition.logs import LogPlace
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    plural,
    print_fields,
    print_json,
    print_table,
    progress,
    shown,
)
from torghut.entrypoints.cli.lookup.heads import HeadType, head_text
from torghut.entrypoints.cli.lookup.reading import FILE, log_option, place_option, read_log
from torghut.eventlog.block import Head
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.verification import (
    Finding,
    FindingKind,
    Tail,
    VerifyProgress,
    VerifyReport,
    block_place,
)
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.ids import SERVING
from torghut.workflows.lookup.export import Exported
from torghut.workflows.lookup.export import export as export_lines
from torghut.workflows.lookup.scanning import Scanning
from torghut.workflows.lookup.stats import LogStats, count

_NOT_ANCHORED: Final = "compare it with a head kept elsewhere: --expect NUMBER:DIGEST"
_BY_EXPECTATION: Final = frozenset({FindingKind.TRUNCATED, FindingKind.REWRITTEN})


@click.command()
@place_option
@json_option
def stats(*, log_path: LogPlace, as_json: bool) -> ExitCode:
    """Count what is in a log, by symbol and by refusal code, and compute its root.

    In JSON `quarantined` is all that was not decided: refused contexts, and records that were no
    context at all, which `undecodable` counts alone.
    """

    async def work(log: DecisionLog, told: Scanning) -> LogStats:
        return await count(log, told)

    found = read_log(log_path, "Counting", work)
    if as_json:
        print_json(_stats_json(found))
    else:
        _print_stats(found)
    return ExitCode.YES


@click.command()
@place_option
@json_option
def head(*, log_path: LogPlace, as_json: bool) -> ExitCode:
    """Show the head of each partition: keep it elsewhere, and give it to `log verify --expect`."""

    async def work(log: DecisionLog, _told: Scanning) -> list[Head]:
        return [await log.head(partition) for partition in await log.partitions()]

    found = read_log(log_path, "Reading heads", work)
    if as_json:
        print_json({"heads": [_head_json(one) for one in found]})
        return ExitCode.YES
    for one in found:
        click.echo(head_text(one))
    if not found:
        click.echo("empty: no block yet")
    return ExitCode.YES


@click.command()
@place_option
@click.option("--expect", type=HeadType(), help="A head kept elsewhere, as `log head` prints it.")
@json_option
def verify(*, log_path: LogPlace, expect: Head | None, as_json: bool) -> ExitCode:
    """Verify every block, chain, row, event and object of a log, and its heads file.

    Ends with 0 if all is as it was written, 4 if something is altered or missing, and 5 if only
    the expected head is not in the chain. Without --expect a tail that was cut or made anew
    together with the heads file cannot be noticed: `tail not anchored`.
    """
    with progress() as told:
        told.stage("Verifying")
        report = asyncio.run(_verify(log_path, expect, told))
    code = _judge(report, expect)
    if as_json:
        print_json(_report_json(report, expect, code))
    else:
        _print_report(report, expect)
    return code


@click.command()
@place_option
@click.option("--what", type=click.Choice([*map(str, Exported)]), required=True, help="Which.")
@click.option("--format", "_format", type=click.Choice(["jsonl"]), default="jsonl", help="Of it.")
@click.option("--out", type=FILE, help="File to write into; by default standard output.")
@click.option("--arm", default=SERVING, show_default=True, help="Whose decisions.")
def export(*, log_path: LogPlace, what: str, _format: str, out: Path | None, arm: str) -> ExitCode:
    """Write decisions, refusals, control records or blocks as JSON lines, in log order.

    Decisions, refusals and control records are as their schemas in schemas/events say; the
    control records can be given to `torghut run --control` again.
    """
    if out is None:
        _to_stdout(log_path, Exported(what), arm)
        return ExitCode.YES
    with out.open("wb") as file:
        lines = _export(log_path, Exported(what), arm, file.write)
    click.echo(f"{plural(lines, 'line')} in {shown(out)}")
    return ExitCode.YES


@click.command()
@log_option
@click.option("--reason", required=True, help="Why this is right; kept in the log for ever.")
@json_option
def accept_truncation(*, log_path: Path, reason: str, as_json: bool) -> ExitCode:
    """Take a log that lost its tail as it is, on the record, so that it opens again.

    What was altered, not only cut, cannot be accepted. Ends with 1 if nothing was missing.
    """
    accepted = logs.accept_loss(log_path, reason)
    findings = [] if accepted is None else [*accepted.findings]
    if as_json:
        print_json({"accepted": accepted is not None, "reason": reason, "findings": findings})
    elif accepted is None:
        click.echo("nothing is missing: the log and its heads file agree; nothing was recorded")
    else:
        click.echo("accepted, and recorded in the log:")
        for finding in findings:
            click.echo(f"    {finding}")
    return ExitCode.NO if accepted is None else ExitCode.YES


async def _verify(path: LogPlace, expect: Head | None, told: Progress) -> VerifyReport:
    """Return what verification finds; also a log that would not be served is opened."""
    log = logs.inspected_log(path)
    begun = False

    def tell(far: VerifyProgress) -> None:
        nonlocal begun
        if not begun:
            told.stage("Verifying", total=far.blocks_total)
            begun = True
        told.at(far.blocks, plural(far.blocks, "block"))

    try:
        return await log.verify(expect=expect, progress=tell)
    finally:
        await log.close()


def _judge(report: VerifyReport, expect: Head | None) -> ExitCode:
    """Return what a report means: damage first, then a head that is not there."""
    if report.intact:
        return ExitCode.YES
    told = [finding for finding in report.findings if not _is_expectation(finding, expect)]
    damaged = bool(told) or report.findings_total > len(report.findings)
    return ExitCode.INTEGRITY if damaged else ExitCode.DISAGREES


def _is_expectation(finding: Finding, expect: Head | None) -> bool:
    """Say whether a finding is only that the expected head is not in the chain."""
    if expect is None:
        return False
    place = block_place(expect.partition, expect.number)
    about = (finding.place, finding.expected) == (place, expect.digest)
    return about and finding.kind in _BY_EXPECTATION


def _print_report(report: VerifyReport, expect: Head | None) -> None:
    """Print a report for people."""
    anchored = f"; {_NOT_ANCHORED}"
    if expect is not None:
        found = "in its chain" if report.tail is Tail.ANCHORED else "not in its chain"
        anchored = f": the expected head is {found}"
    print_fields(
        {
            "log": "intact" if report.intact else plural(report.findings_total, "finding"),
            "read": f"{plural(report.blocks, 'block')}, {plural(report.decisions, 'decision')}, "
            f"{plural(report.events, 'event')}, {plural(report.objects, 'object')}",
            "head": "\n".join(map(head_text, report.heads)) or "empty: no block yet",
            "tail": f"{report.tail}{anchored}",
        }
    )
    for finding in report.findings:
        click.echo(f"✗ {finding.place}: {finding.kind}")
        click.echo(f"    expected {finding.expected}")
        click.echo(f"    found    {finding.found}")
    if report.findings_total > len(report.findings):
        click.echo(f"and {report.findings_total - len(report.findings):,} more")


def _report_json(report: VerifyReport, expect: Head | None, code: ExitCode) -> JsonObject:
    """Return a report for machines."""
    return {
        "intact": report.intact,
        "exit_code": int(code),
        "tail": str(report.tail),
        "expected": None if expect is None else _head_json(expect),
        "heads": [_head_json(one) for one in report.heads],
        "blocks": report.blocks,
        "decisions": report.decisions,
        "events": report.events,
        "objects": report.objects,
        "findings": [
            {
                "kind": str(finding.kind),
                "place": finding.place,
                "expected": finding.expected,
                "found": finding.found,
            }
            for finding in report.findings
        ],
        "findings_total": report.findings_total,
    }


def _print_stats(found: LogStats) -> None:
    """Print counts for people."""
    counts, undecodable = found.counts, found.undecodable.total()
    print_fields(
        {
            "contexts": f"{counts.contexts:,} = {counts.decisions:,} decided"
            f" + {counts.quarantined:,} refused, {undecodable:,} of them no context at all",
            "controls": plural(counts.control_records, "control record"),
            "blocks": f"{counts.blocks:,}",
            "shadows": ", ".join(f"{arm} {rows:,}" for arm, rows in found.shadows.items())
            or "none",
            "root": found.root,
            "head": "\n".join(map(head_text, found.heads.values())) or "empty: no block yet",
        }
    )
    if found.symbols:
        numbers = ("contexts", "decided", "refused", "buy", "sell", "hold", "abstain")
        print_table(
            {"symbol": "left"} | dict.fromkeys(numbers, "right"),
            [
                (
                    symbol,
                    f"{one.contexts:,}",
                    f"{one.decisions:,}",
                    f"{one.refusals.total():,}",
                    *(f"{one.intents[intent]:,}" for intent in numbers[3:]),
                )
                for symbol, one in found.symbols.items()
            ],
        )
    for code, refused in found.refusals.most_common():
        click.echo(f"{code}: {refused:,}")


def _stats_json(found: LogStats) -> JsonObject:
    """Return counts for machines."""
    return {
        **found.counts.model_dump(),
        "root": found.root,
        "refusals": dict(found.refusals),
        "undecodable": found.undecodable.total(),
        "shadows": dict(found.shadows),
        "symbols": {
            symbol: {
                "contexts": one.contexts,
                "decisions": one.decisions,
                "refusals": dict(one.refusals),
                "intents": dict(one.intents),
                "first_ns": str(one.first_ns) if one.decisions else None,
                "last_ns": str(one.last_ns) if one.decisions else None,
                "root": one.root or None,
            }
            for symbol, one in found.symbols.items()
        },
        "heads": [_head_json(one) for one in found.heads.values()],
    }


def _head_json(one: Head) -> JsonObject:
    """Return a head for machines."""
    return {
        "partition": one.partition,
        "number": one.number,
        "digest": one.digest,
        "text": head_text(one),
    }


def _export(path: LogPlace, what: Exported, arm: str, write: Callable[[bytes], int]) -> int:
    """Write everything asked for, and return the number of lines."""

    async def work(log: DecisionLog, told: Scanning) -> int:
        lines = 0
        async for line in export_lines(log, what, arm=arm, progress=told):
            write(line + b"\n")
            lines += 1
        return lines

    return read_log(path, f"Writing {what}", work)


def _to_stdout(path: LogPlace, what: Exported, arm: str) -> None:
    """Write to standard output, and end quietly where its reader has had enough."""
    try:
        _export(path, what, arm, lambda line: sys.stdout.write(line.decode()))
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer has nobody to go to; without this, flushing it would raise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
