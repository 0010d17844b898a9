"""``torghut audit``: the topics against the log, by one who decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from torghut.carrying.errors import TopicMissingError
from torghut.composition import brokering, logs
from torghut.entrypoints.cli.broker_options import answer_budget_option, bootstrap_option
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    plural,
    print_json,
    print_table,
    progress,
)
from torghut.entrypoints.cli.lookup.reading import place_option
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.workflows.carrying.auditing import Auditor, PartitionAudit


@click.command()
@place_option
@bootstrap_option
@answer_budget_option
@json_option
def audit(
    log_path: logs.LogPlace, bootstrap: str | None, *, budget_ms: int, as_json: bool
) -> ExitCode:
    """Compare what Kafka holds with what the log holds, record by record.

    Every record has exactly one outcome, each is published once and as it was decided, a symbol's
    decisions are numbered without a gap. Ends with 0 where all of that holds, 6 where it holds and
    something still waits to be decided or published, and 5 where it does not hold.
    """
    with progress() as told:
        found = asyncio.run(_audited(log_path, bootstrap, budget_ms, told))
    if as_json:
        print_json({"partitions": [_as_json(one) for one in found]})
    else:
        _print(found)
    if any(one.wrong for one in found):
        return ExitCode.DISAGREES
    return ExitCode.YES if all(one.complete for one in found) else ExitCode.NOT_FINAL


async def _audited(
    place: logs.LogPlace, address: str | None, budget_ms: int, told: Progress
) -> Sequence[PartitionAudit]:
    """Return what was found, partition by partition.

    Raises:
        TopicMissingError: There is no partition to look at, of which all would be well.
    """
    topics = brokering.carried_topics()
    broker = brokering.broker(address, name="torghut-audit", budget_ms=budget_ms)
    log = logs.readable_log(place)
    reader = broker.reader()
    try:
        partitions = await reader.partitions(topics.contexts)
        if not partitions:
            raise TopicMissingError(topic=topics.contexts)
        told.stage("Comparing", total=partitions)
        auditor = Auditor(
            broker=broker,
            log=log,
            topics=topics,
            told=lambda partition, blocks: told.at(partition, plural(blocks, "block")),
        )
        return [await auditor.audit(partition) for partition in range(partitions)]
    finally:
        await reader.close()
        await log.close()


def _as_json(found: PartitionAudit) -> JsonObject:
    """Return what was found of a partition for machines."""
    return {
        "partition": found.partition,
        "records": found.records,
        "outcomes": found.outcomes,
        "published": found.published,
        "waiting": found.waiting,
        "untold": found.untold,
        "removed": found.removed,
        "wrong": found.wrong,
        "findings": list(found.findings),
    }


def _print(found: Sequence[PartitionAudit]) -> None:
    """Print a table, and under it what is wrong."""
    columns = ("records", "outcomes", "published", "waiting", "untold", "removed", "wrong")
    print_table(
        dict.fromkeys(("partition", *columns), "right"),
        [
            [str(one.partition), *(f"{getattr(one, name):,}" for name in columns)]
            for one in found
            if one.records or one.waiting or one.published
        ],
    )
    for one in found:
        for finding in one.findings:
            click.echo(f"partition {one.partition}: {finding}")
