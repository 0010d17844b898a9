"""``torghut baseline capture`` and ``diff``: freeze what a log came to, and compare with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from torghut.composition import deciding, governing, logs, standby
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, print_table
from torghut.entrypoints.cli.lookup.reading import FILE, log_option
from torghut.entrypoints.cli.stage.asking import commit_option
from torghut.governance.baselines.comparing import Difference, compare
from torghut.governance.baselines.errors import BaselineNameError
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.schemas.staging.baseline import Baseline
from torghut.settings import artifact_dir
from torghut.workflows.baseline.capturing import Capturing
from torghut.workflows.baseline.capturing import capture as capture_log
from torghut.workflows.baseline.keeping import keep, recall

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_COMPARED: Final = "compared"


@click.command()
@log_option
@click.option("--out", "name", required=True, metavar="NAME", help="Name of the baseline.")
@commit_option
@json_option
def capture(*, log_path: Path, name: str, commit: str | None, as_json: bool) -> ExitCode:
    """Capture what a log has come to, and freeze it under its digest below the artifact folder.

    That is decision quality, drawdown profile, fallback rates and context freshness, with the root
    and head of the log. The same log gives the same file; another one never takes its place.
    """
    if _NAME.fullmatch(name) is None:
        raise BaselineNameError(found=name)
    baseline = captured(log_path, name, commit)
    path = keep(standby.artifact_root(artifact_dir()), baseline)
    reference = path.removeprefix("baselines/").removesuffix(".json")
    if as_json:
        print_json(
            {"reference": reference, "path": path, "baseline": baseline.model_dump(mode="json")}
        )
        return ExitCode.YES
    print_fields(
        {
            "baseline": reference,
            "file": path,
            "log": f"root {baseline.log.root}",
            "decided": f"{baseline.decided:,} of {baseline.contexts:,} contexts",
            "fell back": ", ".join(f"{n:,} {why}" for why, n in baseline.fallback.by_reason.items())
            or "never",
        }
    )
    click.echo()
    print_table(
        {"symbol": "left", "hit ratio": "right", "brier": "right", "graded": "right"}
        | {"net gain": "right", "drawdown": "right"},
        [
            (
                one.symbol,
                number(one.hit_ratio.value),
                number(one.brier.value),
                f"{one.hit_ratio.samples:,}",
                f"{one.net_gain:,.2f} {one.currency}",
                f"{one.drawdown:,.2f} {one.currency}",
            )
            for one in baseline.symbols
        ],
    )
    return ExitCode.YES


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", required=False, metavar="[B]")
@click.option("--log", "log_path", type=FILE, help="Compare A with this log instead of B.")
@json_option
def diff(*, before: str, after: str | None, log_path: Path | None, as_json: bool) -> ExitCode:
    """Compare baseline A with B, or with what a log comes to now, figure by figure.

    A and B are NAME@DIGEST. Ends with 1 if a figure got worse than is tolerated by
    governance/policies/baseline.yaml, or is not there any more.
    """
    if (after is None) == (log_path is None):
        message = "say what A is compared with: B or --log"
        raise click.UsageError(message)
    store = standby.artifact_root(artifact_dir())
    first = recall(store, before)
    second = recall(store, after) if after else captured(log_path or Path(), _COMPARED, None)
    found = compare(first, second, governing.stage_policies().baseline)
    exceeding = [one for one in found if one.exceeds]
    if as_json:
        print_json({"exceeded": len(exceeding), "figures": [_as_object(one) for one in found]})
    else:
        _print(found)
        click.echo(f"\n{len(exceeding)} beyond what is tolerated")
    return ExitCode.NO if exceeding else ExitCode.YES


def captured(path: Path, name: str, commit: str | None) -> Baseline:
    """Return what the log at ``path`` comes to.

    Raises:
        BaselineLogError: Nothing was decided in it, or it has several partitions.
        TorghutError: It cannot be read, or not be decided again.
    """
    found = governing.commit_here() if commit is None else None
    asked = Capturing(
        name=name,
        commit=commit or (None if found is None else found.commit),
        kernel=deciding.kernel(),
        clock=standby.wall_clock(),
    )
    return asyncio.run(_capture(path, asked))


async def _capture(path: Path, asked: Capturing) -> Baseline:
    """Capture, and let go of the log."""
    log = logs.readable_log(path)
    try:
        return await capture_log(log, asked)
    finally:
        await log.close()


def number(value: float | None) -> str:
    """Return a figure to six digits; the file has it whole."""
    return "" if value is None else f"{value:.6g}"


def _print(found: Sequence[Difference]) -> None:
    """Print every figure for people."""
    columns = {"figure": "left", "of": "left", "before": "right", "after": "right"}
    columns |= {"change": "right", "tolerated": "right", "verdict": "left"}
    print_table(
        columns,
        [
            (
                one.figure,
                one.of,
                number(one.before),
                number(one.after),
                number(one.change),
                number(one.tolerance),
                one.verdict,
            )
            for one in found
        ],
    )


def _as_object(one: Difference) -> JsonObject:
    """Return one figure for machines."""
    return {
        "figure": one.figure,
        "of": one.of or None,
        "before": one.before,
        "after": one.after,
        "change": one.change,
        "tolerance": one.tolerance,
        "verdict": one.verdict,
    }
