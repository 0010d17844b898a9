"""``torghut replay --verify``: decide a log again, from the log alone, and compare every byte."""

from __future__ import annotations

import asyncio

import click

from torghut.composition import deciding, logs
from torghut.composition.logs import LogPlace
from torghut.decisions.kernel.engine import DecisionKernel, reference_kernel
from torghut.decisions.recording import Recorded
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    plural,
    print_fields,
    print_json,
    progress,
)
from torghut.entrypoints.cli.lookup.reading import place_option
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.roots import roots_of
from torghut.kernel.canonical import JsonObject
from torghut.kernel.digests import run_root
from torghut.kernel.errors import ExitCode
from torghut.workflows.replay import Difference, Replayed, replay_log


@click.command()
@click.option("--verify", is_flag=True, help="Compare with what the log holds.")
@place_option
@click.option(
    "--reference", is_flag=True, help="With the interpreted oracle: some hundred times slower."
)
@json_option
def replay(*, verify: bool, log_path: LogPlace, reference: bool, as_json: bool) -> ExitCode:
    """Decide everything in a log again and compare bytes.

    Ends with 0 if every decision and refusal is identical, 5 if one is not, and 6 if a block was
    decided by a version of the kernel that is not here: not re-executable is never identical.
    """
    if not verify:
        message = "a replay compares with what the log holds: say --verify"
        raise click.UsageError(message)
    with progress() as told:
        told.stage("Loading the decision kernel; compiled once for each build")
        kernel = reference_kernel() if reference else deciding.kernel()
        found = asyncio.run(_replay(log_path, kernel, told))
    identical = all(one.identical for one in found.values())
    if as_json:
        print_json(_as_json(found, kernel, reference=reference))
    else:
        _print(found, kernel, reference=reference)
    return ExitCode.YES if identical else ExitCode.DISAGREES


async def _replay(path: LogPlace, kernel: DecisionKernel, told: Progress) -> dict[int, Replayed]:
    """Return what the replay of each partition finds."""
    log = logs.readable_log(path)
    try:
        partitions = [*await log.partitions()] or [0]
        return {one: await _replay_partition(log, kernel, one, told) for one in partitions}
    finally:
        await log.close()


async def _replay_partition(
    log: DecisionLog, kernel: DecisionKernel, partition: int, told: Progress
) -> Replayed:
    """Return what the replay of one partition finds."""
    head = await log.head(partition)
    told.stage("Deciding again", total=head.number + 1)
    blocks = contexts = 0

    def tell(recorded: Recorded) -> None:
        nonlocal blocks, contexts
        blocks += 1
        contexts += recorded.header.counts.contexts
        told.at(blocks, plural(contexts, "context"))

    return await replay_log(log, kernel, partition=partition, progress=tell)


def _root(found: dict[int, Replayed]) -> str:
    """Return the root over all partitions."""
    return run_root(roots_of({partition: one.frontiers for partition, one in found.items()}))


def _print(found: dict[int, Replayed], kernel: DecisionKernel, *, reference: bool) -> None:
    """Print what was found, for people."""
    decisions = sum(one.decisions for one in found.values())
    differing = sum(one.differing for one in found.values())
    refusals = sum(one.outcomes_differing for one in found.values())
    same = decisions - differing
    verdict = "100 % identical" if not differing + refusals else _share(same, decisions)
    kind = "interpreted" if reference else "compiled"
    fields = {
        "replay": f"{verdict}: {same:,} of {plural(decisions, 'decision')} decided again",
        "kernel": f"version {kernel.version}, {kind}, build {kernel.build[:16]}",
        "root": _root(found),
    }
    if refusals:
        fields["refusals"] = f"{plural(refusals, 'context')} with another outcome"
    for one in found.values():
        if one.first is not None:
            fields["first"] = _place(one.first)
            break
    print_fields(fields)


def _share(same: int, total: int) -> str:
    """Return a share that never rounds up to all."""
    return f"{min(99.99, 100 * same / total if total else 0.0):.2f} % identical"


def _place(first: Difference) -> str:
    """Return where the first difference is."""
    what = f"fields {', '.join(first.fields)}" if first.fields else "one of the two is missing"
    return f"block {first.block}, arm {first.arm}, row {first.row}: {what}"


def _as_json(found: dict[int, Replayed], kernel: DecisionKernel, *, reference: bool) -> JsonObject:
    """Return what was found, for machines."""
    firsts = [(partition, one.first) for partition, one in found.items() if one.first]
    first: JsonObject | None = None
    if firsts:
        partition, one = firsts[0]
        first = {
            "partition": partition,
            "block": one.block,
            "arm": one.arm,
            "row": one.row,
            "fields": list(one.fields),
        }
    return {
        "identical": all(one.identical for one in found.values()),
        "blocks": sum(one.blocks for one in found.values()),
        "decisions": sum(one.decisions for one in found.values()),
        "differing": sum(one.differing for one in found.values()),
        "outcomes_differing": sum(one.outcomes_differing for one in found.values()),
        "first": first,
        "root": _root(found),
        "kernel_version": kernel.version,
        "kernel_build": kernel.build,
        "reference": reference,
    }
